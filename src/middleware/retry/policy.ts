import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { delayAsked } from './retry-after.ts';

/** How an attempt ended: with a response, or with an error. */
export type RetryOutcome =
  | { readonly response: Response; readonly error?: undefined }
  | { readonly error: unknown; readonly response?: undefined };

/**
 * Decides what follows an attempt: milliseconds to wait before the next one, or 'stop'. `attempt` counts from 1. A pure function of what
 * it is given (and of chance): to be replaced, or called by one of yours.
 */
export type RetryPolicy = (
  attempt: number,
  request: Request,
  outcome: RetryOutcome,
) => number | 'stop';

/** Exponential backoff with full jitter: attempt n is followed by a wait of up to `min(cap, base * 2 ** (n - 1))`. Milliseconds. */
export interface Backoff {
  /** Default 250. */
  readonly base?: number | undefined;
  /** Default 10,000. */
  readonly cap?: number | undefined;
}

/** What the default policy goes by. */
export interface PolicyOptions {
  /** Methods that may be sent again. Default: the idempotent ones (RFC 9110 §9.2.2). With an `Idempotency-Key`, any may. */
  readonly methods?: readonly string[] | undefined;
  /** Statuses that may pass. Default 408, 425, 429, 500, 502, 503, 504. */
  readonly statuses?: readonly number[] | undefined;
  /** Whether a connect, read, write or pool timeout is followed by another attempt. Default false. */
  readonly timeouts?: boolean | undefined;
  readonly backoff?: Backoff | undefined;
  /**
   * The longest wait that a server, or a circuit breaker further in, may ask for, in milliseconds: if it asks for more, its answer is
   * final. Default 60,000.
   */
  readonly maxRetryAfter?: number | undefined;
}

/** RFC 9110 §9.2.2; QUERY is of RFC 10008. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'];
const STATUSES: readonly number[] = [
  408, // Request Timeout
  425, // Too Early
  429, // Too Many Requests
  500, // Internal Server Error
  502, // Bad Gateway
  503, // Service Unavailable
  504, // Gateway Timeout
];

/** Errors after which a server may be there again. A deadline that has passed, or HTTP that we would break, is not among them. */
const BROKEN: ReadonlySet<unknown> = new Set([
  'ERR_CONNECT',
  'ERR_READ',
  'ERR_WRITE',
  'ERR_REMOTE_PROTOCOL',
]);
const TIMED_OUT: ReadonlySet<unknown> = new Set([
  'ERR_CONNECT_TIMEOUT',
  'ERR_READ_TIMEOUT',
  'ERR_WRITE_TIMEOUT',
  'ERR_POOL_TIMEOUT',
]);

/**
 * The policy that `RetryMiddleware` has unless it is given another. It waits as long as the server asks (`Retry-After`, `retry-after-ms`,
 * `RateLimit-Reset`), after a circuit that is open until it lets a request through, else as the backoff says. How many attempts there are is not its business.
 * @throws TypeError on an option that is not what it has to be.
 */
export function defaultPolicy(options: PolicyOptions = {}): RetryPolicy {
  const methods = new Set(options.methods ?? METHODS);
  const statuses = new Set(options.statuses ?? STATUSES);
  const base = amount('backoff.base', options.backoff?.base, 250);
  const cap = amount('backoff.cap', options.backoff?.cap, 10_000);
  const maxRetryAfter = amount('maxRetryAfter', options.maxRetryAfter, 60_000);
  const errors = options.timeouts === true ? new Set([...BROKEN, ...TIMED_OUT]) : BROKEN;

  return function retryPolicy(attempt, request, { response, error }) {
    const backoff = Math.random() * Math.min(cap, base * 2 ** (attempt - 1));
    const refused = refusedFor(error);
    // Nothing was sent, so any method may be. Behind the time to come again lies a backoff, so that not all come at once.
    if (refused !== null) return refused <= maxRetryAfter ? refused + backoff : 'stop';
    if (!methods.has(request.method) && !request.headers.has('idempotency-key')) return 'stop';
    if (response === undefined) {
      if (!errors.has((error as { code?: unknown } | null)?.code)) return 'stop';
    } else {
      if (!statuses.has(response.status)) return 'stop';
      const asked = delayAsked(response.headers);
      if (asked !== null) return asked <= maxRetryAfter ? asked : 'stop';
    }
    return backoff;
  };
}

/** Milliseconds for which a circuit breaker further in refuses to send anything; null where it was none that failed. */
function refusedFor(error: unknown): number | null {
  const { code, retryAfter } = (error ?? {}) as { code?: unknown; retryAfter?: unknown };
  return code === 'ERR_BREAKER_OPEN' && typeof retryAfter === 'number' ? retryAfter : null;
}

function amount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new TypeError(`retry.${name}: expected milliseconds from 0, got ${String(value)}`);
  }
  return value;
}
