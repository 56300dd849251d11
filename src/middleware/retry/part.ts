import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';

/** Whether its body could be continued, should it break off: its bytes are then to come as they are. */
export function mayBeResumed({ method, headers }: Request): boolean {
  return method === 'GET' && !headers.has('range');
}

/** A body that is to be had in parts. */
export interface Whole {
  /** What is the same as long as the body is. */
  readonly validator: string;
  /** In bytes; null where the head does not say it. */
  readonly size: number | null;
  /** What its bytes are encoded with, as the head says it: a part is one of the same bytes. */
  readonly encoding: string | null;
}

/** What a head says of its body as a whole; null where it cannot be continued. */
export function wholeOf({ status, headers }: Response): Whole | null {
  const validator = validatorOf(headers);
  const served = headers.get('accept-ranges')?.trim().toLowerCase() !== 'none';
  if (status !== 200 || validator === null || !served) return null;
  const length = headers.get('content-length');
  const known = length !== null && !headers.has('transfer-encoding');
  return {
    validator,
    size: known ? Number(length) : null,
    encoding: headers.get('content-encoding'),
  };
}

/**
 * What `If-Range` may carry (RFC 9110 §13.1.5): a strong entity tag, or, where there is none at all, a date that is one (§8.8.2.2).
 */
function validatorOf(headers: Headers): string | null {
  const tag = headers.get('etag');
  if (tag !== null) return tag.startsWith('"') ? tag : null;
  const modified = headers.get('last-modified');
  // Within the same second it could have been changed once more.
  const settled = Date.parse(headers.get('date') ?? '') - Date.parse(modified ?? '') >= 1000;
  return settled ? modified : null;
}

/** The rest of a body, from that byte on. */
export function partOf(request: Request, { validator }: Whole, from: number): Request {
  const headers = request.headers.with('range', `bytes=${from}-`).with('if-range', validator);
  return request.with({ headers });
}

/** The size of the whole body where this is the rest of it, from that byte on; null where it is not. */
export function sizeByPart(
  { status, headers }: Response,
  { validator, size, encoding }: Whole,
  from: number,
): number | null {
  if (status !== 206 || headers.get('content-encoding') !== encoding) return null;
  const tag = headers.get('etag');
  if (tag !== null && validator.startsWith('"') && tag !== validator) return null;
  const range = CONTENT_RANGE.exec(headers.get('content-range') ?? '');
  if (range === null) return null;
  const [, start, end, complete] = range;
  const whole = complete === '*' ? size : Number(complete);
  if (whole === null || (size !== null && whole !== size)) return null;
  return Number(start) === from && Number(end) === whole - 1 ? whole : null;
}

/** RFC 9110 §14.4. */
const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;
