import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import { httpDate } from './http-date.ts';
import { headersOf, type StoredResponse } from './stored-head.ts';

/** Conditions of the caller's own that a cache can judge (RFC 9111 §4.3.2). */
export function hasConditions({ headers }: Request): boolean {
  return headers.has('if-none-match') || headers.has('if-modified-since');
}

/** Whether the caller's condition, on a response that may be used, is answered with a 304. If-None-Match goes first (RFC 9110 §13.2.2). */
export function isNotModified({ headers }: Request, stored: StoredResponse): boolean {
  const known = headersOf(stored);
  const tags = headers.get('if-none-match');
  if (tags !== null) {
    const etag = known.get('etag');
    return (
      etag !== null && (tags.trim() === '*' || entityTags(tags).some((tag) => same(tag, etag)))
    );
  }
  const since = httpDate(headers.get('if-modified-since'), stored.time);
  if (since === null) return false;
  const modified =
    httpDate(known.get('last-modified'), stored.time) ??
    httpDate(known.get('date'), stored.time) ??
    stored.time;
  return modified <= since;
}

/** With the conditions under which the server confirms what is stored; null where it has nothing to go by. */
export function withConditions(headers: Headers, stored: StoredResponse): Headers | null {
  const known = headersOf(stored);
  const etag = known.get('etag');
  const modified = known.get('last-modified');
  if (etag === null && modified === null) return null;
  let conditional = headers;
  if (etag !== null) conditional = conditional.with('if-none-match', etag);
  if (modified !== null) conditional = conditional.with('if-modified-since', modified);
  return conditional;
}

/** Whether a 304 is about this stored response: it is unless it names another one (RFC 9111 §4.3.4). */
export function confirms(headers: Headers, stored: StoredResponse): boolean {
  const etag = headers.get('etag');
  const known = headersOf(stored).get('etag');
  return etag === null || known === null || same(etag, known);
}

/** Whether the answer to a HEAD is about what is stored: no validator, and no length, says otherwise (RFC 9111 §4.3.5). */
export function agrees(headers: Headers, stored: StoredResponse): boolean {
  const known = headersOf(stored);
  return ['etag', 'last-modified', 'content-length'].every((name) => {
    const said = headers.get(name);
    return said === null || said === known.get(name);
  });
}

function entityTags(list: string): string[] {
  return list.match(/(?:W\/)?"[^"]*"|[^\s,]+/g) ?? [];
}

/** Weak comparison (RFC 9110 §8.8.3.2): it is about whether what is here still serves. */
function same(one: string, other: string): boolean {
  return one.replace(/^W\//, '') === other.replace(/^W\//, '');
}
