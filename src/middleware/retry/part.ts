import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { contentRange, strongValidator } from '../../messages/validator.ts';

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
  const validator = strongValidator(headers);
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
  const range = contentRange(headers);
  const whole = range?.size ?? size;
  if (whole === null || (size !== null && whole !== size)) return null;
  return range?.first === from && range.last === whole - 1 ? whole : null;
}
