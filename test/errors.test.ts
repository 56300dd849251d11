import { inspect } from 'node:util';
import t from 'tap';
import * as errors from '../src/errors.ts';
import {
  ClosedError,
  ConnectError,
  type ErrorCode,
  HTTPError,
  InvalidURLError,
  isHTTPError,
  isNetworkError,
  isProtocolError,
  isRequestError,
  isStatusError,
  isTimeoutError,
  isTransportError,
  ReadTimeoutError,
  RequestError,
  type RequestErrorInit,
  type StatusError,
  StreamConsumedError,
} from '../src/errors.ts';
import { Request } from '../src/messages/request.ts';
import { Response } from '../src/messages/response.ts';

const request = new Request('POST', 'http://user:s3cret@h:81/x?key=s3cret#s3cret', {
  headers: { authorization: 's3cret', cookie: 's3cret' },
  json: { password: 's3cret' },
});
const response = new Response(404, { request, headers: { 'set-cookie': 's3cret' } });

/** The tree as it is documented: name, code, parent. */
const TREE: readonly [name: string, code: ErrorCode, parent: string][] = [
  ['HTTPError', 'ERR_HTTP', 'Error'],
  ['RequestError', 'ERR_REQUEST', 'HTTPError'],
  ['TransportError', 'ERR_TRANSPORT', 'RequestError'],
  ['TimeoutError', 'ERR_TIMEOUT', 'TransportError'],
  ['ConnectTimeoutError', 'ERR_CONNECT_TIMEOUT', 'TimeoutError'],
  ['ReadTimeoutError', 'ERR_READ_TIMEOUT', 'TimeoutError'],
  ['WriteTimeoutError', 'ERR_WRITE_TIMEOUT', 'TimeoutError'],
  ['PoolTimeoutError', 'ERR_POOL_TIMEOUT', 'TimeoutError'],
  ['DeadlineError', 'ERR_DEADLINE', 'TimeoutError'],
  ['NetworkError', 'ERR_NETWORK', 'TransportError'],
  ['ConnectError', 'ERR_CONNECT', 'NetworkError'],
  ['ReadError', 'ERR_READ', 'NetworkError'],
  ['WriteError', 'ERR_WRITE', 'NetworkError'],
  ['ProtocolError', 'ERR_PROTOCOL', 'TransportError'],
  ['LocalProtocolError', 'ERR_LOCAL_PROTOCOL', 'ProtocolError'],
  ['RemoteProtocolError', 'ERR_REMOTE_PROTOCOL', 'ProtocolError'],
  ['PoolFullError', 'ERR_POOL_FULL', 'TransportError'],
  ['ProxyError', 'ERR_PROXY', 'TransportError'],
  ['UnsupportedProtocolError', 'ERR_UNSUPPORTED_PROTOCOL', 'TransportError'],
  ['DecodingError', 'ERR_DECODING', 'RequestError'],
  ['TooManyRedirectsError', 'ERR_TOO_MANY_REDIRECTS', 'RequestError'],
  ['RedirectError', 'ERR_REDIRECT', 'RequestError'],
  ['StatusError', 'ERR_STATUS', 'RequestError'],
  ['InvalidURLError', 'ERR_INVALID_URL', 'HTTPError'],
  ['StreamConsumedError', 'ERR_STREAM_CONSUMED', 'HTTPError'],
  ['ClosedError', 'ERR_CLOSED', 'HTTPError'],
];

type ErrorClass = new (
  message: string,
  init: RequestErrorInit & { response: Response },
) => HTTPError;
type Tree = Readonly<Record<string, unknown>>;

const classOf = (name: string, tree: Tree = errors): ErrorClass => tree[name] as ErrorClass;
const make = (name: string, init: Partial<RequestErrorInit> = {}, tree?: Tree): HTTPError =>
  new (classOf(name, tree))('it failed', { request, response, ...init });

/** The class and all above it. */
function lineage(name: string): string[] {
  const parent = TREE.find(([each]) => each === name)?.[2];
  return parent === undefined ? [name] : [name, ...lineage(parent)];
}

t.test('every class has its name, its code and its place in the tree', async (t) => {
  const classes = Object.entries(errors).filter(
    ([, value]) => (value as ErrorClass).prototype instanceof Error,
  );
  t.same(new Set(classes.map(([name]) => name)), new Set(TREE.map(([name]) => name)));
  for (const [name, code] of TREE) {
    const error = make(name);
    t.equal(error.name, name);
    t.equal(error.code, code);
    for (const [other] of TREE) {
      t.equal(
        error instanceof classOf(other),
        lineage(name).includes(other),
        `${name} instanceof ${other}`,
      );
    }
    t.match(error.stack, new RegExp(`^${name}: .*it failed`));
  }
});

const GUARDS: Readonly<Record<string, [guard: string, (error: unknown) => boolean]>> = {
  HTTPError: ['isHTTPError', isHTTPError],
  RequestError: ['isRequestError', isRequestError],
  TransportError: ['isTransportError', isTransportError],
  TimeoutError: ['isTimeoutError', isTimeoutError],
  NetworkError: ['isNetworkError', isNetworkError],
  ProtocolError: ['isProtocolError', isProtocolError],
  StatusError: ['isStatusError', isStatusError],
};

