import type { Request } from './messages/request.ts';
import type { Response } from './messages/response.ts';

/*
 * The tree. Each leaf has a stable `code`; text is for people and may change.
 *
 *   HTTPError
 *   ├─ RequestError                    has .request
 *   │  ├─ TransportError               the exchange did not come about, or broke
 *   │  │  ├─ TimeoutError
 *   │  │  │  ├─ ConnectTimeoutError    ERR_CONNECT_TIMEOUT
 *   │  │  │  ├─ ReadTimeoutError       ERR_READ_TIMEOUT
 *   │  │  │  ├─ WriteTimeoutError      ERR_WRITE_TIMEOUT
 *   │  │  │  ├─ PoolTimeoutError       ERR_POOL_TIMEOUT
 *   │  │  │  └─ DeadlineError          ERR_DEADLINE
 *   │  │  ├─ NetworkError
 *   │  │  │  ├─ ConnectError           ERR_CONNECT
 *   │  │  │  ├─ ReadError              ERR_READ
 *   │  │  │  └─ WriteError             ERR_WRITE
 *   │  │  ├─ ProtocolError
 *   │  │  │  ├─ LocalProtocolError     ERR_LOCAL_PROTOCOL    we (or the caller) would break HTTP
 *   │  │  │  └─ RemoteProtocolError    ERR_REMOTE_PROTOCOL   the peer broke HTTP
 *   │  │  ├─ PoolFullError             ERR_POOL_FULL
 *   │  │  ├─ ProxyError                ERR_PROXY
 *   │  │  └─ UnsupportedProtocolError  ERR_UNSUPPORTED_PROTOCOL
 *   │  ├─ DecodingError                ERR_DECODING
 *   │  ├─ TooManyRedirectsError        ERR_TOO_MANY_REDIRECTS
 *   │  ├─ RedirectError                ERR_REDIRECT          a redirect that must not, or cannot, be followed
 *   │  └─ StatusError                  ERR_STATUS            has .response
 *   ├─ InvalidURLError                 ERR_INVALID_URL
 *   ├─ StreamConsumedError             ERR_STREAM_CONSUMED
 *   └─ ClosedError                     ERR_CLOSED
 *
 * A layer's own errors stand beside it: AuthError, BreakerOpenError, ReplayError, SchemaError, ThrottleError.
 */

/** The stable identity of an error: compare this, not the text, and not `instanceof` across copies of the package. */
export type ErrorCode =
  | 'ERR_CONNECT_TIMEOUT'
  | 'ERR_READ_TIMEOUT'
  | 'ERR_WRITE_TIMEOUT'
  | 'ERR_POOL_TIMEOUT'
  | 'ERR_DEADLINE'
  | 'ERR_CONNECT'
  | 'ERR_READ'
  | 'ERR_WRITE'
  | 'ERR_LOCAL_PROTOCOL'
  | 'ERR_REMOTE_PROTOCOL'
  | 'ERR_POOL_FULL'
  | 'ERR_PROXY'
  | 'ERR_UNSUPPORTED_PROTOCOL'
  | 'ERR_DECODING'
  | 'ERR_TOO_MANY_REDIRECTS'
  | 'ERR_REDIRECT'
  | 'ERR_STATUS'
  | 'ERR_INVALID_URL'
  | 'ERR_STREAM_CONSUMED'
  | 'ERR_CLOSED'
  | 'ERR_AUTH'
  | 'ERR_BREAKER_OPEN'
  | 'ERR_REPLAY'
  | 'ERR_SCHEMA'
  | 'ERR_THROTTLE'
  | 'ERR_HTTP'
  | 'ERR_REQUEST'
  | 'ERR_TRANSPORT'
  | 'ERR_TIMEOUT'
  | 'ERR_NETWORK'
  | 'ERR_PROTOCOL';

/** Where in its life a request was when it failed. */
export type Phase = 'pool' | 'connect' | 'write' | 'read';

/** What is known of a failed request. `elapsed` is in milliseconds; `attempt` counts from 1. */
export interface RequestErrorInit {
  request: Request;
  cause?: unknown;
  phase?: Phase | undefined;
  attempt?: number | undefined;
  elapsed?: number | undefined;
  reused?: boolean | undefined;
  remoteAddress?: string | undefined;
}

/** The root of all errors that this library raises, but for a `TypeError` on bad input and the reason of an abort. */
export class HTTPError extends Error {
  declare readonly code: ErrorCode;
  static {
    named(this, 'HTTPError', 'ERR_HTTP');
  }
}

/**
 * An error about one request. The message opens with the method and the URL without credentials, query and fragment.
 * `request` is not enumerable, so that neither `console.log` nor `JSON.stringify` prints the headers it carries.
 */
