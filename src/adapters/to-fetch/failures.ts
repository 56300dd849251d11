import {
  isHTTPError,
  isNetworkError,
  isProtocolError,
  isRequestError,
  isTimeoutError,
  type HTTPError,
} from '../../errors.ts';

/** What fetch says where there was no response, and where a body broke off: programs compare these texts. */
type Message = 'fetch failed' | 'terminated';

/** What a fetch rejects with: a `TypeError` as fetch's own are, whose cause has a code as Node's errors have. */
export interface FetchFailure extends TypeError {
  /** The library's error: method and URL, phase, attempt, time. Not enumerable, so that logs are as they were. */
  readonly failure: HTTPError;
}

/**
 * An error of this library's as fetch has it. The signal's reason, a `TypeError` on bad input and what your own layers threw are as they
 * are.
 */
export function fetchError(message: Message, error: unknown): unknown {
  if (!isHTTPError(error)) return error;
  const failed =
    error.code === 'ERR_INVALID_URL'
      ? new TypeError(`Failed to parse URL: ${error.message}`, { cause: error })
      : new TypeError(message, { cause: systemError(error) ?? standIn(error) });
  return Object.defineProperty(failed, 'failure', { value: error });
}

/** Node's own error, where it was one: it has `code`, `syscall`, `address`. */
function systemError(error: HTTPError): Error | null {
  let deepest: Error | null = null;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (!isHTTPError(each) && codeOf(each) !== undefined) deepest = each;
  }
  return deepest;
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** In the place of Node's error where there is none, with the code that Node would have given. */
function standIn(error: HTTPError): Error {
  const code = isTimeoutError(error)
    ? 'ETIMEDOUT'
    : isNetworkError(error) || (isProtocolError(error) && error.code !== 'ERR_LOCAL_PROTOCOL')
      ? 'ECONNRESET'
      : error.code;
  return Object.assign(new Error(textOf(error), { cause: error }), { code });
}

/** Without method and URL: programs look for words such as "timeout" here, which a path can have in it. */
function textOf(error: HTTPError): string {
  return isRequestError(error)
    ? error.message.slice(error.message.indexOf(': ') + 2)
    : error.message;
}
