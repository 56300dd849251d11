// Checked by the compiler: what runs here proves nothing but that it loads.

import { expectTypeOf } from 'expect-type';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import t from 'tap';
import type { CookieJar } from 'tough-cookie';
import type * as strata from '../src/index.ts';
import {
  Client,
  type ClientOptions,
  type ClientRequestOptions,
  type ConnectionPool,
  type Content,
  CookieMiddleware,
  Headers,
  type HeadersInit,
  type HTTPError,
  isHTTPError,
  isRequestError,
  isStatusError,
  type Layer,
  Middleware,
  middleware,
  RedirectMiddleware,
  Request,
  RequestError,
  type RequestExtensions,
  Response,
  shared,
  stack,
  type StatusError,
  type Transport,
  type TransportLike,
} from '../src/index.ts';

// An option of one's own, as a user declares it: there it says 'strata-http'.
declare module '../src/index.ts' {
  interface RequestExtensions {
    /** For these tests. */
    testTag?: 'a' | 'b' | undefined;
  }
}

// ── nothing is any ──────────────────────────────────────────────────────────────────────────────

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Types of others, which are theirs to get right. */
type Theirs =
  | URL
  | AbortSignal
  | Uint8Array
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | FormData
  | URLSearchParams
  | ReadableStream
  | Error
  | Date
  | Duplex
  | IncomingMessage
  | ServerResponse
  | SecureContext
  | CookieJar;

/** The ways, to a depth, that lead to an `any`; never, where there is none. */
type AnyIn<T, Depth extends readonly unknown[]> =
  IsAny<T> extends true
    ? 'any'
    : T extends Theirs
      ? never
      : Depth extends readonly [unknown, ...infer Deeper]
        ? AnyInside<T, Deeper>
        : never;

type AnyInside<T, Depth extends readonly unknown[]> = T extends (
  ...args: infer Args
) => infer Result
  ? AnyInEach<Args, Depth> | AnyIn<Result, Depth>
  : T extends abstract new (...args: infer Args) => infer Instance
    ? AnyInEach<Args, Depth> | AnyIn<Instance, Depth>
    : T extends PromiseLike<infer Value> | Iterator<infer Value> | AsyncIterator<infer Value>
      ? AnyIn<Value, Depth>
      : T extends readonly (infer Item)[]
        ? AnyIn<Item, Depth>
        : T extends object
          ? KeysOf<{ [Key in keyof T & string]: AnyIn<T[Key], Depth> }>
          : never;

type AnyInEach<List extends readonly unknown[], Depth extends readonly unknown[]> = {
  [Place in keyof List]-?: AnyIn<List[Place], Depth>;
}[number];

type KeysOf<T> = { [Key in keyof T]: [T[Key]] extends [never] ? never : Key }[keyof T];

type Depth = readonly [1, 1, 1, 1, 1];

t.test('the search for any finds one, wherever it is', async () => {
  // oxlint-disable typescript/no-explicit-any
  expectTypeOf<AnyIn<any, Depth>>().toEqualTypeOf<'any'>();
  expectTypeOf<AnyIn<{ a: { b: any } }, Depth>>().toEqualTypeOf<'a'>();
  expectTypeOf<AnyIn<() => any, Depth>>().toEqualTypeOf<'any'>();
  expectTypeOf<AnyIn<{ a(x: any): void; b: string }, Depth>>().toEqualTypeOf<'a'>();
  expectTypeOf<AnyIn<{ a: (x?: Promise<any>[]) => void }, Depth>>().toEqualTypeOf<'a'>();
  expectTypeOf<AnyIn<new (x: any) => object, Depth>>().toEqualTypeOf<'any'>();
  expectTypeOf<AnyIn<{ a: unknown; b: () => Promise<string[]> }, Depth>>().toBeNever();
  // oxlint-enable typescript/no-explicit-any
});

t.test('no public value leads to an any', async () => {
  expectTypeOf<AnyIn<typeof strata, readonly [1, ...Depth]>>().toBeNever();
  expectTypeOf<AnyIn<ClientOptions, Depth>>().toBeNever();
  expectTypeOf<AnyIn<ClientRequestOptions, Depth>>().toBeNever();
  expectTypeOf<AnyIn<RequestExtensions, Depth>>().toBeNever();
  expectTypeOf<AnyIn<HeadersInit, Depth>>().toBeNever();
  expectTypeOf<AnyIn<TransportLike, Depth>>().toBeNever();
});

// ── messages ────────────────────────────────────────────────────────────────────────────────────

