import type { Duplex } from 'node:stream';
import type { BodySink, BodySource } from './body-source.ts';
import type { CacheStatus } from './cache-status.ts';
import { serverSentEvents, type EventsOptions, type ServerSentEvent } from './events.ts';
import { Headers, type HeadersInit } from './headers.ts';
import { inspect } from './inspect.ts';
import { jsonLines, type JSONLinesOptions } from './json-lines.ts';
import { textLines, type LinesOptions } from './lines.ts';
import { streamOf } from './pieces.ts';
import type { Request } from './request.ts';
import { ResponseBody } from './response-body.ts';
import { bodyIn, isSource, refuseOthers, type ResponseBodyInit } from './response-init.ts';
import { saveTo, type SavedFile, type SaveOptions } from './save.ts';
import { validated, type StandardSchema } from './standard-schema.ts';
import { EXCERPT, statusFailure } from './status-failure.ts';
import { charsetOf, checkEncoding, decode, decodeStream, markedEncoding } from './text.ts';
import type { Timings } from './timings.ts';
import { undecodable } from './undecodable.ts';

/** What a response consists of besides its status. At most one of `body`, `json`, `text` and `html`. */
export interface ResponseInit extends ResponseBodyInit {
  statusText?: string | undefined;
  headers?: HeadersInit | undefined;
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
  /** What a cache had to do with it (RFC 9211). */
  readonly cacheStatus?: CacheStatus | undefined;
}

