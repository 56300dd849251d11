import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { Budget, type RetryBudget } from './retry/budget.ts';
import {
  defaultPolicy,
  type PolicyOptions,
  type RetryOutcome,
  type RetryPolicy,
} from './retry/policy.ts';
import { leavesTime, wait } from './retry/wait.ts';

export type { RetryBudget } from './retry/budget.ts';
export {
  defaultPolicy,
  type Backoff,
  type PolicyOptions,
  type RetryOutcome,
  type RetryPolicy,
} from './retry/policy.ts';

/** How requests are sent again. Times are in milliseconds. */
export interface RetryOptions extends PolicyOptions {
  /** Tries in all, the first included. Default 3. */
  readonly attempts?: number | undefined;
  /** What decides instead of the default policy; the options of that are then not heeded. */
  readonly policy?: RetryPolicy | undefined;
  /** How much load retries may add; null: as much as they like. Default: a fifth, and 10 in reserve. */
  readonly budget?: RetryBudget | null | undefined;
  /** Gives requests whose method is not idempotent an `Idempotency-Key`, so that they may be sent again. Default false. */
  readonly idempotencyKey?: boolean | undefined;
}

/** The options by name, for those who check them. */
export const RETRY_OPTION_NAMES: readonly string[] = [
  'attempts',
  'policy',
  'budget',
  'idempotencyKey',
  'methods',
  'statuses',
  'timeouts',
  'backoff',
  'maxRetryAfter',
];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: not sent again (false), or with these options. */
    retry?: boolean | RetryOptions | undefined;
    /** Which try this is, from 1: set by the retry layer for those inside of it. */
    attempt?: number | undefined;
  }
}

interface Plan {
  readonly attempts: number;
  readonly policy: RetryPolicy;
  readonly idempotencyKey: boolean;
}

/**
 * Sends a request again when its answer says that it may succeed then: a passing status, or a connection that broke. A content that cannot be
 * replayed is never sent twice, and the budget keeps an outage from being answered with a multiple of the load.
 *
 * When the attempts are used up, the last *response* is returned, its body unread, or the last error thrown, with those before it in
 * `error.earlier`. Waits end with the signal; where the deadline would pass in one, it is not begun.
 */
export class RetryMiddleware extends Middleware {
  readonly #options: RetryOptions;
  /** null: only requests that ask for it are sent again. */
  readonly #plan: Plan | null;
  readonly #budget: Budget | null;

  /** With `false`, only requests that bring `retry` are sent again. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: RetryOptions | false = {}) {
    super(next);
    this.#options = options === false ? {} : options;
    this.#plan = options === false ? null : planOf(options);
    this.#budget = this.#options.budget === null ? null : new Budget(this.#options.budget);
  }

  override get dormant(): boolean {
    return this.#plan === null;
  }

  send(request: Request): Promise<Response> {
    this.#budget?.deposit();
    let plan = this.#plan;
    const choice = request.extensions.retry;
    if (choice !== undefined) {
      try {
        plan = planFor(choice, this.#options);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return plan === null ? this.next.send(request) : this.#repeat(request, plan);
  }

  async #repeat(request: Request, plan: Plan): Promise<Response> {
    const first = plan.idempotencyKey ? withIdempotencyKey(request) : request;

    const earlier: unknown[] = [];
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#try(attempt === 1 ? first : first.with({ attempt }));
      const delay = attempt < plan.attempts ? plan.policy(attempt, first, outcome) : 'stop';
      if (delay === 'stop' || !this.#mayRepeat(first, delay)) return result(outcome, earlier);
      if (outcome.response !== undefined) await outcome.response.close();
      else earlier.push(outcome.error);
      if (delay > 0) await wait(delay, first.signal);
    }
  }

  async #try(request: Request): Promise<RetryOutcome> {
    try {
      return { response: await this.next.send(request) };
    } catch (error) {
      // The caller's own end is nobody's failure.
      if (request.signal?.aborted === true) throw error;
      return { error };
    }
  }

  #mayRepeat(request: Request, delay: number): boolean {
    if (request.content !== null && !request.content.replayable) return false;
    return leavesTime(request, delay) && (this.#budget?.withdraw() ?? true);
  }
}

function planFor(choice: boolean | RetryOptions, options: RetryOptions): Plan | null {
  if (choice === false) return null;
  return planOf(choice === true ? options : { ...options, ...choice });
}

function planOf(options: RetryOptions): Plan {
  const { attempts = 3, policy, idempotencyKey = false } = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError(`retry.attempts: expected a whole number from 1, got ${String(attempts)}`);
  }
  if (policy !== undefined && typeof policy !== 'function') {
    throw new TypeError(`retry.policy: expected a function, got ${typeof policy}`);
  }
  return { attempts, policy: policy ?? defaultPolicy(options), idempotencyKey };
}

function withIdempotencyKey(request: Request): Request {
  if (!NEEDS_KEY.has(request.method) || request.headers.has('idempotency-key')) return request;
  return request.with({ headers: request.headers.with('idempotency-key', crypto.randomUUID()) });
}

const NEEDS_KEY: ReadonlySet<string> = new Set(['POST', 'PATCH']);

function result({ response, error }: RetryOutcome, earlier: readonly unknown[]): Response {
  if (response !== undefined) return response;
  if (earlier.length > 0 && error instanceof Error) {
    Object.defineProperty(error, 'earlier', { value: earlier, configurable: true });
  }
  throw error;
}
