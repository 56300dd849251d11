import type { Headers } from './headers.ts';

/**
 * What is the same as long as the bytes of a body are, as `If-Range` may carry it (RFC 9110 §13.1.5): a strong entity tag, or, where there
 * is none at all, a date that is one (§8.8.2.2). null where there is neither.
 */
export function strongValidator(headers: Headers): string | null {
  const tag = headers.get('etag');
  if (tag !== null) return tag.startsWith('"') ? tag : null;
  const modified = headers.get('last-modified');
  // Within the same second it could have been changed once more.
  const settled = Date.parse(headers.get('date') ?? '') - Date.parse(modified ?? '') >= 1000;
  return settled ? modified : null;
}

/** Which bytes of which size a `Content-Range` names. `first` and `last` are null where it names none (416), `size` where it is not known. */
export interface ContentRange {
  readonly first: number | null;
  readonly last: number | null;
  readonly size: number | null;
}

/** RFC 9110 §14.4. */
const CONTENT_RANGE = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/i;

/** null where there is none, or none of bytes. */
export function contentRange(headers: Headers): ContentRange | null {
  const match = CONTENT_RANGE.exec(headers.get('content-range') ?? '');
  if (match === null) return null;
  const [, first, last, size] = match;
  return { first: numberIn(first), last: numberIn(last), size: numberIn(size) };
}

function numberIn(text: string | undefined): number | null {
  return text === undefined || text === '*' ? null : Number(text);
}