/** What `with` can change. */
export interface ResponseChanges extends ResponseInit {
  status?: number | undefined;
}

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
  /**
   * Milliseconds from the start of the request to the head of this response; 0 for one that was made. After redirects and retries it is that
   * of the last request: what led there has its own, in `history` and, where it is traced, in `timings`.
   */
  readonly elapsed: number;
  /** What layers have to say about it. */
  readonly extensions: ResponseExtensions;
  readonly #request: Request | null;
  #body: ResponseBody;
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
    if (body instanceof Uint8Array || isSource(body)) {
      refuseOthers(init);
      this.#body = new ResponseBody(body);
    } else {
      const made = bodyIn(init);
      if (made.contentType !== undefined)
        headers = headers.withDefault('content-type', made.contentType);
      this.#body = new ResponseBody(made.body);
    }
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
    return this.#body.isKept;
  }

  get redirected(): boolean {
    return this.history.length > 0;
  }

  /** Bytes taken off the wire for the body so far: before decompression, and without framing. */
  get bytesDownloaded(): number {
    return this.#body.bytesDownloaded;
  }

  /** The fields that came after the body (RFC 9110 §6.5). null before its end, and where there were none. */
  get trailers(): Headers | null {
    return this.#body.trailers;
  }

  /** How long each phase took; null where it was not traced (the option `trace`). */
  get timings(): Timings | null {
    return this.extensions.timings ?? null;
  }

  /** What a cache had to do with it (RFC 9211); null where none was asked. */
  get cacheStatus(): CacheStatus | null {
    return this.extensions.cacheStatus ?? null;
  }

  /**
   * The encoding that `text` decodes with: what a byte order mark says, else the charset of Content-Type, else `defaultEncoding`, else UTF-8. May be set before.
   * @throws RangeError on setting one that is not known.
   */
  get encoding(): string {
    return this.#encoding ?? this.#encodingFor(this.#body.keptBytes);
  }

  set encoding(label: string) {
    this.#encoding = checkEncoding(label);
  }

  /** The body to its end. It is kept. @throws the error that ended it early; StreamConsumedError; ClosedError. */
  bytes(): Promise<Uint8Array> {
    return this.#body.bytes();
  }

  /** Reads the body to its end, so that it is there after the scope: the bytes. */
  read(): Promise<Uint8Array> {
    return this.bytes();
  }

  async text(): Promise<string> {
    const bytes = await this.bytes();
    return decode(bytes, this.#encoding ?? this.#encodingFor(bytes));
  }

  /**
   * The body as JSON. With a schema of Standard Schema version 1 (zod, valibot, arktype, …): what that makes of it.
   * @throws DecodingError where the body is not JSON; SchemaError where it is not what the schema says.
   */
  json<T = unknown>(): Promise<T>;
  json<Output>(schema: StandardSchema<Output>): Promise<Output>;
  async json(schema?: StandardSchema): Promise<unknown> {
    const value = this.#parsed(await this.text());
    return schema === undefined ? value : validated(this, value, schema);
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
    return this.#body.pieces();
  }

  /** The body piece by piece as it came: before decompression. */
  iterRaw(): AsyncIterableIterator<Uint8Array> {
    return this.#body.rawPieces();
  }

  /** The body as text, piece by piece; no character is split. */
  iterText(): AsyncIterableIterator<string> {
    return decodeStream(this, (first) => this.#encoding ?? this.#encodingFor(first));
  }

  /** The body's lines, without their ends: CRLF, LF or CR. @throws DecodingError where one is longer than 1 MiB, or `maxLineSize`. */
  iterLines(options?: LinesOptions): AsyncIterableIterator<string> {
    return textLines(this, options);
  }

  /** The values of newline-delimited JSON, one by one. Blank lines are left out. @throws DecodingError, which names the line. */
  iterJsonLines<T = unknown>(options?: JSONLinesOptions): AsyncIterableIterator<T> {
    return jsonLines<T>(this, options);
  }

  /** The body's server-sent events, one by one (WHATWG HTML §9.2). @throws DecodingError where one is larger than 1 MiB, or `maxEventSize`. */
  iterEvents(options?: EventsOptions): AsyncIterableIterator<ServerSentEvent> {
    return serverSentEvents(this, options);
  }

  /**
   * Lends the body to `sink`, piece by piece as it comes, decoded: for hashing, counting and parsing at the speed of the socket, without a
   * copy or a promise for each piece. Resolves to the number of bytes.
   *
   * A piece is valid **during the call only**: its memory is read into again. `sink` is called synchronously and must be done when it
   * returns; one that returns a promise is a `TypeError`. What it throws ends the response: the connection is closed, and this rejects with it.
   * Nothing is read while `sink` works: a slow one holds the server back, and all else in this thread.
   */
  async consume(sink: BodySink): Promise<number> {
    return this.#body.consume(sink);
  }

  /**
   * Writes the body, decoded, to a file: to one beside it first, which gets the name once it is whole. So the file is there in full or not at
   * all, and one that was there stays until then. With `resume`, what has come of a body that breaks off is kept: see `resumeHeaders`.
   * @throws StatusError where the status is not one of success; the file system's own errors; what the body broke with.
   */
  saveTo(path: string | URL, options?: SaveOptions): Promise<SavedFile> {
    return saveTo(this, path, options);
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
    if (isSource(changes.body) || replaces) {
      init.body = changes.body;
      init.json = changes.json;
      init.text = changes.text;
      init.html = changes.html;
      return new Response(changes.status ?? this.status, init);
    }
    const copy = new Response(changes.status ?? this.status, init);
    copy.#body = this.#body.handOver();
    copy.#encoding = this.#encoding;
    return copy;
  }

  /** For layers: takes the body out, to be put into another response. Bytes where it is in memory already. */
  detach(): BodySource | Uint8Array {
    return this.#body.detach();
  }

  /**
   * The connection itself, after a 101 (RFC 9110 §7.8) or a 2xx to CONNECT: what comes after the head is what it reads.
   * From then on it is the caller's to close. @throws TypeError where the connection was not handed over.
   */
  upgrade(): Duplex {
    const duplex = this.#body.upgrade();
    if (duplex !== null) return duplex;
    throw new TypeError(
      `response.upgrade(): a ${this.status} response leaves the connection to HTTP`,
    );
  }

  /**
   * This response, where its status is below 400.
   * @throws StatusError otherwise, with the start of the body in its message where that has been read.
   */
  raiseForStatus(): this {
    if (this.status < 400) return this;
    throw statusFailure(this, this.#excerpt());
  }

  /**
   * Gives up what is left of the body and frees the connection: a little is read to its end (64 KiB, 100 ms), more is cut off.
   * May be called at any time and again.
   */
  close(): Promise<void> {
    return this.#body.close();
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

  /** The start of the body, for people; empty where it has not been read. */
  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const type = this.headers.get('content-type') ?? 'no content-type';
      const message = `the body is not JSON: status ${this.status}, ${type}, ${this.#body.keptBytes.byteLength} bytes`;
      // The parser's own message quotes the body, which may hold secrets: it is the cause only.
      throw undecodable(this, message, cause);
    }
  }

  #excerpt(): string {
    // No character takes more than four bytes: one that is cut lies behind what is shown.
    const start = this.#body.keptBytes.subarray(0, EXCERPT * 4);
    return decode(start, this.#encoding ?? this.#encodingFor(start));
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