t.test('each guard knows its class and all below it, and no other', async (t) => {
  for (const [root, [guard, is]] of Object.entries(GUARDS)) {
    for (const [name] of TREE)
      t.equal(is(make(name)), lineage(name).includes(root), `${guard}(${name})`);
  }
});

t.test('the guards know the errors of another copy of the package', async (t) => {
  const other = (await import(
    `${new URL('../src/errors.js', import.meta.url).href}?another-copy`
  )) as Tree;
  for (const [root, [guard, is]] of Object.entries(GUARDS)) {
    for (const [name] of TREE) {
      const error = make(name, {}, other);
      t.equal(error instanceof classOf(name), false);
      t.equal(is(error), lineage(name).includes(root), `${guard}(${name})`);
    }
  }
});

t.test(
  'the guards know an error that a user has derived, whatever its name and code',
  async (t) => {
    class QuotaError extends RequestError {
      override readonly name = 'QuotaError';
      override readonly code = 'ERR_QUOTA' as ErrorCode;
    }
    const error = new QuotaError('no more today', { request });
    t.equal(error.message, 'POST http://h:81/x: no more today');
    t.equal(isHTTPError(error), true);
    t.equal(isRequestError(error), true);
    t.equal(isTransportError(error), false);
  },
);

t.test('the guards are not taken in by what only looks alike', async (t) => {
  const nodes = Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' });
  const strange = [
    nodes,
    Object.assign(new Error('x'), { code: 'ERR_CONNECT', name: 'toString' }),
    new Error('x'),
    { name: 'ConnectError', code: 'ERR_CONNECT' },
    'ERR_CONNECT',
    null,
    undefined,
    7,
    new DOMException('x', 'TimeoutError'),
    AbortSignal.abort().reason,
  ];
  for (const each of strange) {
    for (const [guard, is] of Object.values(GUARDS)) t.equal(is(each), false, guard);
  }
});

t.test(
  'a message opens with the method and the URL without credentials, query and fragment',
  async (t) => {
    t.equal(make('ConnectError').message, 'POST http://h:81/x: it failed');
    t.equal(make('StatusError').message, 'POST http://h:81/x: it failed');
    t.equal(new ClosedError('it failed').message, 'it failed');
  },
);

t.test('a message tells a second attempt and a reused connection', async (t) => {
  t.equal(
    make('ReadError', { attempt: 1, reused: false }).message,
    'POST http://h:81/x: it failed',
  );
  t.equal(make('ReadError', { attempt: 2 }).message, 'POST http://h:81/x: it failed, attempt 2');
  t.equal(
    make('ReadError', { reused: true }).message,
    'POST http://h:81/x: it failed, connection reused',
  );
  t.equal(
    make('ReadError', { attempt: 3, reused: true }).message,
    'POST http://h:81/x: it failed, attempt 3, connection reused',
  );
});

t.test('the circumstances are properties, where they are known', async (t) => {
  const known = {
    phase: 'read',
    attempt: 2,
    elapsed: 12.6,
    reused: true,
    remoteAddress: '127.0.0.1:80',
  } as const;
  t.same(Object.entries(make('ReadError', known)), Object.entries({ ...known, elapsed: 13 }));
  t.same(Object.entries(make('ReadError', { phase: 'connect' })), [['phase', 'connect']]);
  t.same(Object.keys(make('ReadError')), [], 'what is not known is not there');
  t.same(Object.entries(make('StatusError')), [['status', 404]]);
});

t.test('the cause is kept, and is not there where there is none', async (t) => {
  const cause = new Error('ECONNREFUSED');
  t.equal(make('ConnectError', { cause }).cause, cause);
  t.equal('cause' in make('ConnectError'), false);
  t.equal(new HTTPError('x', { cause }).cause, cause);
  t.equal(make('ConnectError', { cause: null }).cause, null);
});

t.test('request and response can be had, and are not enumerable', async (t) => {
  const error = make('StatusError') as StatusError;
  t.equal(error.request, request);
  t.equal(error.response, response);
  t.equal(error.status, 404);
  t.notOk(Object.keys(error).includes('request'));
  t.notOk(Object.keys(error).includes('response'));
});

t.test('nothing that prints an error prints a secret', async (t) => {
  for (const [name] of TREE) {
    const error = make(name, { cause: new Error('broken') });
    for (const printed of [
      String(error),
      inspect(error, { depth: 9 }),
      JSON.stringify(error),
      JSON.stringify(Object.assign({}, error)),
    ]) {
      t.notMatch(printed, 's3cret', name);
    }
  }
  t.match(inspect(make('ReadTimeoutError', { phase: 'read' })), /phase: 'read'/);
});

t.test('the errors that are about no request take a message and a cause', async (t) => {
  for (const Class of [InvalidURLError, StreamConsumedError, ClosedError]) {
    const cause = new Error('why');
    t.match(new Class('what', { cause }), { message: 'what', cause });
  }
});

t.test('instanceof narrows to what an error has', async (t) => {
  const error: unknown = make('ReadTimeoutError', { phase: 'read' });
  t.ok(error instanceof ReadTimeoutError && error.phase === 'read');
  t.ok(isRequestError(error) && error.request.method === 'POST');
  const refused: unknown = make('ConnectError');
  t.ok(refused instanceof ConnectError && refused.code === 'ERR_CONNECT');
});
