import { NetrcAuth } from './auth/netrc.ts';
import { BaseURL } from './base-url.ts';
import {
  checkClientOptions,
  checkRequestOptions,
  type ClientOptions,
  type ClientRequestOptions,
} from './client-options.ts';
import { ClosedError } from './errors.ts';
import { searchParams } from './messages/content/memory.ts';
import { Destination } from './messages/destination.ts';
import { hasFramingFields, Headers } from './messages/headers.ts';
import { inspect } from './messages/inspect.ts';
import { mergedQuery } from './messages/query.ts';
import { Request } from './messages/request.ts';
import type { Response } from './messages/response.ts';
import { checkEncoding } from './messages/text.ts';
import { DEFAULT_TIMEOUTS, resolveTimeouts, type ResolvedTimeouts } from './messages/timeout.ts';
import { AuthMiddleware, ReauthorizeMiddleware } from './middleware/auth.ts';
import { BreakerMiddleware } from './middleware/breaker.ts';
import { CacheMiddleware } from './middleware/cache.ts';
import { CookieMiddleware } from './middleware/cookie.ts';
import { DeadlineMiddleware } from './middleware/deadline.ts';
import { ACCEPT_ENCODING, DECODE_BOUND_NAMES, DecodeMiddleware } from './middleware/decode.ts';
import { DedupeMiddleware } from './middleware/dedupe.ts';
import { HedgeMiddleware } from './middleware/hedge.ts';
import { HooksMiddleware } from './middleware/hooks.ts';
import { HstsMiddleware } from './middleware/hsts.ts';
import { LogMiddleware } from './middleware/log.ts';
import { ProgressMiddleware } from './middleware/progress.ts';
import { RedirectMiddleware } from './middleware/redirect.ts';
import { RetryMiddleware } from './middleware/retry.ts';
import { SchemaMiddleware } from './middleware/schema.ts';
import { StatusMiddleware } from './middleware/status.ts';
import { CallTelemetryMiddleware, TelemetryMiddleware } from './middleware/telemetry.ts';
import { ThrottleMiddleware } from './middleware/throttle.ts';
import { CallTraceMiddleware, TraceMiddleware } from './middleware/trace.ts';
import { checkOptionNames } from './options.ts';
import {
  checkedCookies,
  isJar,
  isRecord,
  withCookies,
  type CookiesInit,
} from './request-cookies.ts';
import {
  ConnectionPool,
  POOL_OPTION_NAMES,
  type ConnectionPoolOptions,
} from './transports/connection-pool.ts';
import { Mounts } from './transports/mounts.ts';
import { labelOf, stack, Transport, whole, type Layer, type TransportLike } from './transport.ts';
import { VERSION } from './version.ts';

export type { ClientOptions, ClientRequestOptions } from './client-options.ts';
export type { CookiesInit } from './request-cookies.ts';

const DEFAULT_HEADERS: Headers = new Headers({
  accept: '*/*',
  'user-agent': `strata-http/${VERSION}`,
});
/** With what the decode layer would ask for: it stands here, so that no request has to be changed for it. */
const DECODING_HEADERS: Headers =
  ACCEPT_ENCODING === ''
    ? DEFAULT_HEADERS
    : DEFAULT_HEADERS.withAppended('accept-encoding', ACCEPT_ENCODING);

/**
 * Builds requests, and owns the stack that sends them. Headers, params and cookies of client and request combine, the request's winning;
 * of everything else, what the request gives replaces what the client has.
 *
 *     await using client = new Client({ baseUrl: 'https://api.example.com/v1', headers: { authorization: 'Bearer …' } });
 *     const user = await (await client.get('users/7')).json<User>();
 *
 * `request` and its shorthands read the response to its end; `stream` and `send` resolve to a scoped one.
 */
export class Client extends Transport {
  /** The outermost layer. */
  readonly transport: Transport;
  readonly #base: BaseURL | null;
  readonly #headers: Headers;
  /** Those of a request that is not to be decoded. */
  readonly #plainHeaders: Headers;
  readonly #params: URLSearchParams | null;
  readonly #cookies: CookiesInit | null;
  readonly #timeouts: ResolvedTimeouts | undefined;
  readonly #defaultEncoding: ClientOptions['defaultEncoding'];
  #closed: Promise<void> | null = null;

