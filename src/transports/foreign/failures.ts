import {
  ClosedError,
  ConnectError,
  ConnectTimeoutError,
  DecodingError,
  LocalProtocolError,
  NetworkError,
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
  type HTTPError,
  type Phase,
  type RequestErrorInit,
} from '../../errors.ts';
import type { Call } from './call.ts';

type Kind = new (message: string, init: RequestErrorInit) => HTTPError;

/** What the codes of Node, of undici and of zlib mean here. The first that matches counts. UND_ERR_SOCKET: the server closed too early. */
const KINDS: readonly (readonly [codes: RegExp, kind: Kind])[] = [
  [/^UND_ERR_CONNECT_TIMEOUT$/, ConnectTimeoutError],
  [/^UND_ERR_(HEADERS|BODY)_TIMEOUT$/, ReadTimeoutError],
  [/^UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/, LocalProtocolError],
  [/^(HPE_|UND_ERR_(SOCKET|HEADERS_OVERFLOW|RES_))/, RemoteProtocolError],
  [/^(Z_|ERR__ERROR_|ERR_BROTLI_|ZSTD_)/, DecodingError],
  [
    /^(ECONNREFUSED|ENOTFOUND|EAI_|E(HOST|NET)(UNREACH|DOWN)|EADDRNOTAVAIL|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/,
    ConnectError,
  ],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT)$/, ReadError],
];
const CLOSED = /^UND_ERR_(CLOSED|DESTROYED)$/;

/** An error of the code outside as one of this library's tree, by the codes in its chain of causes. It is the cause. */
export function failureOf(call: Call, cause: unknown, phase: Phase): HTTPError {
  const message = phase === 'read' ? 'the response broke off' : 'no response';
  const text = `${message}: ${deepest(cause)}`;
  for (const error of chain(cause)) {
    const { code, syscall } = error;
    if (CLOSED.test(code ?? '')) return new ClosedError(text, { cause });
    const kind = /^(connect|getaddrinfo)$/.test(syscall ?? '')
      ? ConnectError
      : KINDS.find(([codes]) => codes.test(code ?? ''))?.[1];
    if (kind !== undefined) {
      const found = kind === ConnectError || kind === ConnectTimeoutError ? 'connect' : 'read';
      return new kind(text, call.describe(kind === LocalProtocolError ? 'write' : found, cause));
    }
  }
  const Unknown = phase === 'read' ? ReadError : NetworkError;
  return new Unknown(text, call.describe('read', cause));
}

interface Coded extends Error {
  readonly code?: string;
  readonly syscall?: string;
}

/** The error, its cause, the cause of that; of several at once, the first. */
function* chain(error: unknown): Generator<Coded> {
  let each = error;
  for (let depth = 0; depth < 8 && each instanceof Error; depth++) {
    yield each;
    each = each instanceof AggregateError ? each.errors[0] : each.cause;
  }
}

/** fetch says `fetch failed`: what has failed stands at the end of the chain. */
function deepest(error: unknown): string {
  const last = Array.from(chain(error)).at(-1);
  return last === undefined ? String(error) : last.message;
}
