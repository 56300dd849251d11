import { expectTypeOf } from 'expect-type';
import t from 'tap';
import { inspect } from 'node:util';
import { RemoteProtocolError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import type { Timings } from '../../src/messages/timings.ts';
import {
  CallTraceMiddleware,
  TRACE_OPTION_NAMES,
  TraceMiddleware,
  type TracedExchange,
  type TraceOptions,
} from '../../src/middleware/trace.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

/** A layer that keeps what it records, over a transport that answers as it is told. */
function traced(
  answer?: ConstructorParameters<typeof StubTransport>[0],
  options: TraceOptions = {},
): { layer: TraceMiddleware; inner: StubTransport; told: TracedExchange[] } {
  const inner = new StubTransport(answer);
  const told: TracedExchange[] = [];
  const layer = new TraceMiddleware(inner, { onExchange: (each) => told.push(each), ...options });
  return { layer, inner, told };
}

/** What was recorded of one request, once it was read. */
async function recorded(
  method: string,
  url: string,
  init: RequestInit,
  response: Response,
  options?: TraceOptions,
): Promise<TracedExchange> {
  const { layer, told } = traced(() => response, options);
  await layer.request(method, url, init);
  return told[0] as TracedExchange;
}

t.test('switched off, it hands requests on as they are', async (t) => {
  const inner = new StubTransport();
  for (const layer of [new TraceMiddleware(inner, false), new CallTraceMiddleware(inner, false)]) {
    const request = new Request('GET', 'http://h/');
    const response = await layer.send(request);
    t.equal(inner.requests.at(-1), request);
    t.same(response.extensions, {});
    t.equal(layer.toString(), 'StubTransport', 'it is not shown');
  }
  const on = new TraceMiddleware(inner);
  t.equal(on.toString(), 'TraceMiddleware → StubTransport');
  const off = new Request('GET', 'http://h/', { trace: false });
  t.same((await on.send(off)).extensions, {}, 'for a request');
});

t.test('a request can ask for it, and bring options of its own', async (t) => {
  const layer = new TraceMiddleware(new StubTransport(), false);
  const told: TracedExchange[] = [];
  const onExchange = (each: TracedExchange): void => void told.push(each);
  t.ok((await layer.request('GET', 'http://h/', { trace: true })).extensions.timings);
  await layer.request('GET', 'http://h/', { trace: { onExchange } });
  t.equal(told.length, 1);

  const own: TracedExchange[] = [];
  const both = new TraceMiddleware(new StubTransport(), { onExchange, bodies: 5 });
  const response = new Response(200, { text: 'all of it' });
  await new TraceMiddleware(new StubTransport(() => response), { onExchange, bodies: 3 }).request(
    'GET',
    'http://h/',
    { trace: { onExchange: (each) => own.push(each) } },
  );
  t.equal(told.length, 1, 'its listener stands in place of the layer’s');
  t.equal(own[0]?.response?.body?.bytes.length, 3, 'what it does not say stays as it was');
  await both.request('GET', 'http://h/', { trace: true });
  t.equal(told.length, 2, 'true changes nothing');
});

t.test('a whole response is told before its caller has it', async (t) => {
  const { layer, told } = traced(() => new Response(200, { text: 'hello', headers: { a: 'b' } }));
  const response = await layer.send(new Request('GET', 'http://h/p', { headers: { c: 'd' } }));
  t.equal(told.length, 1);
  t.match(told[0], {
    cause: 'call',
    attempt: 1,
    hop: 0,
    request: { method: 'GET', url: 'http://h/p', bodySize: 0, body: null },
    response: { status: 200, httpVersion: '1.1', bodySize: 5, body: null },
    outcome: 'done',
    connection: null,
    repeats: 0,
  });
  t.same(told[0]?.request.headers, [['c', 'd']]);
  t.strictSame(told[0]?.response?.headers[0], ['a', 'b']);
  t.equal(told[0]?.error, undefined);
  t.ok(Date.now() - (told[0]?.date.getTime() ?? 0) < 10_000);
  t.equal(await response.text(), 'hello');
  t.equal(response.extensions.timings, told[0]?.timings);
  t.same(response.extensions.trace?.exchanges, told);
  const { queued, sent, firstByte, total } = told[0]?.timings ?? {};
  t.same([queued, sent], [null, null], 'there is no pool to tell');
  t.ok((firstByte ?? -1) >= 0 && (total ?? -1) >= (firstByte ?? 0));
  expectTypeOf(response.extensions.timings).toEqualTypeOf<Timings | undefined>();
});

t.test('a response that comes in pieces is told when it has ended, and fills in', async (t) => {
  const { layer, inner, told } = traced(() => inner.scoped(200, {}, 'one', 'two'));
  const response = await layer.send(new Request('GET', 'http://h/'));
  const { timings } = response.extensions;
  t.equal(told.length, 0);
  t.equal(timings?.body, null);
  t.equal(timings?.total, null);
  t.equal(response.extensions.trace?.exchanges[0]?.outcome, null, 'it is under way');
  t.equal(await response.text(), 'onetwo');
  t.equal(told.length, 1);
  t.ok((timings?.body ?? -1) >= 0);
  t.ok((timings?.total ?? -1) >= 0);
  t.match(told[0], { outcome: 'done', response: { bodySize: 6 } });
  t.equal(response.bytesDownloaded, 6);
});

t.test('a response that is closed early ends as closed, and once', async (t) => {
  const { layer, inner, told } = traced(() => inner.scoped(200, {}, 'one', 'two'));
  const response = await layer.send(new Request('GET', 'http://h/'));
  for await (const piece of response) {
    t.equal(Buffer.from(piece).toString(), 'one');
    break;
  }
  await response.close();
  t.ok(inner.bodies[0]?.cancels);
  t.match(told, [{ outcome: 'closed', response: { bodySize: 3 } }]);
});

t.test('failures: of the request, and of the body', async (t) => {
  const reason = new Error('no');
  const { layer, told } = traced(() => reason);
  t.equal(await rejection(layer.request('GET', 'http://h/')), reason);
  t.match(told, [{ outcome: 'failed', error: reason, response: null }]);
  t.type(told[0]?.timings.total, 'number');

  const broken = new Response(200, {
    body: (async function* () {
      yield new Uint8Array(3);
      throw reason;
    })(),
  });
  const second = traced(() => broken);
  const response = await second.layer.send(new Request('GET', 'http://h/'));
  t.equal(await rejection(response.bytes()), reason);
  t.match(second.told, [
    { outcome: 'failed', error: reason, response: { status: 200, bodySize: 3 } },
  ]);
});

t.test('what holds credentials is not recorded', async (t) => {
  const secrets = {
    authorization: 'Bearer s3cret',
    'proxy-authorization': 's3cret',
    cookie: 'a=s3cret',
    'x-api-key': 's3cret',
    'x-auth-token': 's3cret',
    'x-amz-security-token': 's3cret',
    referer: 'http://user:s3cret@h/x?q=s3cret#f',
    'x-mine': 's3cret',
    'x-own-key': 's3cret',
    'y-1': 's3cret',
    accept: 'text/plain',
  };
  const exchange = await recorded(
    'GET',
    'http://h/p?token=s3cret&s3cret&empty=#s3cret',
    { headers: secrets },
    new Response(302, {
      headers: {
        'set-cookie': 'a=s3cret; path=/',
        location: 'https://h2/cb?code=s3cret&state=1#x',
      },
    }),
    { redact: ['X-Mine', /^y-\d$/] },
  );
  t.notMatch(JSON.stringify(exchange), 's3cret');
  t.notMatch(inspect(exchange, { depth: 10 }), 's3cret');
  t.equal(exchange.request.url, 'http://h/p?token=REDACTED&REDACTED&empty=REDACTED');
  const headers = Object.fromEntries(exchange.request.headers);
  for (const name of ['authorization', 'cookie', 'x-mine', 'x-own-key'])
    t.equal(headers[name], 'REDACTED', name);
  t.equal(headers['accept'], 'text/plain');
  t.equal(headers['referer'], 'http://h/x');
  const answered = Object.fromEntries(exchange.response?.headers ?? []);
  t.equal(answered['location'], 'https://h2/cb');
  t.equal(answered['set-cookie'], 'REDACTED');
});

t.test('redact: false records everything as it is', async (t) => {
  const headers = { authorization: 'Bearer s3cret', cookie: 'a=b' };
  const response = new Response(200);
  const { request } = await recorded('GET', 'http://h/?a=b', { headers }, response, {
    redact: false,
  });
  t.equal(request.url, 'http://h/?a=b');
  t.same(Object.fromEntries(request.headers), headers);
});

t.test('bodies are kept up to the bound, and no further', async (t) => {
  const response = (): Response => new Response(200, { text: 'the answer' });
  const body = (each: TracedExchange['response'] | TracedExchange['request']): unknown =>
    each?.body && [Buffer.from(each.body.bytes).toString(), each.body.truncated];
  const bounds: [number, unknown, unknown][] = [
    [0, null, null],
    [4, ['the ', true], ['the ', true]],
    [10, ['the questi', true], ['the answer', false]],
    [Infinity, ['the question', false], ['the answer', false]],
  ];
  for (const [bodies, asked, answered] of bounds) {
    const exchange = await recorded('POST', 'http://h/', { body: 'the question' }, response(), {
      bodies,
    });
    t.same(body(exchange.request), asked, `${bodies}`);
    t.same(body(exchange.response), answered);
    t.equal(exchange.request.bodySize, 12);
  }
});

t.test('a body that is streamed is kept as it is sent and as it is read', async (t) => {
  const inner = new StubTransport(async (request) => {
    for await (const piece of request.content?.stream() ?? []) t.ok(piece.length > 0);
    return inner.scoped(200, {}, 'o', 'ne', 'two');
  });
  const told: TracedExchange[] = [];
  const layer = new TraceMiddleware(inner, { bodies: 4, onExchange: (each) => told.push(each) });
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('abc');
    yield Buffer.from('def');
  }
  const response = await layer.send(
    new Request('POST', 'http://h/', { body: pieces(), headers: { 'content-type': 'text/x' } }),
  );
  t.equal(inner.requests[0]?.headers.get('content-type'), 'text/x');
  const read: Uint8Array[] = [];
  for await (const piece of response) {
    read.push(piece.slice());
    piece.fill(0);
  }
  t.equal(Buffer.concat(read).toString(), 'onetwo');
  const [exchange] = told;
  t.equal(Buffer.from(exchange?.request.body?.bytes ?? []).toString(), 'abcd');
  t.equal(Buffer.from(exchange?.response?.body?.bytes ?? []).toString(), 'onet', 'as it came');
  t.equal(exchange?.response?.body?.truncated, true);
});

