import { readFileSync } from 'node:fs';
import t from 'tap';
import * as strata from '../src/index.ts';
import { fixture } from './support/fixtures.ts';

// What is public is a promise. To add a name here is a decision, to take one away is a major version.

/** What there is at run time. */
const VALUES = [
  'AnyAuth',
  'AppTransport',
  'Auth',
  'AuthError',
  'AuthMiddleware',
  'BasicAuth',
  'BearerAuth',
  'BlobContent',
  'BytesContent',
  'Client',
  'ClosedError',
  'ConnectError',
  'ConnectTimeoutError',
  'ConnectionPool',
  'CookieMiddleware',
  'DeadlineError',
  'DeadlineMiddleware',
  'DecodeMiddleware',
  'DecodingError',
  'DigestAuth',
  'FetchTransport',
  'FileContent',
  'FormContent',
  'FormDataContent',
  'GzipContent',
  'HTMLContent',
  'HTTPError',
  'Headers',
  'InvalidURLError',
  'JSONContent',
  'LocalProtocolError',
  'Middleware',
  'MockTransport',
  'Mounts',
  'MultipartContent',
  'NetrcAuth',
  'NetworkError',
  'NetworkFailure',
  'OAuth2',
  'PoolFullError',
  'PoolTimeoutError',
  'ProgressMiddleware',
  'ProtocolError',
  'Proxy',
  'ProxyError',
  'ReadError',
  'ReadTimeoutError',
  'ReauthorizeMiddleware',
  'RedirectError',
  'RedirectMiddleware',
  'RemoteProtocolError',
  'Request',
  'RequestError',
  'Response',
  'RetryMiddleware',
  'SocketBackend',
  'StatusError',
  'StreamConsumedError',
  'StreamContent',
  'TextContent',
  'TimeoutError',
  'TooManyRedirectsError',
  'Transport',
  'TransportError',
  'UndiciTransport',
  'UnsupportedProtocolError',
  'VERSION',
  'WriteError',
  'WriteTimeoutError',
  'defaultPolicy',
  'del',
  'get',
  'head',
  'isHTTPError',
  'isNetworkError',
  'isProtocolError',
  'isRequestError',
  'isStatusError',
  'isTimeoutError',
  'isTransportError',
  'middleware',
  'options',
  'patch',
  'post',
  'put',
  'request',
  'shared',
  'stack',
  'stream',
];

/** What there is for the compiler alone. */
const TYPES = [
  'AppLike',
  'AppTransportOptions',
  'AsyncAuthFlow',
  'AuthFlow',
  'AuthInit',
  'AuthLike',
  'Backoff',
  'BodyInit',
  'BodySource',
  'ClientOptions',
  'ClientRequestOptions',
  'CloseOptions',
  'ConnectionPoolOptions',
  'ConnectionSnapshot',
  'Content',
  'CookiesInit',
  'DecodeBounds',
  'DecodeOptions',
  'DefaultEncoding',
  'Destination',
  'DigestOptions',
  'DispatcherLike',
  'ErrorCode',
  'EventsOptions',
  'FailedAttempt',
  'FetchEnvironment',
  'FetchFunction',
  'FetchHandler',
  'FetchInit',
  'FetchLike',
  'FetchTransportOptions',
  'FileOptions',
  'FormInit',
  'FormValue',
  'HeadersInit',
  'InformationalResponse',
  'JSONLinesOptions',
  'Layer',
  'MockAnswer',
  'MockHandler',
  'MockResult',
  'MountRoutes',
  'MultipartInit',
  'MultipartOptions',
  'MultipartValue',
  'NetworkBackend',
  'NetworkStream',
  'NetworkTarget',
  'NodeListener',
  'OAuth2Options',
  'OAuth2Token',
  'Opening',
  'ParserLimits',
  'PartInit',
  'Phase',
  'Piece',
  'PolicyOptions',
  'PoolLimits',
  'PoolSnapshot',
  'Progress',
  'ProgressListener',
  'ProxyInit',
  'ProxyMode',
  'ProxyOptions',
  'RedirectOptions',
  'RequestChanges',
  'RequestErrorInit',
  'RequestExtensions',
  'RequestInit',
  'ResponseChanges',
  'ResponseInit',
  'RetryBudget',
  'RetryOptions',
  'RetryOutcome',
  'RetryPolicy',
  'ServerSentEvent',
  'SocketBackendOptions',
  'StreamReceiver',
  'StreamTimings',
  'TLSInfo',
  'TimeoutInit',
  'Timeouts',
  'TokenSource',
  'TransportLike',
  'UndiciTransportOptions',
];

/** The names that a module exports as types. */
function typesOf(file: string): string[] {
  const text = readFileSync(fixture(file), 'utf8');
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\} from/gm)].flatMap(
    ([, allTypes, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && (allTypes !== undefined || name.startsWith('type ')))
        .map((name) => name.replace(/^type /, '')),
  );
  const declared = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(
    ([, name = '']) => name,
  );
  const others = [...text.matchAll(/^export \* from '\.\/([^']+)'/gm)].flatMap(([, path]) =>
    typesOf(`src/${path}`),
  );
  return [...lists, ...declared, ...others].sort();
}

t.test('the values that are exported are these', async (t) => {
  t.strictSame(Object.keys(strata).sort(), VALUES);
});

t.test('the types that are exported are these', async (t) => {
  t.strictSame(typesOf('src/index.ts'), TYPES);
});

t.test(
  'what lets a received head, or a body, in without a look at it is not exported',
  async (t) => {
    for (const name of ['receivedHeaders', 'hasFramingFields', 'IterableSource', 'contentOf']) {
      t.notOk(name in strata, name);
    }
  },
);
