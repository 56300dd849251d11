// The client
export {
  Client,
  type ClientOptions,
  type ClientRequestOptions,
  type CookiesInit,
} from './client.ts';
export { del, get, head, options, patch, post, put, request, stream } from './one-off.ts';

// Stacks
export {
  middleware,
  Middleware,
  shared,
  stack,
  Transport,
  type Layer,
  type LayerRole,
  type TransportLike,
} from './transport.ts';

// Messages
export { Headers, type HeadersInit } from './messages/headers.ts';
export {
  Request,
  type RequestChanges,
  type RequestExtensions,
  type RequestInit,
} from './messages/request.ts';
export { Response, type ResponseChanges, type ResponseInit } from './messages/response.ts';
export type { InformationalResponse } from './exchange.ts';
export type { BodyInit } from './messages/body.ts';
export type { BodySink, BodySource } from './messages/body-source.ts';
export type { LinesOptions } from './messages/lines.ts';
export { resumeHeaders, type SavedFile, type SaveOptions } from './messages/save.ts';
export type { Destination } from './messages/destination.ts';
export type { DefaultEncoding } from './messages/text.ts';
export type { TimeoutInit, Timeouts } from './messages/timeout.ts';
export type { EventsOptions, ServerSentEvent } from './messages/events.ts';
export type { JSONLinesOptions } from './messages/json-lines.ts';
export type { Progress, ProgressListener } from './messages/progress.ts';

// Contents
export type { Content } from './messages/content/content.ts';
export { FileContent, type FileOptions } from './messages/content/file.ts';
export { GzipContent } from './messages/content/gzip.ts';
export {
  MultipartContent,
  type MultipartInit,
  type MultipartOptions,
  type MultipartValue,
  type PartInit,
} from './messages/content/multipart.ts';
export {
  BytesContent,
  FormContent,
  HTMLContent,
  JSONContent,
  TextContent,
  type FormInit,
  type FormValue,
} from './messages/content/memory.ts';
export {
  BlobContent,
  FormDataContent,
  StreamContent,
  type Piece,
} from './messages/content/stream.ts';

// Authentication
export {
  Auth,
  type AsyncAuthFlow,
  type AuthFlow,
  type AuthInit,
  type AuthLike,
} from './auth/auth.ts';
export { AnyAuth } from './auth/any.ts';
export { BasicAuth } from './auth/basic.ts';
export { BearerAuth, type TokenSource } from './auth/bearer.ts';
export { DigestAuth, type DigestOptions } from './auth/digest.ts';
export { AuthError } from './auth/failure.ts';
export { NetrcAuth } from './auth/netrc.ts';
export { OAuth2, type OAuth2Options } from './auth/oauth2.ts';
export type { OAuth2Token } from './auth/tokens.ts';

// Layers
export { AuthMiddleware, ReauthorizeMiddleware } from './middleware/auth.ts';
export {
  CacheMiddleware,
  DiskStore,
  KeyvStore,
  MemoryStore,
  type Awaitable,
  type CacheMode,
  type CacheOptions,
  type CacheStore,
  type DiskStoreOptions,
  type KeyvLike,
  type KeyvStoreOptions,
  type MemoryStoreOptions,
  type StoredEntry,
  type StoredHead,
  type StoredResponse,
  type StoreWriter,
  type VaryRule,
} from './middleware/cache.ts';
export type { CacheStatus } from './messages/cache-status.ts';
export { CookieMiddleware } from './middleware/cookie.ts';
export { DecodeMiddleware, type DecodeBounds, type DecodeOptions } from './middleware/decode.ts';
export { DeadlineMiddleware } from './middleware/deadline.ts';
export { DedupeMiddleware, type DedupeOptions } from './middleware/dedupe.ts';
export {
  defaultPolicy,
  RetryMiddleware,
  type Backoff,
  type PolicyOptions,
  type RetryBudget,
  type RetryOptions,
  type RetryOutcome,
  type RetryPolicy,
} from './middleware/retry.ts';
export {
  BreakerMiddleware,
  BreakerOpenError,
  defaultIsFailure,
  type BreakerChange,
  type BreakerOptions,
  type BreakerOutcome,
  type BreakerSnapshot,
  type BreakerState,
  type FailureTest,
} from './middleware/breaker.ts';
export {
  HedgeMiddleware,
  type HedgeBudget,
  type HedgeDelay,
  type HedgeOptions,
  type HedgeReport,
} from './middleware/hedge.ts';
export { ProgressMiddleware } from './middleware/progress.ts';
export { RedirectMiddleware, type RedirectOptions } from './middleware/redirect.ts';
export {
  FlexibleLimiter,
  ThrottleError,
  ThrottleMiddleware,
  type FlexibleRateLimiter,
  type Limiter,
  type ThrottleChoice,
  type ThrottleKeySnapshot,
  type ThrottleOptions,
  type ThrottleSnapshot,
} from './middleware/throttle.ts';

