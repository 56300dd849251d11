import type { AuthInit } from './auth/auth.ts';
import type { FormInit } from './messages/content/memory.ts';
import type { HeadersInit } from './messages/headers.ts';
import type { RequestInit } from './messages/request.ts';
import type { DefaultEncoding } from './messages/text.ts';
import type { TimeoutInit } from './messages/timeout.ts';
import { BREAKER_OPTION_NAMES, type BreakerOptions } from './middleware/breaker.ts';
import { CACHE_OPTION_NAMES, type CacheOptions } from './middleware/cache.ts';
import { DECODE_OPTION_NAMES, type DecodeOptions } from './middleware/decode.ts';
import { DEDUPE_OPTION_NAMES, type DedupeOptions } from './middleware/dedupe.ts';
import { HEDGE_OPTION_NAMES, type HedgeOptions } from './middleware/hedge.ts';
import { HOOKS_OPTION_NAMES, type Hooks } from './middleware/hooks.ts';
import { HSTS_OPTION_NAMES, type HstsOptions } from './middleware/hsts.ts';
import { LOG_OPTION_NAMES, type LogOptions } from './middleware/log.ts';
import { REDIRECT_OPTION_NAMES, type RedirectOptions } from './middleware/redirect.ts';
import { RETRY_OPTION_NAMES, type RetryOptions } from './middleware/retry.ts';
import { STATUS_OPTION_NAMES, type StatusOptions } from './middleware/status.ts';
import { TELEMETRY_OPTION_NAMES, type TelemetryOptions } from './middleware/telemetry.ts';
import { THROTTLE_OPTION_NAMES, type ThrottleOptions } from './middleware/throttle.ts';
import { TRACE_OPTION_NAMES, type TraceOptions } from './middleware/trace.ts';
import { checkOptionNames } from './options.ts';
import type { CookiesInit, CookiesOption } from './request-cookies.ts';
import { POOL_OPTION_NAMES, type ConnectionPoolOptions } from './transports/connection-pool.ts';
import type { MountRoutes } from './transports/mounts.ts';
import type { Layer, TransportLike } from './transport.ts';

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
  cookies?: CookiesOption;
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
  /** Where responses are kept; false (default): nowhere. */
  cache?: CacheOptions | boolean | undefined;
  /** Whether requests that are the same at the same time share one exchange; false (default): each has its own. */
  dedupe?: DedupeOptions | boolean | undefined;
  /** When an origin that fails gets no more requests; false (default): it gets all of them. */
  breaker?: BreakerOptions | boolean | undefined;
  /** How many requests go out at once, or in a time; false (default): as many as come. */
  throttle?: ThrottleOptions | false | undefined;
  /** When a request is sent once more while the answer is awaited; false (default): it is not. */
  hedge?: HedgeOptions | boolean | undefined;
  /** Whether hosts that ask for https: get nothing else (RFC 6797); false (default): a URL is taken as it is. */
  hsts?: HstsOptions | boolean | undefined;
  /** Which statuses are errors; true: those from 400; false (default): none. */
  status?: StatusOptions | boolean | undefined;
  /** Functions that see each request before it is sent, and each response before it is read. */
  hooks?: Hooks | false | undefined;
  /** What is recorded of each exchange: `response.timings`, and what `explain` shows; false (default): nothing. */
  trace?: TraceOptions | boolean | undefined;
  /** Where a line about each exchange goes; false (default): nowhere. */
  log?: LogOptions | false | undefined;
  /** Spans and metrics of OpenTelemetry; false (default): none. */
  telemetry?: TelemetryOptions | boolean | undefined;
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

/** The options that configure one layer each, and the names of theirs. */
const LAYER_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  breaker: BREAKER_OPTION_NAMES,
  cache: CACHE_OPTION_NAMES,
  decode: DECODE_OPTION_NAMES,
  dedupe: DEDUPE_OPTION_NAMES,
  hedge: HEDGE_OPTION_NAMES,
  hooks: HOOKS_OPTION_NAMES,
  hsts: HSTS_OPTION_NAMES,
  log: LOG_OPTION_NAMES,
  redirect: REDIRECT_OPTION_NAMES,
  retry: RETRY_OPTION_NAMES,
  status: STATUS_OPTION_NAMES,
  telemetry: TELEMETRY_OPTION_NAMES,
  throttle: THROTTLE_OPTION_NAMES,
  trace: TRACE_OPTION_NAMES,
};

const OPTION_NAMES: readonly string[] = [
  'baseUrl',
  'allowAbsoluteUrls',
  'headers',
  'params',
  'cookies',
  'auth',
  'deadline',
  ...Object.keys(LAYER_OPTIONS),
  'middleware',
  'networkMiddleware',
  'transport',
  'mounts',
  'defaultEncoding',
  ...POOL_OPTION_NAMES,
];

/** @throws TypeError on an option that is not there, of the client's or of one of its layers. */
export function checkClientOptions(options: ClientOptions): void {
  checkOptionNames('Client', options, OPTION_NAMES);
  for (const [name, known] of Object.entries(LAYER_OPTIONS)) {
    const given: unknown = (options as Record<string, unknown>)[name];
    if (given === undefined || typeof given === 'boolean') continue;
    if (typeof given !== 'object' || given === null) {
      const came = given === null ? 'null' : typeof given;
      throw new TypeError(`Client: ${name}: expected true, false or options, got ${came}`);
    }
    checkOptionNames(`Client: ${name}`, given, known);
  }
}

/** @throws TypeError where a request configures a layer by an option that is not there. */
export function checkRequestOptions({ redirect }: ClientRequestOptions): void {
  if (typeof redirect === 'object') checkOptionNames('redirect', redirect, REDIRECT_OPTION_NAMES);
}
