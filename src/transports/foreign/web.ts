import { LocalProtocolError } from '../../errors.ts';
import { Headers } from '../../messages/headers.ts';
import { streamOf } from '../../messages/pieces.ts';
import { Response } from '../../messages/response.ts';
import type { Call } from './call.ts';
import { IncomingBody, type Incoming } from './incoming-body.ts';
import { OutgoingBody } from './outgoing-body.ts';

/** What is given to `fetch`, or to the constructor of the platform's `Request`. */
export interface WebRequestInit {
  method: string;
  headers: [string, string][];
  body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  duplex?: 'half';
  signal: AbortSignal;
}

/** As much of the platform's `Response` as is looked at: those of other implementations will do. */
export interface WebResponse {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: Iterable<[string, string]> & { raw?(): Record<string, string[]> };
  readonly body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | null;
}

/** Fetch's forbidden methods (Fetch §4.6.1). */
const FORBIDDEN: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);
/** Fields of one connection, which is not ours here: whoever has it frames the message. */
const CONNECTION_FIELDS: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'expect',
];

/** The fields that may be handed to code that frames messages by itself. @throws LocalProtocolError where that is not possible. */
export function handedOn(call: Call): Headers {
  const { request } = call;
  let { headers } = request;
  if (headers.has('upgrade')) throw refused(call, 'Upgrade: its connections cannot be taken over');
  if (request.extensions.target !== undefined)
    throw refused(call, `request-target of the caller's own, ${request.extensions.target}`);
  const announced = headers.get('content-length');
  const length = request.content === null ? undefined : request.content.contentLength;
  if (announced !== null && length !== undefined && announced !== `${length}`)
    throw unsendable(call, `Content-Length ${announced} for a body of ${length} bytes`);
  for (const name of CONNECTION_FIELDS) headers = headers.without(name);
  return headers;
}

export function refused(call: Call, what: string): LocalProtocolError {
  return unsendable(call, `what this transport is built on has no ${what}`);
}

function unsendable(call: Call, why: string): LocalProtocolError {
  return new LocalProtocolError(`not sent: ${why}`, call.describe('write'));
}

/** A request in fetch's terms. @throws LocalProtocolError where fetch cannot send it. */
export function webInit(call: Call): WebRequestInit {
  const { method, content } = call.request;
  if (FORBIDDEN.has(method)) throw refused(call, `${method} requests`);
  const headers = Array.from(handedOn(call));
  const init: WebRequestInit = { method, headers, signal: call.signal };
  if (content === null) return init;
  if (method === 'GET' || method === 'HEAD') throw refused(call, `${method} requests with a body`);
  if (content.bytes !== undefined) {
    init.body = content.bytes() as Uint8Array<ArrayBuffer>;
    return init;
  }
  // Without it the body would be sent in chunks, which not every server takes.
  if (content.contentLength !== undefined && !call.request.headers.has('content-length'))
    headers.push(['content-length', `${content.contentLength}`]);
  init.body = streamOf(new OutgoingBody(call, content));
  init.duplex = 'half';
  return init;
}

/** Field lines of a platform's `Headers`. node-fetch joins those of the same name, Set-Cookie too, but for `raw()`. */
export function receivedFields({ headers }: WebResponse): Headers {
  return new Headers(typeof headers.raw === 'function' ? headers.raw() : Array.from(headers));
}

/** What fetch answered, as a response of this library's. `failure` says what an error while the body is read is for the caller. */
export function received(
  call: Call,
  web: WebResponse,
  headers: Headers,
  failure: (cause: unknown) => unknown,
): Response {
  const { request } = call;
  const { status, statusText = '', body } = web;
  const { elapsed } = call;
  const isEmpty = body === null || request.method === 'HEAD' || status === 204 || status === 304;
  if (isEmpty) {
    if (body !== null) incoming(body).cancel();
    call.finish();
  }
  return new Response(status, {
    statusText,
    headers,
    request,
    elapsed,
    body: isEmpty ? NOTHING : new IncomingBody(call, incoming(body), failure),
  });
}

/** What comes too late is not wanted. */
export function discard({ body }: WebResponse): void {
  if (body !== null) incoming(body).cancel();
}

const NOTHING = new Uint8Array(0);

function incoming(body: NonNullable<WebResponse['body']>): Incoming {
  if ('getReader' in body) {
    const reader = body.getReader();
    return {
      async read() {
        const { done, value } = await reader.read();
        return done ? null : checked(value);
      },
      cancel: () => void reader.cancel().catch(() => {}),
    };
  }
  const iterator = body[Symbol.asyncIterator]();
  return {
    async read() {
      const { done, value } = await iterator.next();
      return done === true ? null : checked(value);
    },
    cancel: () => void iterator.return?.()?.then(undefined, () => {}),
  };
}

function checked(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw new TypeError(`response body: expected pieces of bytes, got ${typeof piece}`);
}