t.test('a body that the network sends twice is kept once', async (t) => {
  const inner = new StubTransport(async ({ content }) => {
    for (let times = 0; times < 2; times++)
      for await (const piece of content?.stream() ?? []) t.equal(piece.length, 3);
    return undefined;
  });
  const told: TracedExchange[] = [];
  const layer = new TraceMiddleware(inner, { bodies: 9, onExchange: (each) => told.push(each) });
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('abc');
  };
  await layer.request('PUT', 'http://h/', { body: { replayable: true, stream } });
  t.match(told[0]?.request.body, { truncated: false });
  t.equal(Buffer.from(told[0]?.request.body?.bytes ?? []).toString(), 'abc');
});

t.test('what a listener throws is an uncaught exception, and reaches no request', async (t) => {
  const thrown = new Error('from the listener');
  const caught = deferred<unknown>();
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', caught.resolve);
  const { layer } = traced(undefined, {
    onExchange: () => {
      throw thrown;
    },
  });
  t.equal((await layer.request('GET', 'http://h/')).status, 200);
  t.equal(await caught.promise, thrown);
  for (const listener of listeners) process.on('uncaughtException', listener);
});

t.test('the exchanges of a call are brought together, with why each came about', async (t) => {
  const inner = new StubTransport((_request, place) => {
    if (place === 1) return new RemoteProtocolError('broken', { request: inner.requests[1]! });
    return new Response([302, 0, 401, 200, 200][place] ?? 200);
  });
  const told: TracedExchange[] = [];
  const layer = new TraceMiddleware(inner, { onExchange: (each) => told.push(each) });
  const outer = new CallTraceMiddleware({
    close: () => layer.close(),
    async send(request) {
      await layer.send(request);
      await rejection(layer.send(request.with({ url: 'http://h/b' })));
      await layer.send(request.with({ url: 'http://h/b', attempt: 2 }));
      await layer.send(request.with({ url: 'http://h/b', attempt: 2 }));
      return await layer.send(request.with({ url: 'http://h/b', attempt: 2 }));
    },
  });
  const response = await outer.send(new Request('GET', 'http://h/a?x=1'));
  const { trace } = response.extensions;
  t.same(trace?.exchanges, told);
  t.match(trace, { method: 'GET', url: 'http://h/a?x=REDACTED' });
  t.ok((trace?.ended ?? 0) >= (trace?.started ?? Infinity));
  t.match(JSON.parse(JSON.stringify(trace)), { exchanges: [{ cause: 'call' }, { hop: 1 }] });
  t.match(inspect(trace, { depth: 5 }), /exchanges: .*cause: 'call'/s);
  t.same(
    told.map(({ cause, hop, attempt }) => [cause, hop, attempt]),
    [
      ['call', 0, 1],
      ['redirect', 1, 1],
      ['retry', 1, 2],
      ['challenge', 1, 2],
      ['again', 1, 2],
    ],
  );
  t.equal(new Set(told.map(({ call }) => call)).size, 1);
  t.equal(new Set(told.map(({ id }) => id)).size, 5);
});

