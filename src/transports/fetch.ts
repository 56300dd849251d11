import { RedirectError, RemoteProtocolError } from '../errors.ts';
import { inspect } from '../messages/inspect.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from '../messages/timeout.ts';
import { checkOptionNames } from '../options.ts';
import { Transport } from '../transport.ts';
import { Calls, underWay, type Call } from './foreign/call.ts';
import { failureOf } from './foreign/failures.ts';
import { discard, received, receivedFields, webInit, type WebResponse } from './foreign/web.ts';

/** Any function of fetch's shape, of whichever implementation. It is called with the URL as text. */
export type FetchLike = (url: string, init: FetchInit) => PromiseLike<WebResponse>;

/** What fetch is called with: the request, and what `init` adds to it. */
export interface FetchInit {
  readonly method: string;
  readonly headers: [string, string][];
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly duplex?: 'half';
  readonly signal: AbortSignal;
  readonly redirect: 'manual' | 'follow' | 'error';
}

/** How fetch is called, and what it does by itself. */
export interface FetchTransportOptions {
  /** Given to every call: `credentials`, `cache`, `dispatcher`, … Default: `redirect: 'manual'`. */
  init?: Readonly<Record<string, unknown>> | undefined;
  /** The content codings that this fetch undoes by itself. Default: gzip, x-gzip, deflate and br, as all do that are known. */
  decodes?: readonly string[] | undefined;
  /** For requests that do not bring their own. Default: 5,000 ms each. */
  timeout?: TimeoutInit | undefined;
}

const OPTION_NAMES = ['init', 'decodes', 'timeout'];
const DECODES: readonly string[] = ['gzip', 'x-gzip', 'deflate', 'br'];

/**
 * A transport over a fetch function: the platform's, in a browser, a worker or Node, or another. Bodies are streamed both ways, no faster
 * than they are taken. fetch tells less than sockets do: names of fields are lower-case, and there are no trailers and no interim
 * responses; and it does not send everything: no body with GET, no Upgrade, no CONNECT. What it cannot send is a `LocalProtocolError`.
 *
 * fetch decodes compressed bodies by itself. `Content-Encoding` and `Content-Length`, which are not about the body any more then, are taken
 * off, so that the decode layer does nothing; and codings that it does not undo are not asked for.
 *
 * Of the timeouts, pool, connect and read together bound the wait for the response, since fetch does not tell one from the other, and read
 * the wait for each piece of its body.
 *
 * @throws TypeError where `fetch` is not a function, or an option not what it has to be.
 */
export class FetchTransport extends Transport {
  readonly #fetch: FetchLike;
  readonly #init: Pick<FetchInit, 'redirect'>;
  readonly #decodes: readonly string[];
  readonly #timeouts: ResolvedTimeouts;
  readonly #calls: Calls = new Calls('the fetch transport');

  constructor(fetch: FetchLike = globalFetch, options: FetchTransportOptions = {}) {
    super();
    if (typeof fetch !== 'function')
      throw new TypeError(
        `FetchTransport: expected a fetch function, got ${fetch === null ? 'null' : typeof fetch}`,
      );
    checkOptionNames('FetchTransport', options, OPTION_NAMES);
    const { init = {}, decodes = DECODES, timeout } = options;
    if (typeof init !== 'object' || init === null)
      throw new TypeError(
        `FetchTransport: init: expected an object, got ${init === null ? 'null' : typeof init}`,
      );
    if (!Array.isArray(decodes))
      throw new TypeError(`FetchTransport: decodes: expected a list, got ${typeof decodes}`);
    const unnamed = decodes.find((coding) => typeof coding !== 'string');
    if (unnamed !== undefined)
      throw new TypeError(
        `FetchTransport: decodes: expected names of content codings, got ${typeof unnamed}`,
      );
    this.#fetch = fetch;
    this.#init = { redirect: 'manual', ...init };
    this.#decodes = decodes.map((coding) => coding.toLowerCase());
    this.#timeouts = resolveTimeouts(timeout, DEFAULT_TIMEOUTS);
  }

  send(request: Request): Promise<Response> {
    return underWay(this.#calls, request, this.#timeouts, async (call) =>
      this.#received(call, await this.#called(call)),
    );
  }

  override close(): Promise<void> {
    return this.#calls.close();
  }

  override toString(): string {
    return 'FetchTransport';
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #called(call: Call): Promise<WebResponse> {
    const { pool, connect, read } = call.timeouts;
    const init = { ...this.#init, ...webInit(call) };
    init.headers = init.headers.map(([name, value]) => [name, this.#asked(name, value)]);
    try {
      const answer = this.#fetch.call(undefined, call.request.destination.href, init);
      return await call.wait(answer, pool + connect + read, discard);
    } catch (error) {
      throw call.failure === null ? failureOf(call, error, 'connect') : call.failure.reason;
    }
  }

  /** `Accept-Encoding` without what this fetch would leave as it is. */
  #asked(name: string, value: string): string {
    if (name.toLowerCase() !== 'accept-encoding' || this.#decodes.length === 0) return value;
    const codings = value.split(',').filter((each) => this.#knows(each));
    return codings.join(',').trim() || 'identity';
  }

  #knows(coding: string): boolean {
    const name = coding.split(';', 1)[0]!.trim().toLowerCase();
    return name === 'identity' || name === '*' || this.#decodes.includes(name);
  }

  #received(call: Call, web: WebResponse): Response {
    if (web.status === 0) {
      discard(web);
      throw new RedirectError(
        'fetch does not show a redirect here (opaque)',
        call.describe('read'),
      );
    }
    let headers: Headers;
    try {
      headers = receivedFields(web);
      const codings = headers.get('content-encoding')?.split(',') ?? [];
      // One that it does not know, and fetch undoes none of them.
      if (codings.length > 0 && hasBody(call, web) && codings.every((each) => this.#knows(each)))
        headers = headers.without('content-encoding').without('content-length');
      return received(call, web, headers, (cause) => failureOf(call, cause, 'read'));
    } catch (cause) {
      discard(web);
      const message = `fetch answered with what is no response: ${String(cause)}`;
      throw new RemoteProtocolError(message, call.describe('read', cause));
    }
  }
}

function hasBody({ request }: Call, { status, body }: WebResponse): boolean {
  return body !== null && request.method !== 'HEAD' && status !== 204 && status !== 304;
}

/** Looked up at each call, so that one that is put in its place later is used. */
const globalFetch: FetchLike = (url, init) => globalThis.fetch(url, init);