t.test('a body is unknown until it is said what it is', async () => {
  const response = new Response(200, { json: { a: 1 } });
  expectTypeOf(response.json()).resolves.toBeUnknown();
  expectTypeOf(response.json<{ a: number }>()).resolves.toEqualTypeOf<{ a: number }>();
  expectTypeOf(response.text()).resolves.toBeString();
  expectTypeOf(response.bytes()).resolves.toEqualTypeOf<Uint8Array>();
  expectTypeOf(response.arrayBuffer()).resolves.toEqualTypeOf<ArrayBuffer>();
  expectTypeOf(response.body).toEqualTypeOf<ReadableStream<Uint8Array>>();
  expectTypeOf(response[Symbol.asyncIterator]()).toEqualTypeOf<AsyncIterableIterator<Uint8Array>>();
  expectTypeOf(response.iterLines()).toEqualTypeOf<AsyncIterableIterator<string>>();
  expectTypeOf(response.raiseForStatus()).toEqualTypeOf<Response>();
  expectTypeOf(response.trailers).toEqualTypeOf<Headers | null>();
  expectTypeOf(response.nextRequest).toEqualTypeOf<Request | null>();
  expectTypeOf<Response>().toExtend<AsyncDisposable>();
});

t.test('messages cannot be assigned to', async () => {
  const request = new Request('GET', 'http://h/');
  const response = new Response(200);
  const assign = (): void => {
    // @ts-expect-error a request is immutable
    request.method = 'POST';
    // @ts-expect-error its parts, too
    request.headers = new Headers();
    // @ts-expect-error and the options of its layers
    request.extensions.testTag = 'a';
    // @ts-expect-error of a response, only the encoding can be set
    response.status = 201;
    response.encoding = 'latin1';
  };
  expectTypeOf(assign).returns.toBeVoid();
});

t.test('headers are made of what headers are made of elsewhere', async () => {
  expectTypeOf<Record<string, string>>().toExtend<HeadersInit>();
  expectTypeOf<Record<string, string | string[] | undefined>>().toExtend<HeadersInit>();
  expectTypeOf<[string, string][]>().toExtend<HeadersInit>();
  expectTypeOf<Map<string, string>>().toExtend<HeadersInit>();
  expectTypeOf<globalThis.Headers>().toExtend<HeadersInit>();
  expectTypeOf<string>().not.toExtend<HeadersInit>();
  expectTypeOf<{ a: number }>().not.toExtend<HeadersInit>();
  expectTypeOf(new Headers().get('a')).toEqualTypeOf<string | null>();
  expectTypeOf(new Headers().with('a', 'b')).toEqualTypeOf<Headers>();
});

t.test('bodies are made of what bodies are made of elsewhere', async () => {
  type Body = NonNullable<ClientRequestOptions['body']>;
  expectTypeOf<string>().toExtend<Body>();
  expectTypeOf<Buffer>().toExtend<Body>();
  expectTypeOf<Uint8Array>().toExtend<Body>();
  expectTypeOf<ArrayBuffer>().toExtend<Body>();
  expectTypeOf<Blob>().toExtend<Body>();
  expectTypeOf<File>().toExtend<Body>();
  expectTypeOf<URLSearchParams>().toExtend<Body>();
  expectTypeOf<FormData>().toExtend<Body>();
  expectTypeOf<import('node:stream').Readable>().toExtend<Body>();
  expectTypeOf<import('node:fs').ReadStream>().toExtend<Body>();
  expectTypeOf<ReadableStream<Uint8Array>>().toExtend<Body>();
  expectTypeOf<AsyncGenerator<Uint8Array>>().toExtend<Body>();
  expectTypeOf<Generator<string>>().toExtend<Body>();
  expectTypeOf<Uint8Array[]>().toExtend<Body>();
  expectTypeOf<Content>().toExtend<Body>();
  expectTypeOf<number>().not.toExtend<Body>();
  expectTypeOf<{ a: 1 }>().not.toExtend<Body>();
  expectTypeOf<number[]>().not.toExtend<Body>();
});

// ── options ─────────────────────────────────────────────────────────────────────────────────────

t.test('each layer adds its option to requests, and a user’s layer does, too', async () => {
  expectTypeOf<RequestExtensions['testTag']>().toEqualTypeOf<'a' | 'b' | undefined>();
  expectTypeOf<RequestExtensions>().toHaveProperty('redirect');
  expectTypeOf<RequestExtensions>().toHaveProperty('defaultEncoding');
  expectTypeOf<RequestExtensions>().toHaveProperty('onInformational');
  expectTypeOf<ClientRequestOptions>().toExtend<RequestExtensions>();
  const request = new Request('GET', 'http://h/', { testTag: 'a', redirect: { maxRedirects: 3 } });
  expectTypeOf(request.extensions.testTag).toEqualTypeOf<'a' | 'b' | undefined>();
  const build = (client: Client): void => {
    client.buildRequest('GET', 'http://h/', { testTag: 'b' });
    // @ts-expect-error not one of the values
    client.buildRequest('GET', 'http://h/', { testTag: 'c' });
    // @ts-expect-error not an option
    client.buildRequest('GET', 'http://h/', { testTags: 'a' });
    // @ts-expect-error not a value of fetch's
    client.buildRequest('GET', 'http://h/', { redirect: 'manual' });
  };
  expectTypeOf(build).returns.toBeVoid();
});

