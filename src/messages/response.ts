import type { Duplex } from 'node:stream';
import { ClosedError, StatusError, StreamConsumedError } from '../errors.ts';
import { contentOf, type BodyInit } from './body.ts';
import { IterableSource, type BodySource } from './body-source.ts';
import type { Content } from './content/content.ts';
import { HTMLContent, JSONContent, TextContent } from './content/memory.ts';
import { serverSentEvents, type EventsOptions, type ServerSentEvent } from './events.ts';
import { Headers, type HeadersInit } from './headers.ts';
import { inspect } from './inspect.ts';
import { jsonLines, type JSONLinesOptions } from './json-lines.ts';
import { concatenated, once, Pieces, streamOf } from './pieces.ts';
import type { Request } from './request.ts';
import {
  charsetOf,
  checkEncoding,
  decode,
  decodeStream,
  markedEncoding,
  splitLines,
} from './text.ts';
import type { Timings } from './timings.ts';
import { undecodable } from './undecodable.ts';

/** What a response consists of besides its status. At most one of `body`, `json`, `text` and `html`. */
export interface ResponseInit {
  statusText?: string | undefined;
  headers?: HeadersInit | undefined;
  body?: BodyInit | BodySource | null | undefined;
  json?: unknown;
  text?: string | undefined;
  html?: string | undefined;
  request?: Request | undefined;
  /** The responses that led to this one, the first first. */
  history?: readonly Response[] | undefined;
  /** The request that a redirect asks for and nobody has followed. */
  nextRequest?: Request | undefined;
  /** `1.1`, `1.0`, `2`. Default `1.1`. */
  httpVersion?: string | undefined;
  /** Milliseconds from the start of the request to this head. */
  elapsed?: number | undefined;
  /** What layers have to say about it. */
  extensions?: ResponseExtensions | undefined;
}

/**
 * What layers have to say about a response, each under a name of its own: where it came from, how long it took. A layer adds its own by
 * `declare module`, as with `RequestExtensions`.
 */
export interface ResponseExtensions {
  /** How long each phase took, where it was traced. */
  readonly timings?: Timings | undefined;
}

/** What `with` can change. */
export interface ResponseChanges extends ResponseInit {
  status?: number | undefined;
}

/** How far the body has been used. 'kept' is where it is whole and in memory: it can be had as often as one likes. */
type Use = 'open' | 'kept' | 'reading' | 'iterated' | 'moved' | 'closed';

/** Why there is no source to be had. */
const CONSUMED: Readonly<Record<Exclude<Use, 'open' | 'closed'>, string>> = {
  kept: 'the body has been decoded and kept: what came over the wire is gone',
  reading: 'the body is being read by bytes(), text() or json(): it is there when they are done',
  iterated:
    'the body has been read already, piece by piece: it can be had once that way, or be kept by bytes(), text() or json()',
  moved: 'the body has been handed on to another response',
};

/** How much of a body the message of a StatusError shows, in characters. */
const EXCERPT = 200;
const EMPTY = new Uint8Array(0);
const NO_HISTORY: readonly Response[] = Object.freeze([]);
const NO_EXTENSIONS: ResponseExtensions = Object.freeze({});
const NO_INIT: ResponseInit = Object.freeze({});

/**
 * One response, which owns its connection until its body has ended or it is closed: `await using response = await t.send(request)`.
 *
 * `bytes`, `text`, `json`, `arrayBuffer`, `blob` and `read` read the body to its end and keep it: each may be called again, also
 * after the scope has ended. The iterators and `body` hand it out piece by piece, once.
 */
export class Response implements AsyncDisposable, AsyncIterable<Uint8Array> {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly httpVersion: string;
  readonly history: readonly Response[];
  readonly nextRequest: Request | null;
  /** Milliseconds from the start of the request to the head of this response. 0 for one that was made. */
  readonly elapsed: number;
  /** What layers have to say about it. */
  readonly extensions: ResponseExtensions;
  readonly #request: Request | null;
  /** Of a body that is kept, too: it tells how that came. */
  #source: BodySource | null;
  #use: Use;
  #bytes: Uint8Array;
  #reading: Promise<Uint8Array> | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  #encoding: string | null = null;

