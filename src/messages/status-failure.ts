import { StatusError } from '../errors.ts';
import type { Response } from './response.ts';

/** How much of a body the message of a StatusError shows, in characters. */
export const EXCERPT = 200;

/** The error that stands for a response's status, with the start of its body in the message: `''` where that has not been read. */
export function statusFailure(response: Response, body: string, cause?: unknown): StatusError {
  const status = `${response.status} ${response.statusText}`.trimEnd();
  const start = body.slice(0, EXCERPT).replace(/[\ud800-\udbff]$/, '');
  return new StatusError(start === '' ? status : `${status}: ${start}`, {
    request: response.request,
    response,
    cause,
  });
}