t.test('what is sent while another is on its way stands beside it', async (t) => {
  const gate = deferred();
  const inner = new StubTransport(async (_request, place) => {
    if (place === 0) await gate.promise;
    return undefined;
  });
  const layer = new TraceMiddleware(inner);
  const outer = new CallTraceMiddleware({
    close: () => layer.close(),
    async send(request) {
      const first = layer.send(request);
      const second = await layer.send(request);
      gate.resolve();
      await first;
      return second;
    },
  });
  const { trace } = (await outer.send(new Request('GET', 'http://h/'))).extensions;
  t.same(
    trace?.exchanges.map(({ cause }) => cause),
    ['call', 'beside'],
  );
});

t.test('a call that never reached the network has a trace without exchanges', async (t) => {
  const outer = new CallTraceMiddleware(new StubTransport());
  const { trace, timings } = (await outer.send(new Request('GET', 'http://h/'))).extensions;
  t.same(trace?.exchanges, []);
  t.equal(timings, undefined);
});

t.test('a request that is sent twice has two traces', async (t) => {
  const layer = new CallTraceMiddleware(new TraceMiddleware(new StubTransport()));
  const request = new Request('GET', 'http://h/');
  const first = await layer.send(request);
  const second = await layer.send(first.request);
  t.not(first.extensions.trace, second.extensions.trace);
  t.equal(first.extensions.trace?.exchanges.length, 1);
  t.equal(second.extensions.trace?.exchanges.length, 1);
});