  /** Makes one, for mocks and apps. @throws RangeError where the status is not one. @throws TypeError on other bad input. */
  constructor(status: number, init: ResponseInit = NO_INIT) {
    if (!Number.isInteger(status) || status < 100 || status > 999) {
      throw new RangeError(
        `status: expected a whole number from 100 to 999, got ${String(status)}`,
      );
    }
    const { body } = init;
    let headers = Headers.from(init.headers);
    if (body instanceof Uint8Array) {
      refuseOthers(init);
      this.#source = null;
      this.#bytes = body;
    } else if (isSource(body)) {
      refuseOthers(init);
      this.#source = body;
      this.#bytes = EMPTY;
    } else {
      const content = contentIn(init);
      if (content?.contentType !== undefined)
        headers = headers.withDefault('content-type', content.contentType);
      this.#bytes = content?.bytes?.() ?? EMPTY;
      this.#source =
        content === null || content.bytes !== undefined
          ? null
          : new IterableSource(content.stream());
    }
    this.#use = this.#source === null ? 'kept' : 'open';
    this.status = status;
    this.statusText = init.statusText ?? '';
    this.headers = headers;
    this.httpVersion = init.httpVersion ?? '1.1';
    this.history = init.history ?? NO_HISTORY;
    this.nextRequest = init.nextRequest ?? null;
    this.elapsed = init.elapsed ?? 0;
    this.extensions = init.extensions ?? NO_EXTENSIONS;
    this.#request = init.request ?? null;
  }

