import { Budget } from '../budget.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { Latencies } from './hedge/latencies.ts';
import { Race, type HedgeReport } from './hedge/race.ts';
import { resolveSettings, type HedgeOptions, type HedgeSettings } from './hedge/settings.ts';

export type { HedgeReport } from './hedge/race.ts';
export {
  HEDGE_OPTION_NAMES,
  type HedgeBudget,
  type HedgeDelay,
  type HedgeOptions,
} from './hedge/settings.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** false: this request is sent once at a time. */
    hedge?: boolean | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** How hedging went, where the request was sent more than once. */
    readonly hedge?: HedgeReport | undefined;
  }
}

/** Origins whose times are kept. */
const MAX_ORIGINS = 1000;

/**
 * Sends a request once more when no answer has come after a while, and takes whichever comes first: what a server does slowly once in a
 * hundred times, it seldom does slowly twice. The other one is called off: over HTTP/1.1 that closes its connection.
 *
 * The first head that is neither 429 nor 5xx wins. One that fails waits for the others; where all fail, it is what came of the first.
 * A request that fails before it was hedged has failed: to send it again is a retry's business. Only safe methods are hedged, and only a
 * content that can be replayed. Place it inside of retries, a breaker and a cache, which then see one request.
 */
export class HedgeMiddleware extends Middleware {
  readonly #settings: HedgeSettings;
  readonly #budget: Budget | null;
  readonly #mayHedge: () => boolean;
  readonly #latencies = new Map<string, Latencies>();

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: HedgeOptions = {}) {
    super(next);
    this.#settings = resolveSettings(options);
    const { budget } = this.#settings;
    this.#budget = budget === null ? null : new Budget('hedge.budget', budget);
    this.#mayHedge = () => this.#budget?.withdraw() ?? true;
  }

  send(request: Request): Promise<Response> {
    this.#budget?.deposit();
    const { delay, methods, maxHedges } = this.#settings;
    if (
      request.extensions.hedge === false ||
      !methods.has(request.method) ||
      request.content?.replayable === false
    )
      return this.next.send(request);
    const latencies =
      typeof delay === 'number' ? null : this.#latenciesOf(request.origin, delay.percentile);
    return new Race(request, this.next, {
      delay: typeof delay === 'number' ? delay : (latencies?.percentile ?? delay.initial),
      maxHedges,
      mayHedge: this.#mayHedge,
      latencies,
    }).run();
  }

  #latenciesOf(origin: string, percentile: number): Latencies {
    let latencies = this.#latencies.get(origin);
    if (latencies === undefined) {
      if (this.#latencies.size >= MAX_ORIGINS)
        this.#latencies.delete(this.#latencies.keys().next().value as string);
      latencies = new Latencies(percentile);
      this.#latencies.set(origin, latencies);
    }
    return latencies;
  }
}