t.test('options that are not there, or not of the type, do not compile', async () => {
  const make = (): void => {
    void new Client({
      baseUrl: new URL('http://h'),
      cookies: { a: 1, b: true },
      timeout: { read: null },
      redirect: false,
    });
    // @ts-expect-error it is baseUrl
    void new Client({ baseURL: 'http://h' });
    // @ts-expect-error milliseconds are a number
    void new Client({ timeout: '5s' });
    // @ts-expect-error there is no such wait
    void new Client({ timeout: { total: 5 } });
    // @ts-expect-error a list of layers
    void new Client({ middleware: RedirectMiddleware.layer() });
    // @ts-expect-error it is maxRedirects
    void RedirectMiddleware.layer({ maxRedirect: 3 });
  };
  expectTypeOf(make).returns.toBeVoid();
  expectTypeOf<CookieJar>().toExtend<NonNullable<ClientOptions['cookies']>>();
});

// ── stacks ──────────────────────────────────────────────────────────────────────────────────────

class Tagging extends Middleware {
  readonly tag: string;

  constructor(next: TransportLike, tag: string, options: { loud?: boolean } = {}) {
    super(next);
    this.tag = options.loud === true ? tag.toUpperCase() : tag;
  }

  send(request: Request): Promise<Response> {
    return this.next.send(request);
  }
}

t.test('layer() takes what the constructor of its class takes, without next', async () => {
  expectTypeOf(Tagging.layer('a')).toEqualTypeOf<Layer>();
  expectTypeOf(Tagging.layer('a', { loud: true })).toEqualTypeOf<Layer>();
  expectTypeOf(RedirectMiddleware.layer()).toEqualTypeOf<Layer>();
  expectTypeOf(RedirectMiddleware.layer(false)).toEqualTypeOf<Layer>();
  expectTypeOf(CookieMiddleware.layer()).toEqualTypeOf<Layer>();
  const wrong = (): void => {
    // @ts-expect-error the tag is missing
    Tagging.layer();
    // @ts-expect-error it is text
    Tagging.layer(7);
    // @ts-expect-error there is no such option
    Tagging.layer('a', { quiet: true });
  };
  expectTypeOf(wrong).returns.toBeVoid();
});

t.test('a stack is layers, and a transport at the end', async () => {
  const noop = middleware((request, next) => {
    expectTypeOf(request).toEqualTypeOf<Request>();
    expectTypeOf(next).toEqualTypeOf<TransportLike>();
    return next.send(request);
  });
  expectTypeOf(noop).toEqualTypeOf<Layer>();
  expectTypeOf(stack).returns.toEqualTypeOf<Transport>();
  expectTypeOf(shared).returns.toEqualTypeOf<Transport>();
  const build = (pool: ConnectionPool): void => {
    stack(pool);
    stack(noop, Tagging.layer('a'), { send: async () => new Response(200), close: async () => {} });
    // @ts-expect-error a class is no layer
    stack(Tagging, pool);
    // @ts-expect-error the transport comes last
    stack(pool, noop);
    // @ts-expect-error there has to be one
    stack();
    // @ts-expect-error a function that gives no response is no middleware
    middleware(async () => {});
  };
  expectTypeOf(build).returns.toBeVoid();
});

t.test('everything is a transport', async () => {
  expectTypeOf<Client>().toExtend<Transport>();
  expectTypeOf<ConnectionPool>().toExtend<Transport>();
  expectTypeOf<RedirectMiddleware>().toExtend<Transport>();
  expectTypeOf<Tagging>().toExtend<Transport>();
  expectTypeOf<Transport>().toExtend<TransportLike>();
  expectTypeOf<Transport>().toExtend<AsyncDisposable>();
  expectTypeOf<{
    send(request: Request): Promise<Response>;
    close(): Promise<void>;
  }>().toExtend<TransportLike>();
});

// ── errors ──────────────────────────────────────────────────────────────────────────────────────

t.test('the guards narrow what was caught', async () => {
  const error: unknown = new RequestError('x', { request: new Request('GET', 'http://h/') });
  if (isHTTPError(error)) expectTypeOf(error).toEqualTypeOf<HTTPError>();
  if (isRequestError(error)) {
    expectTypeOf(error.request).toEqualTypeOf<Request>();
    expectTypeOf(error.phase).toEqualTypeOf<'pool' | 'connect' | 'write' | 'read' | undefined>();
  }
  if (isStatusError(error)) {
    expectTypeOf(error).toEqualTypeOf<StatusError>();
    expectTypeOf(error.response).toEqualTypeOf<Response>();
  }
  if (isHTTPError(error) && error.code === 'ERR_CONNECT')
    expectTypeOf(error.code).toEqualTypeOf<'ERR_CONNECT'>();
  const compare = (caught: HTTPError): void => {
    // @ts-expect-error there is no such code
    if (caught.code === 'ECONNREFUSED') return;
  };
  expectTypeOf(compare).returns.toBeVoid();
});