  /** @throws TypeError on an unknown option or one that is not what it has to be. @throws InvalidURLError for `baseUrl`. */
  constructor(options: ClientOptions = {}) {
    super();
    checkClientOptions(options);
    const { baseUrl, headers, params, cookies = true, decode = true, timeout } = options;
    this.#base =
      baseUrl === undefined ? null : new BaseURL(baseUrl, options.allowAbsoluteUrls ?? false);
    this.#plainHeaders = DEFAULT_HEADERS.merge(headers);
    const asks = decode === true || (decode !== false && decode.advertise !== false);
    this.#headers = asks ? DECODING_HEADERS.merge(headers) : this.#plainHeaders;
    // A copy: a URLSearchParams can be changed.
    this.#params =
      params === undefined ? null : new URLSearchParams(searchParams('params', params));
    this.#cookies = isRecord(cookies) ? { ...checkedCookies(cookies) } : null;
    this.#timeouts = timeout === undefined ? undefined : resolveTimeouts(timeout, DEFAULT_TIMEOUTS);
    this.#defaultEncoding = checkedEncoding(options.defaultEncoding);
    this.transport = assemble(options);
  }

  /** The request that `request` would send: to be looked at, changed with `with`, and given to `send`. */
  buildRequest(
    method: string,
    url: string | URL,
    options: ClientRequestOptions = NO_OPTIONS,
  ): Request {
    const init: ClientRequestOptions = options === NO_OPTIONS ? {} : { ...options };
    checkRequestOptions(options);
    init.headers = this.#headersFor(options);
    if (this.#timeouts !== undefined)
      init.timeout = resolveTimeouts(options.timeout, this.#timeouts);
    if (this.#defaultEncoding !== undefined) init.defaultEncoding ??= this.#defaultEncoding;
    if (this.#cookies !== null || options.cookies !== undefined) {
      const own = options.cookies === undefined ? undefined : checkedCookies(options.cookies);
      init.headers = withCookies(Headers.from(init.headers), { ...this.#cookies, ...own });
      delete init.cookies;
    }
    const joined = this.#base === null ? url : this.#base.join(url);
    return new Request(
      method,
      this.#params === null ? joined : withParams(joined, this.#params),
      init,
    );
  }

  #headersFor({ headers, decode }: ClientRequestOptions): Headers {
    if (typeof decode !== 'boolean' && decode !== undefined)
      checkOptionNames('decode', decode, DECODE_BOUND_NAMES);
    const defaults = decode === false ? this.#plainHeaders : this.#headers;
    if (headers === undefined) return defaults;
    const merged = defaults.merge(headers);
    // As Fetch has it, a part is asked for as it is: what is cut out of a compressed body cannot be decoded.
    return hasFramingFields(merged) &&
      merged.has('range') &&
      merged.get('accept-encoding') === ACCEPT_ENCODING
      ? merged.with('accept-encoding', 'identity')
      : merged;
  }

  /** Sends a request as it is, through the whole stack: nothing of the client's is added to it. The response is scoped. */
  send(request: Request): Promise<Response> {
    if (this.#closed !== null)
      return Promise.reject(new ClosedError(`${request.toString()}: the client is closed`));
    const answer = this.transport.send(request);
    const { content } = request;
    // A stream that is never sent is not read to its end either.
    return content?.discard === undefined ? answer : answer.finally(() => content.discard?.());
  }

  override request(
    method: string,
    url: string | URL,
    options?: ClientRequestOptions,
  ): Promise<Response> {
    return this.stream(method, url, options).then(whole);
  }

  override stream(
    method: string,
    url: string | URL,
    options?: ClientRequestOptions,
  ): Promise<Response> {
    try {
      return this.send(this.buildRequest(method, url, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('GET', url, options);
  }

  head(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('HEAD', url, options);
  }

  options(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('OPTIONS', url, options);
  }

  post(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('POST', url, options);
  }

  put(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('PUT', url, options);
  }

  patch(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('PATCH', url, options);
  }

  delete(url: string | URL, options?: ClientRequestOptions): Promise<Response> {
    return this.request('DELETE', url, options);
  }

  /** Closes the stack and, with it, the connections: what is under way may end first. */
  override close(): Promise<void> {
    return (this.#closed ??= this.transport.close());
  }

  override toString(): string {
    return `Client ${labelOf(this.transport)}`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }
}

const NO_OPTIONS: ClientRequestOptions = Object.freeze({});

/** The stack, outermost first: this is the order in which a request travels. */
function assemble(options: ClientOptions): Transport {
  const { cookies = true, redirect = true, decode = true, retry = false } = options;
  const { hooks, status = false, trace = false } = options;
  return stack(
    CallTraceMiddleware.layer(trace),
    ...layerFor(options.telemetry, () => CallTelemetryMiddleware.layer()),
    DeadlineMiddleware.layer(options.deadline),
    ...layersIn('middleware', options.middleware),
    ProgressMiddleware.layer(),
    SchemaMiddleware.layer(),
    StatusMiddleware.layer(status),
    HooksMiddleware.layer(hooks),
    AuthMiddleware.layer(options.auth, netrcFor(options)),
    RedirectMiddleware.layer(redirect),
    ...layerFor(options.hsts, (given) => HstsMiddleware.layer(given)),
    RetryMiddleware.layer(retry === true ? {} : retry),
    ReauthorizeMiddleware.layer(),
    ...(cookies === false ? [] : [CookieMiddleware.layer(isJar(cookies) ? cookies : undefined)]),
    ...layerFor(decode, (given) => DecodeMiddleware.layer({ ...given, advertise: false })),
    ...layerFor(options.cache, (given) => CacheMiddleware.layer(given)),
    ...layerFor(options.dedupe, (given) => DedupeMiddleware.layer(given)),
    ...layerFor(options.breaker, (given) => BreakerMiddleware.layer(given)),
    ...layerFor(options.throttle, (given) => ThrottleMiddleware.layer(given)),
    ...layerFor(options.hedge, (given) => HedgeMiddleware.layer(given)),
    ...layerFor(options.log, (given) => LogMiddleware.layer(given)),
    ...layerFor(options.telemetry, (given) => TelemetryMiddleware.layer(given)),
    TraceMiddleware.layer(trace),
    ...layersIn('networkMiddleware', options.networkMiddleware),
    options.mounts === undefined ? bottom(options) : new Mounts(options.mounts, bottom(options)),
  );
}

/** The layer that an option asks for: true is the layer as it is by default; false, and nothing, is none. */
function layerFor<Options extends object>(
  given: Options | boolean | undefined,
  layer: (options: Options) => Layer,
): readonly Layer[] {
  if (given === undefined || given === false) return [];
  return [layer(given === true ? ({} as Options) : given)];
}

function checkedEncoding(encoding: ClientOptions['defaultEncoding']): typeof encoding {
  if (encoding === undefined || typeof encoding === 'function') return encoding;
  if (typeof encoding === 'string') return checkEncoding(encoding);
  throw new TypeError(
    `Client: defaultEncoding: expected a label or a function, got ${encoding === null ? 'null' : typeof encoding}`,
  );
}

/** What a netrc file has is used where nobody says who asks, and the environment is trusted. */
function netrcFor({ auth, trustEnv }: ClientOptions): NetrcAuth | null {
  return auth === undefined && trustEnv !== false ? new NetrcAuth() : null;
}

/** The options that the pool gets. With a transport of one's own there is nobody to give them to. */
function poolOptions(options: ClientOptions): ConnectionPoolOptions {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) =>
        POOL_OPTION_NAMES.includes(name) && name !== 'timeout' && value !== undefined,
    ),
  );
}

/** The options that only a pool has a use for must not be lost without a word. */
function bottom(options: ClientOptions): TransportLike {
  const forPool = poolOptions(options);
  if (options.transport === undefined) return new ConnectionPool(forPool);
  // `trustEnv` is about netrc files too.
  const names = Object.keys(forPool).filter((name) => name !== 'trustEnv');
  if (names.length > 0) {
    throw new TypeError(
      `Client: with transport, there is no pool for ${names.join(', ')} to be about`,
    );
  }
  return options.transport;
}

function layersIn(option: string, layers: readonly Layer[] = []): readonly Layer[] {
  if (Array.isArray(layers)) return layers;
  throw new TypeError(`Client: ${option}: expected a list of layers, got ${typeof layers}`);
}

/** Adds those of the client's params whose names the URL does not have. */
function withParams(url: string | URL | Destination, params: URLSearchParams): Destination {
  const destination = Destination.from(url);
  const { target } = destination;
  const question = target.indexOf('?');
  const own = new URLSearchParams(question === -1 ? '' : `&${target.slice(question + 1)}`);
  const added = new URLSearchParams([...params].filter(([name]) => !own.has(name)));
  return added.size === 0 ? destination : destination.withTarget(mergedQuery(target, added));
}
