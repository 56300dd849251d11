import { Budget } from '../budget.ts';
import type { BodySource } from '../messages/body-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { mayBeResumed, wholeOf } from './retry/part.ts';
import { defaultPolicy, type PolicyOptions, type RetryPolicy } from './retry/policy.ts';
import { ResumedSource } from './retry/resumed-source.ts';
import { Tries, type Plan } from './retry/tries.ts';

export {
  defaultPolicy,
  type Backoff,
  type PolicyOptions,
  type RetryOutcome,
  type RetryPolicy,
} from './retry/policy.ts';

/** How much load retries may add, so that an outage is not made worse by all who retry. */
export interface RetryBudget {
  /** Retries allowed for each request: 0.2 is a fifth more load at most. Default 0.2. */
  readonly ratio?: number | undefined;
  /** Retries that may be saved up, and that there are at the start. Default 10. */
  readonly reserve?: number | undefined;
}

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
  /**
   * Whether a GET whose body breaks off is continued from there, with `Range` and `If-Range` (RFC 9110 §13.1.5). It is then asked for
   * uncompressed. Each continuation is one of the `attempts`. Default false.
   */
  readonly resume?: boolean | undefined;
}

/** The options by name, for those who check them. */
export const RETRY_OPTION_NAMES: readonly string[] = [
  'attempts',
  'policy',
  'budget',
  'idempotencyKey',
  'resume',
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

/**
 * Sends a request again when its answer says that it may succeed then: a passing status, or a connection that broke. A content that cannot be
 * replayed is never sent twice, and the budget keeps an outage from being answered with a multiple of the load.
 *
 * When the attempts are used up, the last *response* is returned, its body unread, or the last error thrown, with those before it in
 * `error.earlier`. Waits end with the signal; where the deadline would pass in one, it is not begun.
 */
export class RetryMiddleware extends Middleware {
  override readonly role = 'retries';
  readonly #options: RetryOptions;
  /** null: only requests that ask for it are sent again. */
  readonly #plan: Plan | null;
  readonly #budget: Budget | null;

  /** With `false`, only requests that bring `retry` are sent again. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: RetryOptions | false = {}) {
    super(next);
    this.#options = options === false ? {} : options;
    this.#plan = options === false ? null : planOf(options);
    const { budget } = this.#options;
    this.#budget =
      budget === null
        ? null
        : new Budget('retry.budget', {
            ratio: budget?.ratio ?? 0.2,
            reserve: budget?.reserve ?? 10,
          });
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
    const resumes = plan.resume && mayBeResumed(request);
    const tries = new Tries(prepared(request, plan, resumes), plan, this.#budget, this.next);
    for (;;) {
      const outcome = await tries.send();
      if (await tries.again(outcome)) continue;
      if (outcome.response === undefined) throw tries.last(outcome.error);
      return resumes ? resumable(outcome.response, tries) : outcome.response;
    }
  }
}

function planFor(choice: boolean | RetryOptions, options: RetryOptions): Plan | null {
  if (choice === false) return null;
  return planOf(choice === true ? options : { ...options, ...choice });
}

function planOf(options: RetryOptions): Plan {
  const { attempts = 3, policy, idempotencyKey = false, resume = false } = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError(`retry.attempts: expected a whole number from 1, got ${String(attempts)}`);
  }
  if (policy !== undefined && typeof policy !== 'function') {
    throw new TypeError(`retry.policy: expected a function, got ${typeof policy}`);
  }
  if (typeof resume !== 'boolean')
    throw new TypeError(`retry.resume: expected true or false, got ${typeof resume}`);
  return { attempts, policy: policy ?? defaultPolicy(options), idempotencyKey, resume };
}

/** The request as all of its tries send it. */
function prepared(request: Request, { idempotencyKey }: Plan, resumes: boolean): Request {
  // What was cut off inside of a compression cannot be continued by what is decoded further in.
  if (resumes)
    return request.with({ headers: request.headers.with('accept-encoding', 'identity') });
  return idempotencyKey ? withIdempotencyKey(request) : request;
}

/** The response, with a body that is continued where that is possible: of one that is decoded, the bytes that came are not known here. */
function resumable(response: Response, tries: Tries): Response {
  const whole = response.isRead ? null : wholeOf(response);
  if (whole === null) return response;
  // What is not read is a source.
  const body = response.detach() as BodySource;
  return response.with({
    body: body.inner === undefined ? new ResumedSource(body, whole, tries) : body,
  });
}

function withIdempotencyKey(request: Request): Request {
  if (!NEEDS_KEY.has(request.method) || request.headers.has('idempotency-key')) return request;
  return request.with({ headers: request.headers.with('idempotency-key', crypto.randomUUID()) });
}

const NEEDS_KEY: ReadonlySet<string> = new Set(['POST', 'PATCH']);
