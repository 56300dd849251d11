import type { CookieJar } from 'tough-cookie';
import { BaseURL } from './base-url.ts';
import { ClosedError } from './errors.ts';
import { searchParams, type FormInit } from './messages/content/memory.ts';
import { Destination } from './messages/destination.ts';
import { hasFramingFields, Headers, type HeadersInit } from './messages/headers.ts';
import { inspect } from './messages/inspect.ts';
import { mergedQuery } from './messages/query.ts';
import { Request, type RequestInit } from './messages/request.ts';
import type { Response } from './messages/response.ts';
import { checkEncoding, type DefaultEncoding } from './messages/text.ts';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from './messages/timeout.ts';
import type { AuthInit } from './auth/auth.ts';
import { NetrcAuth } from './auth/netrc.ts';
import { AuthMiddleware, ReauthorizeMiddleware } from './middleware/auth.ts';
import { CookieMiddleware } from './middleware/cookie.ts';
import {
  ACCEPT_ENCODING,
  DECODE_BOUND_NAMES,
  DECODE_OPTION_NAMES,
  DecodeMiddleware,
  type DecodeOptions,
} from './middleware/decode.ts';
import { DeadlineMiddleware } from './middleware/deadline.ts';
import { ProgressMiddleware } from './middleware/progress.ts';
import {
  REDIRECT_OPTION_NAMES,
  RedirectMiddleware,
  type RedirectOptions,
} from './middleware/redirect.ts';
import { RETRY_OPTION_NAMES, RetryMiddleware, type RetryOptions } from './middleware/retry.ts';
import { checkOptionNames } from './options.ts';
import {
  ConnectionPool,
  POOL_OPTION_NAMES,
  type ConnectionPoolOptions,
} from './transports/connection-pool.ts';
import { Mounts, type MountRoutes } from './transports/mounts.ts';
import { labelOf, stack, Transport, whole, type Layer, type TransportLike } from './transport.ts';
import { VERSION } from './version.ts';

/** Cookies to be sent by name: numbers and booleans are written out, `null` and `undefined` are left out. */
export type CookiesInit = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What a client is made of. The options of `ConnectionPool` are handed on to it. */
export interface ClientOptions extends Omit<ConnectionPoolOptions, 'timeout'> {
  /** A prefix of every URL: paths are appended to it. */
  baseUrl?: string | URL | undefined;
  /** Whether absolute URLs of another origin than `baseUrl` are let through. Default false: they would carry the client's headers away. */
  allowAbsoluteUrls?: boolean | undefined;
  /** Sent with every request, unless that has the same field; `null` removes one of the defaults. */
  headers?: HeadersInit | undefined;
  /** In the query of every URL, unless that has the same name. */
  params?: FormInit | undefined;
  /** A jar of tough-cookie's; cookies to send with every request; true (default): a new jar; false: no cookies are kept. */
  cookies?: CookieJar | CookiesInit | boolean | undefined;
  /** Milliseconds, or `{ connect, read, write, pool }`; `null`: no bound. Default 5,000 each. */
  timeout?: TimeoutInit | undefined;
  /** Who asks: user and password, a scheme, or a function of the request. `null`: nobody, whatever a netrc file says. */
  auth?: AuthInit | null | undefined;
  /** Milliseconds for each whole call, body included; `null` (default): no bound. */
  deadline?: number | null | undefined;
  /** How redirects are followed; false: they are not, but where a request asks for it. */
  redirect?: RedirectOptions | boolean | undefined;
  /** How requests are sent again; false (default): they are not. */
  retry?: RetryOptions | boolean | undefined;
  /** Within which bounds compressed responses are decoded; false: they are neither asked for nor decoded. */
  decode?: DecodeOptions | boolean | undefined;
  /** Your layers, outermost: they see each call once. */
  middleware?: readonly Layer[] | undefined;
  /** Your layers, innermost: they see each attempt. */
  networkMiddleware?: readonly Layer[] | undefined;
  /** What stands at the bottom in place of a `ConnectionPool`. */
  transport?: TransportLike | undefined;
  /** Transports by pattern (`all://*.example.com`, `http://host:8080`; see `Mounts`) in place of that one; `null` leads back to it. */
  mounts?: MountRoutes | undefined;
  /** The encoding of text whose Content-Type names none. Default UTF-8. */
  defaultEncoding?: DefaultEncoding | undefined;
}

/** What a request adds to, or replaces of, what the client has. */
export interface ClientRequestOptions extends RequestInit {
  /** Joined with the client's; the request's count. */
  cookies?: CookiesInit | undefined;
}

