import { isTransportError } from '../../errors.ts';
import type { Response } from '../../messages/response.ts';

/** What came of a request: the head of a response, or an error. A body that breaks off is an error after a response. */
export type BreakerOutcome =
  | { readonly response: Response; readonly error?: undefined }
  | { readonly error: unknown; readonly response?: undefined };

/**
 * Says of an outcome whether the server has failed: true; false, where it has served; null, where it says nothing about the server. The
 * caller's own abort is never asked about.
 */
export type FailureTest = (outcome: BreakerOutcome) => boolean | null;

/** A server that cannot. Not 429: that one can, and says how often. */
const FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** Nothing of these ever came near the server. */
const OWN: ReadonlySet<string> = new Set([
  'ERR_LOCAL_PROTOCOL',
  'ERR_UNSUPPORTED_PROTOCOL',
  'ERR_POOL_TIMEOUT',
  'ERR_POOL_FULL',
  'ERR_THROTTLE',
  'ERR_BREAKER_OPEN',
]);

/**
 * The test that `BreakerMiddleware` has unless it is given another: 500, 502, 503, 504, and a `TransportError` that is not our own making
 * are failures; a full pool, a throttle, and errors of any other kind say nothing.
 */
export function defaultIsFailure({ response, error }: BreakerOutcome): boolean | null {
  if (response !== undefined) return FAILURES.has(response.status);
  // Who has waited in vain for a place here says nothing about the server.
  return isTransportError(error) && !OWN.has(error.code) && error.phase !== 'pool' ? true : null;
}
