import { RemoteProtocolError } from '../errors.ts';
import { inspect } from '../messages/inspect.ts';
import { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import { Response } from '../messages/response.ts';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from '../messages/timeout.ts';
import { checkOptionNames } from '../options.ts';
import { Transport } from '../transport.ts';
import { Calls, CLOSE_TIME, underWay, type Call } from './foreign/call.ts';
import { failureOf } from './foreign/failures.ts';
import { IncomingBody, type Incoming } from './foreign/incoming-body.ts';
import { OutgoingBody } from './foreign/outgoing-body.ts';
import { handedOn, refused } from './foreign/web.ts';

/** As much of an undici dispatcher as is used, the same in undici 6, 7 and 8: an `Agent`, a `Pool`, a `ProxyAgent`, a `MockAgent`, … */
export interface DispatcherLike {
  // Of other types in each version of undici; those below are true of all, though not all say so.
  request(options: never): PromiseLike<unknown>;
  close(): PromiseLike<void>;
}

/** What `dispatcher.request` is called with. */
interface DispatcherRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  /** Text where it is ASCII: the expectations of a `MockAgent` are compared with that. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  readonly signal: AbortSignal;
  readonly headersTimeout: 0;
  readonly bodyTimeout: 0;
  readonly responseHeaders: 'raw';
  readonly onInfo?: (info: { statusCode: number; headers: DispatcherHeaders }) => void;
}

/** What it resolves to. */
interface DispatcherResponse {
  readonly statusCode: number;
  readonly statusText?: string;
  /** Names and values in turn, since that is asked for; of a mock, a record. */
  readonly headers: DispatcherHeaders;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array> & {
    destroy(error?: Error): unknown;
    resume(): unknown;
    on(event: 'error', listener: () => void): unknown;
  };
}

type DispatcherHeaders =
  | Readonly<Record<string, string | string[] | undefined>>
  | readonly string[];

/** How the dispatcher is used. */
export interface UndiciTransportOptions {
  /** For requests that do not bring their own. Default: 5,000 ms each. */
  timeout?: TimeoutInit | undefined;
}

/**
 * A transport over an undici dispatcher, with its connections, proxies, interceptors or mocks. undici itself is not loaded: the
 * dispatcher brings all that is needed. Closing the transport closes the dispatcher; `shared(transport)` leaves it open.
 *
 * Header fields keep their order, case and repetitions both ways, and bodies are streamed. What undici cannot send (Upgrade, CONNECT, a
 * request-target of one's own) is a `LocalProtocolError`. Its timeouts are switched off for this library's: pool, connect and read together
 * bound the wait for the response, and read the wait for each piece of its body. `connect` in the dispatcher's own options stays.
 *
 * @throws TypeError where `dispatcher` is none, or an option not what it has to be.
 */
export class UndiciTransport extends Transport {
  readonly #dispatcher: DispatcherLike;
  readonly #timeouts: ResolvedTimeouts;
  readonly #calls: Calls = new Calls('the undici transport');
  #closed: Promise<void> | null = null;

  constructor(dispatcher: DispatcherLike, options: UndiciTransportOptions = {}) {
    super();
    if (typeof dispatcher?.request !== 'function' || typeof dispatcher.close !== 'function') {
      throw new TypeError(
        `UndiciTransport: expected a dispatcher of undici's with request() and close(), got ${nameOf(dispatcher)}`,
      );
    }
    checkOptionNames('UndiciTransport', options, ['timeout']);
    this.#dispatcher = dispatcher;
    this.#timeouts = resolveTimeouts(options.timeout, DEFAULT_TIMEOUTS);
  }

  send(request: Request): Promise<Response> {
    return underWay(this.#calls, request, this.#timeouts, async (call) =>
      received(call, await this.#called(call)),
    );
  }

  /** Closes the dispatcher too, once what is under way has ended. */
  override close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  override toString(): string {
    return `UndiciTransport [${nameOf(this.#dispatcher)}]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #called(call: Call): Promise<DispatcherResponse> {
    const { pool, connect, read } = call.timeouts;
    const options = optionsFor(call);
    try {
      const answer = this.#dispatcher.request(options as never) as PromiseLike<DispatcherResponse>;
      return await call.wait(answer, pool + connect + read, ({ body }) => giveUp(body));
    } catch (error) {
      throw call.failure === null ? failureOf(call, error, 'connect') : call.failure.reason;
    }
  }

  async #close(): Promise<void> {
    await this.#calls.close(CLOSE_TIME);
    try {
      await this.#dispatcher.close();
    } catch (error) {
      // It is what was wanted where somebody else has closed it.
      if (!/^UND_ERR_(CLOSED|DESTROYED)$/.test(String((error as { code?: string }).code)))
        throw error;
    }
  }
}

/** @throws LocalProtocolError where undici cannot send it. */
function optionsFor(call: Call): DispatcherRequest {
  const { method, origin, target, content, extensions } = call.request;
  if (method === 'CONNECT') throw refused(call, 'CONNECT requests');
  const { onInformational } = extensions;
  let headers = handedOn(call);
  if (content?.contentLength !== undefined)
    headers = headers.withDefault('content-length', `${content.contentLength}`);
  return {
    origin,
    path: target,
    method,
    headers: Array.from(headers).flat(),
    body:
      content === null
        ? null
        : (content.ascii ?? content.bytes?.() ?? new OutgoingBody(call, content)),
    signal: call.signal,
    headersTimeout: 0,
    bodyTimeout: 0,
    responseHeaders: 'raw',
    ...(onInformational !== undefined && {
      onInfo: (info) =>
        onInformational({
          status: info.statusCode,
          statusText: '',
          headers: fields(info.headers),
        }),
    }),
  };
}

function received(call: Call, answer: DispatcherResponse): Response {
  const { request, elapsed } = call;
  const { statusCode: status, statusText, body, trailers } = answer;
  const isEmpty = request.method === 'HEAD' || status === 204 || status === 304;
  try {
    const headers = fields(answer.headers);
    const response = new Response(status, {
      request,
      elapsed,
      statusText,
      headers,
      body: isEmpty
        ? NOTHING
        : new IncomingBody(call, incoming(body, trailers), (cause) =>
            failureOf(call, cause, 'read'),
          ),
    });
    if (isEmpty) {
      body.resume();
      call.finish();
    }
    return response;
  } catch (cause) {
    giveUp(body);
    const message = `the dispatcher answered with what is no response: ${String(cause)}`;
    throw new RemoteProtocolError(message, call.describe('read', cause));
  }
}

const NOTHING = new Uint8Array(0);

function incoming(
  body: DispatcherResponse['body'],
  trailers: DispatcherResponse['trailers'],
): Incoming {
  const pieces = body[Symbol.asyncIterator]();
  return {
    async read() {
      const { done, value } = await pieces.next();
      return done === true ? null : value;
    },
    cancel: () => giveUp(body),
    // undici fills them in when they have come.
    trailers: () => (Object.keys(trailers).length === 0 ? null : fields(trailers)),
  };
}

/** What is destroyed before its end says so, and nobody listens any more. */
function giveUp(body: DispatcherResponse['body']): void {
  body.on('error', () => {});
  body.destroy();
}

/** Names and values in turn, or a record: interceptors and mocks make that. */
function fields(raw: DispatcherHeaders): Headers {
  if (!Array.isArray(raw)) return new Headers(raw as Record<string, string | string[]>);
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) list.push([`${raw[at]}`, `${raw[at + 1]}`]);
  return new Headers(list);
}

function nameOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return value.constructor?.name ?? 'an object';
}