export class RequestError extends HTTPError {
  // Declared only: what is not known of a failure is not printed with it as undefined.
  declare readonly phase?: Phase;
  declare readonly attempt?: number;
  /** Milliseconds from the start of the request to the failure. */
  declare readonly elapsed?: number;
  /** Whether the connection had served a request before. */
  declare readonly reused?: boolean;
  declare readonly remoteAddress?: string;
  readonly #request: Request;
  static {
    named(this, 'RequestError', 'ERR_REQUEST');
  }

  constructor(message: string, init: RequestErrorInit) {
    super(`${describe(init.request)}: ${message}${circumstances(init)}`, causeOf(init));
    this.#request = init.request;
    if (init.phase !== undefined) this.phase = init.phase;
    if (init.attempt !== undefined) this.attempt = init.attempt;
    if (init.elapsed !== undefined) this.elapsed = Math.round(init.elapsed);
    if (init.reused !== undefined) this.reused = init.reused;
    if (init.remoteAddress !== undefined) this.remoteAddress = init.remoteAddress;
  }

  get request(): Request {
    return this.#request;
  }
}

/** The exchange did not come about, or broke on the way. */
export class TransportError extends RequestError {
  static {
    named(this, 'TransportError', 'ERR_TRANSPORT');
  }
}

/** A bound on time was reached. */
export class TimeoutError extends TransportError {
  static {
    named(this, 'TimeoutError', 'ERR_TIMEOUT');
  }
}

/** No connection was ready within `timeout.connect` (name look-up, TCP and TLS together). */
export class ConnectTimeoutError extends TimeoutError {
  static {
    named(this, 'ConnectTimeoutError', 'ERR_CONNECT_TIMEOUT');
  }
}

/** No byte came within `timeout.read`. */
export class ReadTimeoutError extends TimeoutError {
  static {
    named(this, 'ReadTimeoutError', 'ERR_READ_TIMEOUT');
  }
}

/** The peer took no byte within `timeout.write`. */
export class WriteTimeoutError extends TimeoutError {
  static {
    named(this, 'WriteTimeoutError', 'ERR_WRITE_TIMEOUT');
  }
}

/** No connection came free within `timeout.pool`. The message holds the pool's state. */
export class PoolTimeoutError extends TimeoutError {
  static {
    named(this, 'PoolTimeoutError', 'ERR_POOL_TIMEOUT');
  }
}

/** The whole call, retries and body included, took longer than its deadline. */
export class DeadlineError extends TimeoutError {
  static {
    named(this, 'DeadlineError', 'ERR_DEADLINE');
  }
}

/** The network failed under the exchange. */
export class NetworkError extends TransportError {
  static {
    named(this, 'NetworkError', 'ERR_NETWORK');
  }
}

/** No connection could be opened: names not found, addresses that refused, TLS that was not agreed on. */
export class ConnectError extends NetworkError {
  static {
    named(this, 'ConnectError', 'ERR_CONNECT');
  }
}

/** The connection broke before the response was complete. */
export class ReadError extends NetworkError {
  static {
    named(this, 'ReadError', 'ERR_READ');
  }
}

/** The connection broke, or the body's source failed, while the request was sent. */
export class WriteError extends NetworkError {
  static {
    named(this, 'WriteError', 'ERR_WRITE');
  }
}

/** HTTP was, or would have been, broken. */
export class ProtocolError extends TransportError {
  static {
    named(this, 'ProtocolError', 'ERR_PROTOCOL');
  }
}

/** What was asked for cannot be said in HTTP. Nothing of it was sent, or the connection was cut. */
export class LocalProtocolError extends ProtocolError {
  static {
    named(this, 'LocalProtocolError', 'ERR_LOCAL_PROTOCOL');
  }
}

/** The peer broke HTTP. Its connection is never used again. */
export class RemoteProtocolError extends ProtocolError {
  static {
    named(this, 'RemoteProtocolError', 'ERR_REMOTE_PROTOCOL');
  }
}

/** The pool's queue is at `limits.maxQueue`. */
export class PoolFullError extends TransportError {
  static {
    named(this, 'PoolFullError', 'ERR_POOL_FULL');
  }
}

/** The proxy refused, or could not be reached. */
export class ProxyError extends TransportError {
  /** What it answered to CONNECT: 407, 403, 502, … Not there where no answer came. */
  declare readonly status?: number;
  static {
    named(this, 'ProxyError', 'ERR_PROXY');
  }

  constructor(message: string, init: RequestErrorInit & { status?: number | undefined }) {
    super(message, init);
    if (init.status !== undefined) this.status = init.status;
  }
}