export { StatusMiddleware, type StatusOptions } from './middleware/status.ts';
export {
  HooksMiddleware,
  type Hooks,
  type RequestHook,
  type ResponseHook,
} from './middleware/hooks.ts';
export { SchemaMiddleware } from './middleware/schema.ts';
export {
  SchemaError,
  type SchemaIssue,
  type StandardResult,
  type StandardSchema,
} from './messages/standard-schema.ts';
export { HstsMiddleware, type HstsEntry, type HstsOptions } from './middleware/hsts.ts';

// What happened
export {
  CallTraceMiddleware,
  TraceMiddleware,
  type ExchangeCause,
  type Trace,
  type TracedBody,
  type TracedExchange,
  type TracedRequest,
  type TracedResponse,
  type TraceOptions,
} from './middleware/trace.ts';
export type { ConnectionFacts, Outcome, Span, Timeline } from './messages/timeline.ts';
export type { TimedPhase, Timings } from './messages/timings.ts';
export type {
  ConnectionEvent,
  ConnectionFailedEvent,
  ConnectionOpenedEvent,
  DiagnosticsEvents,
  RequestConnectedEvent,
  RequestDoneEvent,
  RequestErrorEvent,
  RequestEvent,
  RequestHeadEvent,
  RequestSentEvent,
} from './exchange-timeline.ts';
export {
  LogMiddleware,
  type Logger,
  type LogLevel,
  type LogOptions,
  type LogRecord,
} from './middleware/log.ts';
export {
  CallTelemetryMiddleware,
  TelemetryMiddleware,
  type TelemetryApi,
  type TelemetryOptions,
} from './middleware/telemetry.ts';
export type { SecretNames } from './messages/secret-fields.ts';

// Transports
export {
  AppTransport,
  type AppLike,
  type AppTransportOptions,
  type FetchEnvironment,
  type FetchFunction,
  type FetchHandler,
  type NodeListener,
} from './transports/app.ts';
export {
  FetchTransport,
  type FetchInit,
  type FetchLike,
  type FetchTransportOptions,
} from './transports/fetch.ts';
export {
  MockTransport,
  type MockAnswer,
  type MockHandler,
  type MockResult,
} from './transports/mock.ts';
export { Mounts, type MountRoutes } from './transports/mounts.ts';
export {
  UndiciTransport,
  type DispatcherLike,
  type UndiciTransportOptions,
} from './transports/undici.ts';
export {
  ConnectionPool,
  type CloseOptions,
  type ConnectionPoolOptions,
} from './transports/connection-pool.ts';
export type { PoolLimits } from './pool/limits.ts';
export type { ConnectionSnapshot, PoolSnapshot } from './pool/snapshot.ts';
export type { ParserLimits } from './http1/limits.ts';

// This library in another's socket
export {
  toFetch,
  type AdaptedFetch,
  type FetchDefaults,
  type FetchFailure,
} from './adapters/to-fetch.ts';

// Proxies
export { Proxy, type ProxyMode, type ProxyOptions } from './proxy/proxy.ts';
export type { ProxyInit } from './proxy/proxy-map.ts';

// The network
export { SocketBackend, type SocketBackendOptions } from './network/socket-backend.ts';
export {
  NetworkFailure,
  type FailedAttempt,
  type NetworkBackend,
  type NetworkStream,
  type NetworkTarget,
  type Opening,
  type StreamReceiver,
  type StreamTimings,
  type TLSInfo,
} from './network/stream.ts';

// Errors
export {
  HTTPError,
  RequestError,
  TransportError,
  TimeoutError,
  ConnectTimeoutError,
  ReadTimeoutError,
  WriteTimeoutError,
  PoolTimeoutError,
  DeadlineError,
  NetworkError,
  ConnectError,
  ReadError,
  WriteError,
  ProtocolError,
  LocalProtocolError,
  RemoteProtocolError,
  PoolFullError,
  ProxyError,
  UnsupportedProtocolError,
  DecodingError,
  TooManyRedirectsError,
  RedirectError,
  StatusError,
  InvalidURLError,
  StreamConsumedError,
  ClosedError,
  isHTTPError,
  isRequestError,
  isTransportError,
  isTimeoutError,
  isNetworkError,
  isProtocolError,
  isStatusError,
  type ErrorCode,
  type Phase,
  type RequestErrorInit,
} from './errors.ts';

export { VERSION } from './version.ts';
