import { Agent, type Dispatcher, Pool } from 'undici';

/** One pool for one origin; an agent, which keeps a pool for each, for many. */
export function undiciDispatcher(origins: readonly string[], connections: number): Dispatcher {
  const [only] = origins;
  const keepAliveTimeout = 60_000;
  return only !== undefined && origins.length === 1
    ? new Pool(only, { connections, pipelining: 1, keepAliveTimeout })
    : new Agent({ pipelining: 1, keepAliveTimeout });
}