const OWN_OPTIONS = [
  'auth',
  'retry',
  'deadline',
  'baseUrl',
  'allowAbsoluteUrls',
  'headers',
  'params',
  'cookies',
  'redirect',
  'decode',
  'middleware',
  'networkMiddleware',
  'transport',
  'mounts',
  'defaultEncoding',
] as const;
const OPTION_NAMES: readonly string[] = [...OWN_OPTIONS, ...POOL_OPTION_NAMES];

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
    checkOptionNames('Client', options, OPTION_NAMES);
    const { baseUrl, headers, params, cookies = true, decode = true, timeout } = options;
    this.#base =
      baseUrl === undefined ? null : new BaseURL(baseUrl, options.allowAbsoluteUrls === true);
    if (typeof options.redirect === 'object') {
      checkOptionNames('Client: redirect', options.redirect, REDIRECT_OPTION_NAMES);
    }
    if (typeof options.retry === 'object') {
      checkOptionNames('Client: retry', options.retry, RETRY_OPTION_NAMES);
    }
    if (typeof decode !== 'boolean')
      checkOptionNames('Client: decode', decode, DECODE_OPTION_NAMES);
    this.#plainHeaders = DEFAULT_HEADERS.merge(headers);
    const asks = decode === true || (decode !== false && decode.advertise !== false);
    this.#headers = asks ? DECODING_HEADERS.merge(headers) : this.#plainHeaders;
    // A copy: a URLSearchParams can be changed.
    this.#params =
      params === undefined ? null : new URLSearchParams(searchParams('params', params));
    this.#cookies = isRecord(cookies) ? { ...checkedCookies(cookies) } : null;
    this.#timeouts = timeout === undefined ? undefined : resolveTimeouts(timeout, DEFAULT_TIMEOUTS);
    if (typeof options.defaultEncoding === 'string') checkEncoding(options.defaultEncoding);
    this.#defaultEncoding = options.defaultEncoding;
    this.transport = assemble(options);
  }

  /** The request that `request` would send: to be looked at, changed with `with`, and given to `send`. */
  buildRequest(
    method: string,
    url: string | URL,
    options: ClientRequestOptions = NO_OPTIONS,
  ): Request {
    const init: ClientRequestOptions = options === NO_OPTIONS ? {} : { ...options };
    if (typeof options.redirect === 'object') {
      checkOptionNames('redirect', options.redirect, REDIRECT_OPTION_NAMES);
    }
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
    return this.transport.send(request);
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
  const { cookies = true, redirect = true, decode = true } = options;
  const { retry = false } = options;
  return stack(
    DeadlineMiddleware.layer(options.deadline),
    ...layersIn('middleware', options.middleware),
    ProgressMiddleware.layer(),
    AuthMiddleware.layer(options.auth, netrcFor(options)),
    RedirectMiddleware.layer(redirect),
    RetryMiddleware.layer(retry === true ? {} : retry),
    ReauthorizeMiddleware.layer(),
    ...(cookies === false ? [] : [CookieMiddleware.layer(isJar(cookies) ? cookies : undefined)]),
    ...(decode === false
      ? []
      : [DecodeMiddleware.layer({ ...(decode === true ? {} : decode), advertise: false })]),
    ...layersIn('networkMiddleware', options.networkMiddleware),
    options.mounts === undefined ? bottom(options) : new Mounts(options.mounts, bottom(options)),
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

function isJar(cookies: ClientOptions['cookies']): cookies is CookieJar {
  return (
    typeof cookies === 'object' && cookies !== null && typeof cookies.getCookieString === 'function'
  );
}

/** @throws TypeError where it is no jar and no boolean either. */
function isRecord(cookies: ClientOptions['cookies']): cookies is CookiesInit {
  if (typeof cookies === 'boolean' || isJar(cookies)) return false;
  if (typeof cookies === 'object' && cookies !== null) return true;
  const came = cookies === null ? 'null' : typeof cookies;
  throw new TypeError(`cookies: expected a CookieJar, a record or a boolean, got ${came}`);
}

/** What would end a name or a pair (RFC 6265 §4.2.1); line breaks are refused in any header. */
const NOT_IN_NAME = /[\s=;]/;

/** @throws TypeError where one of them would be more than one, or none. */
function checkedCookies(cookies: CookiesInit): CookiesInit {
  if (typeof cookies !== 'object' || cookies === null || isJar(cookies)) {
    throw new TypeError('cookies: expected a record of names and values');
  }
  for (const [name, value] of Object.entries(cookies) as [string, unknown][]) {
    if (name === '' || NOT_IN_NAME.test(name)) {
      throw new TypeError(
        `cookies: expected a name without white space, = and ;, got ${JSON.stringify(name)}`,
      );
    }
    if (value === null || value === undefined) continue;
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(
        `cookies.${name}: expected a string, number or boolean, got ${typeof value}`,
      );
    }
    // The value itself may be a secret.
    if (typeof value === 'string' && value.includes(';'))
      throw new TypeError(`cookies.${name}: expected a value without ;`);
  }
  return cookies;
}

function withCookies(headers: Headers, cookies: CookiesInit): Headers {
  const pairs = Object.entries(cookies)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`);
  return pairs.length === 0
    ? headers
    : headers.with('cookie', [...headers.getAll('cookie'), ...pairs].join('; '));
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
