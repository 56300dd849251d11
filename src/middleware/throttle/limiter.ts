import type { Request } from '../../messages/request.ts';

/**
 * A limit that is kept somewhere else, and shared: by the machines of a fleet, or by clients in one process.
 *
 * It is asked, and does not wait: the throttle does that, and ends the wait with the request's signal and deadline. One request of a key
 * asks at a time, the others wait behind it.
 */
export interface Limiter {
  /**
   * Takes one request's share of the limit. 0: taken, the request is sent. More: not taken, ask again after so many milliseconds.
   * `Infinity`: it never will be. What it throws ends the request, with a `ThrottleError`.
   */
  take(key: string, request: Request): number | PromiseLike<number>;
  /** Told once of each request that was let through, when it is over: for a limit on how many are under way. What it throws does not count. */
  give?(key: string, request: Request): void | PromiseLike<void>;
}

/** What is needed of a limiter of rate-limiter-flexible: `RateLimiterRedis`, `RateLimiterMemory`, `RateLimiterUnion`, `BurstyRateLimiter`, … */
export interface FlexibleRateLimiter {
  consume(key: string, points?: number): Promise<unknown>;
}

/**
 * A limiter of rate-limiter-flexible's as the limit of a throttle: one point a request. Its `blockDuration` is to be 0, as it is by default:
 * asking in vain would block the key.
 */
export class FlexibleLimiter implements Limiter {
  readonly #limiter: FlexibleRateLimiter;

  /** @throws TypeError where it is none. */
  constructor(limiter: FlexibleRateLimiter) {
    if (typeof limiter?.consume !== 'function')
      throw new TypeError('FlexibleLimiter: expected a limiter of rate-limiter-flexible');
    this.#limiter = limiter;
  }

  async take(key: string): Promise<number> {
    try {
      await this.#limiter.consume(key);
      return 0;
    } catch (refusal) {
      return waitIn(refusal);
    }
  }
}

/** How long a refusal says to wait. A union's has one for each limiter that refuses. @throws what is no refusal. */
function waitIn(refusal: unknown): number {
  if (refusal instanceof Error || typeof refusal !== 'object' || refusal === null) throw refusal;
  const { msBeforeNext } = refusal as { msBeforeNext?: unknown };
  if (msBeforeNext === undefined) return Math.max(...Object.values(refusal).map(waitIn));
  // -1: the points never come back. 0: they are about to.
  return Number(msBeforeNext) < 0 ? Infinity : Math.max(Number(msBeforeNext), 1);
}
