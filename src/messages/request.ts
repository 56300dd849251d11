import { DecodingError } from '../errors.ts';
import { contentOf, type BodyInit } from './body.ts';
import { IterableSource } from './body-source.ts';
import type { Content } from './content/content.ts';
import { FormContent, JSONContent, searchParams, type FormInit } from './content/memory.ts';
import { MultipartContent, type MultipartInit } from './content/multipart.ts';
import { Destination } from './destination.ts';
import { Headers, isToken, type HeadersInit } from './headers.ts';
import { inspect } from './inspect.ts';
import { concatenated } from './pieces.ts';
import { mergedQuery } from './query.ts';
import { boundaryOf, charsetOf, decode, type DefaultEncoding } from './text.ts';
import type { TimeoutInit } from './timeout.ts';

/**
 * Options for one request that a layer understands; the library's and your own. A layer adds its option here:
 *
 *     declare module 'strata-http' { interface RequestExtensions { retry?: false | RetryOptions } }
 */
export interface RequestExtensions {
  /**
   * The encoding of text whose Content-Type names none: a label, or a function of the bytes (the first ones, where the body is
   * read piece by piece). Default UTF-8, also where the function finds none.
   */
  defaultEncoding?: DefaultEncoding | undefined;
  /** When the call must be done, on the `performance.now()` clock: set by the deadline, kept to by every layer that waits. */
  expiresAt?: number | undefined;
}

/** What a request consists of besides its method and its URL. At most one of `body`, `json`, `form` and `multipart`; `form` may go with `multipart`. */
export interface RequestInit extends RequestExtensions {
  headers?: HeadersInit | undefined;
  body?: BodyInit | null | undefined;
  /** Sent as `application/json`. `null` is JSON too; `undefined` is no body. */
  json?: unknown;
  /** Sent as `application/x-www-form-urlencoded`. */
  form?: FormInit | undefined;
  /** Sent as `multipart/form-data`, behind the fields of `form`. */
  multipart?: MultipartInit | undefined;
  /** Merged into the URL's query: a name given here replaces it there, `null` removes it. */
  params?: FormInit | undefined;
  /** Ends the request at whichever stage it is; it rejects with the signal's reason. */
  signal?: AbortSignal | null | undefined;
  /** Milliseconds: one for all waits, or each by itself. */
  timeout?: TimeoutInit | undefined;
}

/** What `with` can change; `body: null` removes the body. */
export interface RequestChanges extends RequestInit {
  method?: string | undefined;
  url?: string | URL | Destination | undefined;
}

const OWN: ReadonlySet<string> = new Set([
  'method',
  'url',
  'headers',
  'body',
  'json',
  'form',
  'multipart',
  'params',
  'signal',
  'timeout',
]);
const NO_EXTENSIONS: Readonly<RequestExtensions> = Object.freeze({});
const NO_INIT: RequestInit = Object.freeze({});
/** Marks the `init` of a copy whose content is that of before: what it brings is among the headers, unless it has been taken out. */
const KEPT = Symbol('kept');

/** Put in upper case, as fetch does; PATCH too, which fetch leaves out. Any other is sent as given: methods have case (RFC 9110 §9.1). */
const METHODS: ReadonlyMap<string, string> = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].flatMap((method) => [
    [method, method],
    [method.toLowerCase(), method],
  ]),
);

/**
 * One request: an immutable value. A layer that wants another one makes it with `with` and sends that inward, so that what it
 * adds is never seen outside of it.
 *
 * `Content-Type` is filled in from the body; `Host`, `Content-Length` and `Transfer-Encoding` on the wire. Credentials in the URL
 * become `Authorization: Basic` (RFC 7617), unless there is one, and are no longer part of the URL.
 *
 * @throws TypeError where a part is not what it has to be. @throws InvalidURLError where the URL is not an absolute one.
 */
export class Request {
  readonly method: string;
  readonly headers: Headers;
  readonly content: Content | null;
  readonly signal: AbortSignal | null;
  /** As it was given; the transport fills in what it leaves open. */
  readonly timeout: TimeoutInit | undefined;
  readonly #destination: Destination;
  #extensions: Readonly<RequestExtensions>;

  constructor(method: string, url: string | URL | Destination, init: RequestInit = NO_INIT) {
    let destination = Destination.from(url);
    let headers = Headers.from(init.headers);
    if (init.params !== undefined) {
      destination = destination.withTarget(
        mergedQuery(destination.target, searchParams('params', init.params), init.params),
      );
    }
    if (destination.credentials !== null) {
      headers = headers.withDefault('authorization', basic(destination.credentials));
      destination = destination.withoutCredentials();
    }
    const content = contentIn(init, headers);
    if (content !== null && !(KEPT in init)) {
      if (content.contentType !== undefined)
        headers = headers.withDefault('content-type', content.contentType);
      if (content.contentEncoding !== undefined)
        headers = headers.withDefault('content-encoding', content.contentEncoding);
    }
    this.method = METHODS.get(method) ?? customMethod(method);
    this.headers = headers;
    this.content = content;
    this.signal = signalIn(init);
    this.timeout = init.timeout;
    this.#destination = destination;
    this.#extensions = init === NO_INIT ? NO_EXTENSIONS : extensionsIn(init, NO_EXTENSIONS);
  }

  /** Scheme, host and port: `https://example.com:8443` (RFC 6454). */
  get origin(): string {
    return this.#destination.origin;
  }

  /** Path and query, as they stand in the request line. */
  get target(): string {
    return this.#destination.target;
  }