t.test('a record is written without its bodies, and its error without the request', async (t) => {
  const { layer, told, inner } = traced(
    () => new RemoteProtocolError('broken', { request: inner.requests[0]! }),
    { bodies: 100 },
  );
  await rejection(layer.request('POST', 'http://h/', { body: 'text' }));
  const written = JSON.parse(JSON.stringify(told[0])) as Record<string, unknown>;
  t.match(written, {
    cause: 'call',
    outcome: 'failed',
    request: { method: 'POST', bodySize: 4 },
    error: { name: 'RemoteProtocolError', code: 'ERR_REMOTE_PROTOCOL' },
    timings: { dns: null },
  });
  t.notOk('body' in (written['request'] as object));
});

t.test('bad input is refused, by name', async (t) => {
  const bad: [unknown, string][] = [
    ['yes', 'trace: expected true, false or options, got yes'],
    [null, 'trace: expected true, false or options, got null'],
    [{ onExchange: 1 }, 'trace.onExchange: expected a function, got number'],
    [{ bodies: -1 }, 'trace.bodies: expected a number of bytes from 0, got -1'],
    [{ bodies: '1' }, 'trace.bodies: expected a number of bytes from 0, got 1'],
    [{ redact: true }, 'trace.redact: expected a list of names and patterns'],
    [{ redact: [1] }, 'trace.redact: expected a list of names and patterns'],
  ];
  const inner = new StubTransport();
  for (const [options, message] of bad) {
    const trace = options as TraceOptions;
    for (const Layer of [TraceMiddleware, CallTraceMiddleware]) {
      t.throws(() => new Layer(inner, trace), new TypeError(message));
      const layer = new Layer(inner, false);
      const error = await rejection(
        layer.send(new Request('GET', 'http://h/', { trace })),
        TypeError,
      );
      t.equal(error.message, message);
    }
  }
  t.equal(inner.requests.length, 0);
  const all: Required<TraceOptions> = { onExchange: () => {}, bodies: 1, redact: [] };
  t.same(
    new Set(TRACE_OPTION_NAMES),
    new Set(Object.keys(all)),
    'all options have their name in the list',
  );
});
