import type { BodySource } from '../../messages/body-source.ts';
import type { CacheStatus } from '../../messages/cache-status.ts';
import type { Request } from '../../messages/request.ts';
import { Response } from '../../messages/response.ts';
import { cacheStatusField } from './status-field.ts';
import { headersOf, type StoredResponse } from './stored-head.ts';

/** A response of the cache's own making. */
export interface Reply {
  readonly request: Request;
  readonly status: CacheStatus;
  /** Seconds. */
  readonly age: number;
  /** Milliseconds. */
  readonly elapsed: number;
}

/** What is stored, as a response (RFC 9111 §4). */
export function fromStore(
  stored: StoredResponse,
  body: Uint8Array | BodySource | null,
  { request, status, age, elapsed }: Reply,
): Response {
  return new Response(stored.status, {
    statusText: stored.statusText,
    httpVersion: stored.httpVersion,
    headers: headersOf(stored)
      .with('Age', String(Math.floor(age)))
      .withAppended('Cache-Status', cacheStatusField(status)),
    body,
    request,
    elapsed,
    extensions: { cacheStatus: status },
  });
}

/** The answer to a condition of the caller's that holds: he has it already. */
export function notModified(stored: StoredResponse, reply: Reply): Response {
  const response = fromStore(stored, null, reply);
  return response.with({
    status: 304,
    statusText: 'Not Modified',
    headers: response.headers.without('content-length'),
  });
}

/** What only-if-cached gets where nothing is stored that may be used (RFC 9111 §5.2.1.7). */
export function gatewayTimeout(request: Request): Response {
  const response = new Response(504, { statusText: 'Gateway Timeout', request });
  return marked(response, { hit: false, detail: 'only-if-cached' });
}

/** The response, which says what the cache had to do with it. */
export function marked(response: Response, status: CacheStatus): Response {
  return response.with({
    headers: response.headers.withAppended('Cache-Status', cacheStatusField(status)),
    extensions: { cacheStatus: status },
  });
}
