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
export type { BodySource } from './messages/body-source.ts';
export type { Destination } from './messages/destination.ts';
export type { TimeoutInit, Timeouts } from './messages/timeout.ts';

// Contents
export type { Content } from './messages/content/content.ts';
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

// Layers
export { CookieMiddleware } from './middleware/cookie.ts';
export { DecodeMiddleware, type DecodeBounds, type DecodeOptions } from './middleware/decode.ts';
export { DeadlineMiddleware } from './middleware/deadline.ts';
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
export { RedirectMiddleware, type RedirectOptions } from './middleware/redirect.ts';

// Transports
export {
  ConnectionPool,
  type CloseOptions,
  type ConnectionPoolOptions,
} from './transports/connection-pool.ts';
export type { PoolLimits } from './pool/limits.ts';
export type { ConnectionSnapshot, PoolSnapshot } from './pool/snapshot.ts';
export type { ParserLimits } from './http1/limits.ts';

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
export * from './errors.ts';

export { VERSION } from './version.ts';
