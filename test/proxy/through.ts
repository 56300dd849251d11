import { ConnectionPool, Proxy, type ConnectionPoolOptions } from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { startTLS, type ScriptServer, type Step } from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

export const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
export const secure: Step = startTLS(identities.server);

/** A pool whose requests all go through tunnels of this proxy. */
export function through(
  proxy: ScriptServer,
  options: ConnectionPoolOptions = {},
  how: ProxyOptions = {},
  credentials = '',
): ConnectionPool {
  const url = proxy.url.replace('://', `://${credentials}`);
  return new ConnectionPool({
    proxy: new Proxy(url, { mode: 'tunnel', ...how }),
    tls: { ca },
    ...options,
  });
}