/** The URL's scheme is not one that this transport speaks. */
export class UnsupportedProtocolError extends TransportError {
  static {
    named(this, 'UnsupportedProtocolError', 'ERR_UNSUPPORTED_PROTOCOL');
  }
}

/** The body came, but is not what its headers say: compression, charset or JSON. */
export class DecodingError extends RequestError {
  static {
    named(this, 'DecodingError', 'ERR_DECODING');
  }
}

/** More redirects than `maxRedirects`. */
export class TooManyRedirectsError extends RequestError {
  static {
    named(this, 'TooManyRedirectsError', 'ERR_TOO_MANY_REDIRECTS');
  }
}

/** A redirect that must not be followed (a downgrade, another scheme) or cannot be (a body that cannot be replayed). */
export class RedirectError extends RequestError {
  static {
    named(this, 'RedirectError', 'ERR_REDIRECT');
  }
}

/** A response whose status says failure, turned into an error by `raiseForStatus()`. */
export class StatusError extends RequestError {
  readonly status: number;
  readonly #response: Response;
  static {
    named(this, 'StatusError', 'ERR_STATUS');
  }

  constructor(message: string, init: RequestErrorInit & { response: Response }) {
    super(message, init);
    this.status = init.response.status;
    this.#response = init.response;
  }

  get response(): Response {
    return this.#response;
  }
}

/** What was given as a URL is not one, or not one that can be requested. */
export class InvalidURLError extends HTTPError {
  static {
    named(this, 'InvalidURLError', 'ERR_INVALID_URL');
  }
}

/** A body that can be read only once was asked for again. */
export class StreamConsumedError extends HTTPError {
  static {
    named(this, 'StreamConsumedError', 'ERR_STREAM_CONSUMED');
  }
}

/** The transport, or the response, was used after `close()`. */
export class ClosedError extends HTTPError {
  static {
    named(this, 'ClosedError', 'ERR_CLOSED');
  }
}

/**
 * Names a class of the tree, in its `static` block. Name and code stand on the prototype: the same for every instance, absent from
 * `JSON.stringify`.
 */
export function named(
  constructor: { readonly prototype: HTTPError },
  name: string,
  code: ErrorCode,
): void {
  Object.defineProperty(constructor.prototype, 'name', {
    value: name,
    configurable: true,
    writable: true,
  });
  Object.defineProperty(constructor.prototype, 'code', {
    value: code,
    configurable: true,
    enumerable: true,
  });
}

/** `GET http://host/path`: credentials, query and fragment can hold secrets and are left out. */
function describe(request: Request): string {
  const path = request.target.split('?', 1)[0] ?? '';
  return `${request.method} ${request.origin}${path}`;
}

function circumstances({ attempt, reused }: RequestErrorInit): string {
  return (
    (attempt !== undefined && attempt > 1 ? `, attempt ${attempt}` : '') +
    (reused === true ? ', connection reused' : '')
  );
}

function causeOf(init: RequestErrorInit): ErrorOptions | undefined {
  return init.cause === undefined ? undefined : { cause: init.cause };
}

/** Whether `error` is of this library's tree, from whichever copy of the package. */
export const isHTTPError = (error: unknown): error is HTTPError => isA(error, HTTPError);
/** Whether `error` is about one request: `error.request` is there. */
export const isRequestError = (error: unknown): error is RequestError => isA(error, RequestError);
/** Whether the exchange did not come about, or broke. */
export const isTransportError = (error: unknown): error is TransportError =>
  isA(error, TransportError);
/** Whether a connect, read, write or pool timeout, or a deadline, was reached. */
export const isTimeoutError = (error: unknown): error is TimeoutError => isA(error, TimeoutError);
/** Whether the network failed: connect, read or write. */
export const isNetworkError = (error: unknown): error is NetworkError => isA(error, NetworkError);
/** Whether HTTP was broken, by either side. */
export const isProtocolError = (error: unknown): error is ProtocolError =>
  isA(error, ProtocolError);
/** Whether `raiseForStatus()` made it: `error.response` is there. */
export const isStatusError = (error: unknown): error is StatusError => isA(error, StatusError);

/** Not `instanceof`: two copies of the package have two of each class, which name and code tell to be the same. */
function isA(error: unknown, { prototype }: { readonly prototype: HTTPError }): boolean {
  if (!(error instanceof Error)) return false;
  if (prototype.isPrototypeOf(error)) return true;
  for (let each: object | null = error; each !== null; each = Object.getPrototypeOf(each)) {
    if (ownValue(each, 'code') === prototype.code && ownValue(each, 'name') === prototype.name)
      return true;
  }
  return false;
}

function ownValue(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}
