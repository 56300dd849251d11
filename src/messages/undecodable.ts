import { DecodingError, HTTPError } from '../errors.ts';
import type { Response } from './response.ts';

/** The error about a body that is not what it was taken for. The message must not quote it: it may hold secrets. */
export function undecodable(response: Response, message: string, cause?: unknown): HTTPError {
  // A response that was made, for a test perhaps, may have no request to be named.
  return response.hasRequest
    ? new DecodingError(message, { request: response.request, cause })
    : new HTTPError(message, cause === undefined ? undefined : { cause });
}
