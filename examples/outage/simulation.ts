import { Response, RetryMiddleware, stack, Transport, type Request } from '../../src/index.ts';
import { BreakerMiddleware } from '../../src/middleware/breaker.ts';
import { VirtualTime } from './virtual-time.ts';

/** What is simulated. Times are in milliseconds. */
export interface Scenario {
  readonly clients: number;
  /** How often each client makes a call. */
  readonly every: number;
  /** How long the server takes to answer, with whatever status. */
  readonly latency: number;
  /** From when to when it answers every request with 503. */
  readonly outage: readonly [from: number, to: number];
  /** When the simulation ends. */
  readonly until: number;
  /** Of chance: the same seed gives the same numbers. */
  readonly seed: number;
}

/** A way to be a client. */
export interface Strategy {
  readonly name: string;
  /** The stack of one client around the server. */
  readonly client: (server: Transport) => Transport;
}

export const OUTAGE: Scenario = {
  clients: 200,
  every: 500,
  latency: 20,
  outage: [10_000, 20_000],
  until: 35_000,
  seed: 1,
};

const RETRY = { attempts: 4 };
const BREAKER = { window: 5000, minimumRequests: 5, openFor: 1000, maxOpenFor: 4000 };

export const STRATEGIES: readonly Strategy[] = [
  { name: 'no retries', client: (server) => server },
  {
    name: 'retries',
    client: (server) => stack(RetryMiddleware.layer({ ...RETRY, budget: null }), server),
  },
  {
    name: 'retries with a budget',
    client: (server) => stack(RetryMiddleware.layer(RETRY), server),
  },
  {
    name: 'budget and breaker',
    client: (server) =>
      stack(RetryMiddleware.layer(RETRY), BreakerMiddleware.layer(BREAKER), server),
  },
];

/** What came of a strategy. */
export interface Outcome {
  readonly name: string;
  /** Requests that came to the server, in each slice of time. */
  readonly load: readonly number[];
  /** Requests that came to it during the outage. */
  readonly during: number;
  /** Calls that were made, and did not end with a 200. */
  readonly failed: number;
  /** Milliseconds from the end of the outage to that of the last call that failed. */
  readonly recovery: number;
}

/** The slices that the load is counted in, in milliseconds. */
export const SLICE = 250;

/** Fails as long as the outage lasts, and notes when it was asked. */
class Server extends Transport {
  readonly load: number[];
  during = 0;
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;

  constructor(time: VirtualTime, scenario: Scenario) {
    super();
    this.load = Array.from({ length: Math.ceil(scenario.until / SLICE) }, () => 0);
    this.#time = time;
    this.#scenario = scenario;
  }

  async send(request: Request): Promise<Response> {
    const { latency, outage } = this.#scenario;
    const { now } = this.#time;
    const fails = now >= outage[0] && now < outage[1];
    const slice = Math.floor(now / SLICE);
    if (slice < this.load.length) this.load[slice]!++;
    if (fails) this.during++;
    await new Promise((resolve) => setTimeout(resolve, latency));
    return new Response(fails ? 503 : 200, { request });
  }
}

/** All of it, in virtual time. */
export async function simulate({ name, client }: Strategy, scenario: Scenario): Promise<Outcome> {
  const time = new VirtualTime(scenario.seed);
  const server = new Server(time, scenario);
  let failed = 0;
  let recovery = 0;

  const call = async (transport: Transport): Promise<void> => {
    try {
      const response = await transport.request('GET', 'http://server.example/');
      if (response.ok) return;
    } catch {}
    failed++;
    recovery = Math.max(0, time.now - scenario.outage[1]);
  };
  const work = (transport: Transport): void => {
    void call(transport);
    setTimeout(work, scenario.every, transport);
  };
  const begin = (): void => {
    // Evenly spread, so that what is uneven is the strategy's doing.
    for (let i = 0; i < scenario.clients; i++)
      setTimeout(work, (i * scenario.every) / scenario.clients, client(server));
  };
  await time.run(scenario.until, begin);
  return { name, load: server.load, during: server.during, failed, recovery };
}
