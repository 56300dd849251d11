import type { Exchange } from '../exchange.ts';

/** Methods of which a second request has no effect that the first had not (RFC 9110 §9.2.2). QUERY: RFC 10008. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'QUERY',
]);

/**
 * Whether a request may be sent again, once, after its connection was found dead before a byte of the answer: it was not written at all,
 * or doing it twice is the same as once; and its body can be had again.
 */
export function mayRepeat({ request, attempt }: Exchange, unsent: boolean): boolean {
  if (attempt > 1 || request.signal?.aborted === true) return false;
  if (request.content !== null && !request.content.replayable && !unsent) return false;
  return unsent || IDEMPOTENT.has(request.method) || request.headers.has('idempotency-key');
}
