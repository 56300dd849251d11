import {
  ClosedError,
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
  WriteError,
  WriteTimeoutError,
  type RequestError,
} from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { Violation } from './violation.ts';

/** What an error says of the connection and of how far it was. */
export interface Circumstances {
  readonly reused: boolean;
  readonly remoteAddress: string | undefined;
  /** The request was not out yet. */
  readonly sending: boolean;
  /** Bytes of the response's body; null before its head. */
  readonly bodyBytes: number | null;
}

/** The connection broke, or the peer broke HTTP. */
export function broken(
  exchange: Exchange,
  cause: Error,
  { sending, bodyBytes, ...facts }: Circumstances,
): RequestError {
  const details = { ...exchange.describe(sending ? 'write' : 'read'), ...facts };
  // A Violation is the parser's own word, not a deeper cause.
  if (cause instanceof Violation) return new RemoteProtocolError(cause.message, details);
  if (sending) {
    return new WriteError(`the connection broke while the request was sent: ${cause.message}`, {
      ...details,
      cause,
    });
  }
  const where = bodyBytes === null ? 'before the response' : `after ${bodyBytes} bytes of the body`;
  return new ReadError(`the connection broke ${where}: ${cause.message}`, { ...details, cause });
}

export function readTimeout(exchange: Exchange, circumstances: Circumstances): RequestError {
  const { bodyBytes, reused, remoteAddress } = circumstances;
  const where = bodyBytes === null ? '' : `, after ${bodyBytes} bytes of the body`;
  const message = `no byte received for ${exchange.timeouts.read} ms${where} (read timeout)`;
  return new ReadTimeoutError(message, {
    ...exchange.describe('read'),
    reused,
    remoteAddress,
  });
}

export function writeTimeout(exchange: Exchange, circumstances: Circumstances): RequestError {
  const { reused, remoteAddress } = circumstances;
  const message = `the server took no byte for ${exchange.timeouts.write} ms (write timeout)`;
  return new WriteTimeoutError(message, {
    ...exchange.describe('write'),
    reused,
    remoteAddress,
  });
}

/** The reader has closed the response. */
export function givenUp({ request }: Exchange): ClosedError {
  return new ClosedError(`${request.toString()}: the response was closed`);
}
