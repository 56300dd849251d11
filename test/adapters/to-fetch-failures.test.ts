import t from 'tap';
import { toFetch, type FetchFailure } from '../../src/adapters/to-fetch.ts';
import {
  ClosedError,
  ConnectError,
  DecodingError,
  PoolTimeoutError,
  ReadTimeoutError,
  RemoteProtocolError,
  type RequestErrorInit,
} from '../../src/errors.ts';
import type { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

type Kind = new (message: string, init: RequestErrorInit) => Error;

/** What fetch rejects with where its transport does so with `make(request)`. */
function failedWith(make: (request: Request) => Error): Promise<FetchFailure> {
  const transport = new StubTransport((request) => make(request));
  return rejection(
    toFetch(transport)('http://h/timeout?secret'),
    TypeError,
  ) as Promise<FetchFailure>;
}

const codes: readonly (readonly [Kind, code: string])[] = [
  [ReadTimeoutError, 'ETIMEDOUT'],
  [PoolTimeoutError, 'ETIMEDOUT'],
  [RemoteProtocolError, 'ECONNRESET'],
  [ConnectError, 'ECONNRESET'],
  [DecodingError, 'ERR_DECODING'],
];

for (const [Kind, code] of codes) {
  t.test(`${Kind.name}: the cause has the code ${code}`, async (t) => {
    const failure = await failedWith((request) => new Kind('it broke', { request }));
    t.equal(failure.name, 'TypeError');
    t.equal(failure.message, 'fetch failed');
    t.match(failure.cause, { code, message: 'it broke' });
    t.equal((failure.cause as Error).cause, failure.failure);
    t.ok(failure.failure instanceof Kind);
    t.notOk(Object.keys(failure).includes('failure'), 'it is not printed twice');
  });
}

t.test("Node's own error is the cause, however deep it lies", async (t) => {
  const system = Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
  const between = Object.assign(new Error('no address', { cause: system }), {
    code: 'ECONNREFUSED',
  });
  const failure = await failedWith(
    (request) => new ConnectError('no connection', { request, cause: between }),
  );
  t.equal(failure.cause, system);
  t.match(failure.failure.message, 'GET http://h/timeout: no connection');
});

t.test('an error that is about no request', async (t) => {
  const failure = await failedWith(() => new ClosedError('closed'));
  t.match(failure, { message: 'fetch failed', cause: { code: 'ERR_CLOSED', message: 'closed' } });
});

t.test('the cause says nothing of the URL', async (t) => {
  const failure = await failedWith((request) => new RemoteProtocolError('odd', { request }));
  t.notMatch(String(failure.cause), /timeout|secret/);
});

t.test('what is none of the library is handed on as it is', async (t) => {
  const own = new RangeError('of a layer of mine');
  t.equal(await rejection(toFetch(new StubTransport(() => own))('http://h/')), own);
});

t.test('no URL', async (t) => {
  const failure = await rejection(toFetch(new StubTransport())('/users?secret'), TypeError);
  t.match(failure, {
    message: /^Failed to parse URL: .*"\/users"/,
    cause: { code: 'ERR_INVALID_URL' },
  });
  t.notMatch(String(failure), 'secret');
});

t.test('a body that breaks off is terminated, its error the cause', async (t) => {
  const transport = new StubTransport(
    (request) =>
      new Response(200, {
        body: new StubSource('begun', new ReadTimeoutError('no byte', { request })),
      }),
  );
  const fetch = toFetch(transport);
  const expected = { message: 'terminated', cause: { code: 'ETIMEDOUT' } };
  t.match(await rejection((await fetch('http://h/')).text(), TypeError), expected);
  t.match(await rejection((await fetch('http://h/')).blob(), TypeError), expected);
});