  /** A `URL` of its own: changing it changes nothing here. */
  get url(): URL {
    return new URL(this.#destination.href);
  }

  /** The URL's parts as they are kept, for the layers: no `URL` object is made. */
  get destination(): Destination {
    return this.#destination;
  }

  /** The options of layers, by name. */
  get extensions(): Readonly<RequestExtensions> {
    return this.#extensions;
  }

  /** The body, where it can be read without being lost to the sending; empty where there is none. @throws TypeError on a stream. */
  async bytes(): Promise<Uint8Array> {
    const { content } = this;
    if (content === null) return new Uint8Array(0);
    if (content.bytes !== undefined) return content.bytes();
    if (!content.replayable)
      throw new TypeError('request: the body can be read once, and that is to be when it is sent');
    return concatenated(new IterableSource(content.stream()));
  }

  /** The body as text, by the charset of its Content-Type, else UTF-8. @throws TypeError on a stream. */
  async text(): Promise<string> {
    const bytes = await this.bytes();
    return decode(bytes, charsetOf(this.headers.get('content-type')) ?? 'utf-8');
  }

  /** The body as JSON. @throws DecodingError where it is not. @throws TypeError on a stream. */
  async json<T = unknown>(): Promise<T> {
    const text = await this.text();
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      // The parser's own message quotes the body: it is the cause only.
      throw new DecodingError('the body of the request is not JSON', { request: this, cause });
    }
  }

  /**
   * A changed copy. The extensions given are added to those there. The headers given are all there are: the body's Content-Type is added where
   * they are not a `Headers`, or the body is a new one.
   */
  with(changes: RequestChanges): Request {
    const replacesBody =
      changes.body !== undefined ||
      changes.json !== undefined ||
      changes.form !== undefined ||
      changes.multipart !== undefined;
    let headers = changes.headers === undefined ? this.headers : Headers.from(changes.headers);
    if (replacesBody && this.content !== null) {
      // What the old body brought goes with it; what was set by hand stays.
      const { contentType, contentEncoding } = this.content;
      if (headers.get('content-type') === contentType) headers = headers.without('content-type');
      if (headers.get('content-encoding') === contentEncoding)
        headers = headers.without('content-encoding');
    }
    const init: RequestInit & { [KEPT]?: true } = {
      headers,
      params: changes.params,
      signal: changes.signal === undefined ? this.signal : changes.signal,
      timeout: changes.timeout === undefined ? this.timeout : changes.timeout,
    };
    if (replacesBody) {
      init.body = changes.body;
      init.json = changes.json;
      init.form = changes.form;
      init.multipart = changes.multipart;
    } else {
      init.body = this.content;
      // Headers out of which something was taken are as they are to be; those made from nothing are completed, as in a new request.
      if (changes.headers === undefined || changes.headers instanceof Headers) init[KEPT] = true;
    }
    const copy = new Request(changes.method ?? this.method, changes.url ?? this.#destination, init);
    copy.#extensions = extensionsIn(changes, this.#extensions);
    return copy;
  }

  /** For people and logs: without query, which can hold secrets. */
  toString(): string {
    return `<Request [${this.method} ${this.origin}${this.target.split('?', 1)[0]}]>`;
  }

  [inspect](): string {
    return this.toString();
  }
}

function contentIn(init: RequestInit, headers: Headers): Content | null {
  const { body, json, form, multipart } = init;
  if (json === undefined && form === undefined && multipart === undefined)
    return body === undefined || body === null ? null : contentOf(body);
  const others = (body ?? undefined) !== undefined;
  if (others || (json !== undefined && (form !== undefined || multipart !== undefined)))
    throw new TypeError('request: expected at most one of body, json, form and multipart');
  if (json !== undefined) return new JSONContent(json);
  if (multipart === undefined) return new FormContent(form as FormInit);
  return new MultipartContent(multipart, { form, boundary: boundaryIn(headers) });
}

/** A Content-Type that was set by hand is what the server divides the parts by. */
function boundaryIn(headers: Headers): string | undefined {
  const contentType = headers.get('content-type');
  if (contentType === null) return undefined;
  const boundary = boundaryOf(contentType);
  if (boundary === null) {
    throw new TypeError(
      `content-type: expected a boundary, since the body is multipart, got ${contentType}; without this header it is filled in`,
    );
  }
  return boundary;
}

function signalIn(init: RequestInit): AbortSignal | null {
  const signal = init.signal ?? null;
  if (signal !== null && typeof signal.addEventListener !== 'function') {
    throw new TypeError(`signal: expected an AbortSignal, got ${typeof signal}`);
  }
  return signal;
}

function extensionsIn(
  init: RequestInit,
  base: Readonly<RequestExtensions>,
): Readonly<RequestExtensions> {
  let added: Record<string, unknown> | undefined;
  for (const key in init) {
    if (OWN.has(key)) continue;
    const value = (init as Record<string, unknown>)[key];
    if (value !== undefined) (added ??= { ...base })[key] = value;
  }
  return added === undefined ? base : Object.freeze(added);
}

function customMethod(method: string): string {
  if (typeof method !== 'string' || !isToken(method)) {
    throw new TypeError(
      `method: expected a token (RFC 9110 §9.1), got ${typeof method === 'string' ? JSON.stringify(method) : typeof method}`,
    );
  }
  const upper = method.toUpperCase();
  return METHODS.has(upper) ? upper : method;
}

/** RFC 7617 §2: UTF-8, which it lets a server ask for, is what all do. */
function basic([user, password]: readonly [string, string]): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(`${user}:${password}`))
    binary += String.fromCharCode(byte);
  return `Basic ${btoa(binary)}`;
}
