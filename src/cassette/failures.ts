import {
  ConnectError,
  ConnectTimeoutError,
  LocalProtocolError,
  PoolFullError,
  PoolTimeoutError,
  ProxyError,
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
  UnsupportedProtocolError,
  WriteError,
  WriteTimeoutError,
  type Phase,
  type RequestErrorInit,
  type TransportError,
} from '../errors.ts';
import type { Request } from '../messages/request.ts';
import type { StoredError } from './format.ts';

type Kind = new (
  message: string,
  init: RequestErrorInit & { status?: number | undefined },
) => TransportError;

/** What can go wrong with an exchange, and would again. What the caller does (an abort, a deadline) it will do itself. */
const KINDS: Readonly<Record<string, Kind>> = {
  ERR_CONNECT: ConnectError,
  ERR_CONNECT_TIMEOUT: ConnectTimeoutError,
  ERR_LOCAL_PROTOCOL: LocalProtocolError,
  ERR_POOL_FULL: PoolFullError,
  ERR_POOL_TIMEOUT: PoolTimeoutError,
  ERR_PROXY: ProxyError,
  ERR_READ: ReadError,
  ERR_READ_TIMEOUT: ReadTimeoutError,
  ERR_REMOTE_PROTOCOL: RemoteProtocolError,
  ERR_UNSUPPORTED_PROTOCOL: UnsupportedProtocolError,
  ERR_WRITE: WriteError,
  ERR_WRITE_TIMEOUT: WriteTimeoutError,
};

interface Failure extends Error {
  readonly code: string;
  readonly phase?: string;
  readonly status?: number;
}

/** null: not one that can be replayed. `text` takes secrets out. */
export function storedError(
  error: unknown,
  request: Request,
  text: (text: string) => string,
): StoredError | null {
  // The reason of an abort may be anything.
  if (!(error instanceof Error) || !Object.hasOwn(KINDS, String((error as Failure).code)))
    return null;
  const { code, phase, status, message } = error as Failure;
  const prefix = `${request.method} ${request.origin}${request.target.split('?', 1)[0]}: `;
  const cause = causeOf(error);
  return {
    code,
    message: text(message.startsWith(prefix) ? message.slice(prefix.length) : message),
    ...(phase === undefined ? {} : { phase }),
    ...(status === undefined ? {} : { status }),
    ...(cause === null ? {} : { cause: { code: cause.code, message: text(cause.message) } }),
  };
}

/** The same error, about this request. @throws TypeError where the file names a code that cannot be replayed. */
export function failureFrom(stored: StoredError, request: Request): TransportError {
  const Kind = Object.hasOwn(KINDS, stored.code) ? KINDS[stored.code] : undefined;
  if (Kind === undefined) {
    throw new TypeError(
      `cassette: expected an error's code to be one of ${Object.keys(KINDS).join(', ')}, got ${JSON.stringify(stored.code)}`,
    );
  }
  const { cause } = stored;
  return new Kind(stored.message, {
    request,
    phase: stored.phase as Phase | undefined,
    status: stored.status,
    cause:
      cause === undefined
        ? undefined
        : Object.assign(new Error(cause.message), { code: cause.code }),
  });
}

/** What the system says, which programs look at too: `ECONNREFUSED`. */
function causeOf(error: Error): Failure | null {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error && typeof (cause as Failure).code === 'string'
    ? (cause as Failure)
    : null;
}