  /** Whether the status is one of success, 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** The request that this answers: after redirects, the last one. @throws TypeError on a response that was made without one. */
  get request(): Request {
    if (this.#request === null)
      throw new TypeError('response.request: this response was made without a request');
    return this.#request;
  }

  /** Whether `request` can be asked for. */
  get hasRequest(): boolean {
    return this.#request !== null;
  }

  /** The URL that this came from: after redirects, the last one. */
  get url(): URL {
    return this.request.url;
  }

  /** Whether the body is whole and in memory: the connection is free, and `bytes()` is there at once. */
  get isRead(): boolean {
    return this.#use === 'kept';
  }

  get redirected(): boolean {
    return this.history.length > 0;
  }

  /** Bytes taken off the wire for the body so far: before decompression, and without framing. */
  get bytesDownloaded(): number {
    let source = this.#source;
    while (source?.inner !== undefined) source = source.inner;
    return source === null ? this.#bytes.byteLength : source.bytesReceived;
  }

  /** The fields that came after the body (RFC 9110 §6.5). null before its end, and where there were none. */
  get trailers(): Headers | null {
    return this.#source?.trailers ?? null;
  }

  /**
   * The encoding that `text` decodes with: what a byte order mark says, else the charset of Content-Type, else `defaultEncoding`, else UTF-8. May be set before.
   * @throws RangeError on setting one that is not known.
   */
  get encoding(): string {
    return this.#encoding ?? this.#encodingFor(this.#bytes);
  }

  set encoding(label: string) {
    this.#encoding = checkEncoding(label);
  }

  /** The body to its end. It is kept. @throws the error that ended it early; StreamConsumedError; ClosedError. */
  bytes(): Promise<Uint8Array> {
    if (this.#use === 'kept') return Promise.resolve(this.#bytes);
    return (this.#reading ??= this.#readAll());
  }

  /** Reads the body to its end, so that it is there after the scope: the bytes. */
  read(): Promise<Uint8Array> {
    return this.bytes();
  }

  async text(): Promise<string> {
    const bytes = await this.bytes();
    return decode(bytes, this.#encoding ?? this.#encodingFor(bytes));
  }

  /** @throws DecodingError where the body is not JSON. */
  async json<T = unknown>(): Promise<T> {
    const text = await this.text();
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      const type = this.headers.get('content-type') ?? 'no content-type';
      const message = `the body is not JSON: status ${this.status}, ${type}, ${this.#bytes.byteLength} bytes`;
      // The parser's own message quotes the body, which may hold secrets: it is the cause only.
      throw undecodable(this, message, cause);
    }
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  async blob(): Promise<Blob> {
    const bytes = (await this.bytes()) as Uint8Array<ArrayBuffer>;
    return new Blob([bytes], { type: this.headers.get('content-type') ?? '' });
  }

  /** The body piece by piece, decoded. Leaving the loop early closes the response. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this.#use === 'kept' ? once(this.#bytes) : new Pieces(this.#claim());
  }

  /** The body piece by piece as it came: before decompression. */
  iterRaw(): AsyncIterableIterator<Uint8Array> {
    if (this.#use === 'kept' && this.#source?.inner === undefined) return once(this.#bytes);
    let source = this.#claim();
    while (source.inner !== undefined) source = source.inner;
    return new Pieces(source);
  }

  /** The body as text, piece by piece; no character is split. */
  iterText(): AsyncIterableIterator<string> {
    return decodeStream(this, (first) => this.#encoding ?? this.#encodingFor(first));
  }

  /** The body's lines, without their ends: CRLF, LF or CR. */
  iterLines(): AsyncIterableIterator<string> {
    return splitLines(this.iterText());
  }

  /** The values of newline-delimited JSON, one by one. Blank lines are left out. @throws DecodingError, which names the line. */
  iterJsonLines<T = unknown>(options?: JSONLinesOptions): AsyncIterableIterator<T> {
    return jsonLines<T>(this, options);
  }

  /** The body's server-sent events, one by one (WHATWG HTML §9.2). @throws DecodingError where one is larger than 1 MiB, or `maxEventSize`. */
  iterEvents(options?: EventsOptions): AsyncIterableIterator<ServerSentEvent> {
    return serverSentEvents(this, options);
  }

  /** The body as a web stream. It reads from the connection as it is read from. */
  get body(): ReadableStream<Uint8Array> {
    return (this.#stream ??= streamOf(this[Symbol.asyncIterator]()));
  }

  /**
   * A changed copy, which takes the body over: this one has none any more. `body` replaces it (and is then to close what it replaces);
   * `extensions` are added to those that are there.
   */
  with(changes: ResponseChanges): Response {
    const replaces =
      (changes.body !== undefined && !isSource(changes.body)) ||
      changes.json !== undefined ||
      changes.text !== undefined ||
      changes.html !== undefined;
    const init: ResponseInit = {
      statusText: changes.statusText ?? this.statusText,
      headers: changes.headers ?? (replaces ? withoutContent(this.headers) : this.headers),
      request: changes.request ?? this.#request ?? undefined,
      history: changes.history ?? this.history,
      nextRequest: changes.nextRequest ?? this.nextRequest ?? undefined,
      httpVersion: changes.httpVersion ?? this.httpVersion,
      elapsed: changes.elapsed ?? this.elapsed,
      extensions:
        changes.extensions === undefined
          ? this.extensions
          : { ...this.extensions, ...changes.extensions },
    };
    if (isSource(changes.body)) {
      init.body = changes.body;
    } else if (replaces) {
      init.body = changes.body;
      init.json = changes.json;
      init.text = changes.text;
      init.html = changes.html;
    } else {
      init.body = this.detach();
    }
    const copy = new Response(changes.status ?? this.status, init);
    if (!replaces && !isSource(changes.body)) {
      copy.#encoding = this.#encoding;
      if (this.#use === 'kept') copy.#source = this.#source;
    }
    return copy;
  }

  /** For layers: takes the body out, to be put into another response. Bytes where it is in memory already. */
  detach(): BodySource | Uint8Array {
    if (this.#use === 'kept') return this.#bytes;
    const source = this.#claim();
    this.#use = 'moved';
    return source;
  }

  /**
   * The connection itself, after a 101 (RFC 9110 §7.8) or a 2xx to CONNECT: what comes after the head is what it reads.
   * From then on it is the caller's to close. @throws TypeError where the connection was not handed over.
   */
  upgrade(): Duplex {
    if (this.#source?.upgrade === undefined) {
      throw new TypeError(
        `response.upgrade(): a ${this.status} response leaves the connection to HTTP`,
      );
    }
    const duplex = this.#claim().upgrade?.() as Duplex;
    this.#use = 'moved';
    return duplex;
  }

  /**
   * This response, where its status is below 400.
   * @throws StatusError otherwise, with the start of the body in its message where that has been read.
   */
  raiseForStatus(): this {
    if (this.status < 400) return this;
    const body = this.#use === 'kept' ? this.#excerpt() : '';
    const message =
      `${this.status} ${this.statusText}`.trimEnd() + (body === '' ? '' : `: ${body}`);
    throw new StatusError(message, { request: this.request, response: this });
  }

  /**
   * Gives up what is left of the body and frees the connection: a little is read to its end (64 KiB, 100 ms), more is cut off.
   * May be called at any time and again.
   */
  async close(): Promise<void> {
    if (this.#use === 'kept' || this.#use === 'moved' || this.#use === 'closed') return;
    this.#use = 'closed';
    await this.#source?.cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  toString(): string {
    return `<Response [${`${this.status} ${this.statusText}`.trimEnd()}]>`;
  }

  [inspect](): string {
    return this.toString();
  }

  async #readAll(): Promise<Uint8Array> {
    const source = this.#claim();
    this.#use = 'reading';
    const bytes = await (source.rest?.() ?? concatenated(source));
    this.#bytes = bytes;
    // Whoever closed it meanwhile has it whole all the same.
    this.#use = 'kept';
    return bytes;
  }

  /** The start of the body, for people. */
  #excerpt(): string {
    // No character takes more than four bytes: one that is cut lies behind what is shown.
    const start = this.#bytes.subarray(0, EXCERPT * 4);
    const text = decode(start, this.#encoding ?? this.#encodingFor(start)).slice(0, EXCERPT);
    return text.replace(/[\ud800-\udbff]$/, '');
  }

  /** The source, for the one use there is of it. */
  #claim(): BodySource {
    if (this.#use === 'open') {
      this.#use = 'iterated';
      return this.#source as BodySource;
    }
    if (this.#use === 'closed') {
      throw new ClosedError('the response was closed before its body was read');
    }
    throw new StreamConsumedError(CONSUMED[this.#use]);
  }

  #encodingFor(bytes: Uint8Array): string {
    const known = markedEncoding(bytes) ?? charsetOf(this.headers.get('content-type'));
    if (known !== null) return known;
    const fallback = this.#request?.extensions.defaultEncoding;
    if (fallback === undefined) return 'utf-8';
    return checkEncoding(typeof fallback === 'string' ? fallback : (fallback(bytes) ?? 'utf-8'));
  }
}

/** Without the fields about a body that is no longer there. */
function withoutContent(headers: Headers): Headers {
  return ['content-type', 'content-length', 'content-encoding'].reduce(
    (kept, name) => kept.without(name),
    headers,
  );
}

function isSource(body: unknown): body is BodySource {
  return (
    typeof body === 'object' && body !== null && typeof (body as BodySource).pull === 'function'
  );
}

const ONE_BODY = 'response: expected at most one of body, json, text and html';

function refuseOthers({ json, text, html }: ResponseInit): void {
  if (json !== undefined || text !== undefined || html !== undefined) throw new TypeError(ONE_BODY);
}

function contentIn({ body, json, text, html }: ResponseInit): Content | null {
  const given = [body ?? undefined, json, text, html].filter((each) => each !== undefined);
  if (given.length > 1) throw new TypeError(ONE_BODY);
  if (json !== undefined) return new JSONContent(json);
  if (text !== undefined) return new TextContent(text);
  if (html !== undefined) return new HTMLContent(html);
  return body === undefined || body === null ? null : contentOf(body as BodyInit);
}
