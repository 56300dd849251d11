import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { DecodingError, ReadError } from '../../src/errors.ts';
import { TIMED_PHASES, type Timings } from '../../src/messages/timings.ts';
import { DeadlineMiddleware } from '../../src/middleware/deadline.ts';
import { DecodeMiddleware } from '../../src/middleware/decode.ts';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import {
  CallTraceMiddleware,
  TraceMiddleware,
  type TracedExchange,
  type TraceOptions,
} from '../../src/middleware/trace.ts';
import {
  ConnectionPool,
  type ConnectionPoolOptions,
} from '../../src/transports/connection-pool.ts';
import { FetchTransport } from '../../src/transports/fetch.ts';
import { stack, type Layer, type Transport } from '../../src/transport.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import {
  bareConnection,
  connection,
  delay,
  hang,
  head,
  lines,
  ok,
  refuseHandshake,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  until,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t, { allow: [/neither read to its end nor closed/] });

/** Layers over a pool, the tracing ones outermost and innermost, and the exchanges that were recorded. */
function traced(
  layers: readonly Layer[] = [],
  pool: ConnectionPoolOptions = {},
  options: TraceOptions = {},
): { transport: Transport; told: TracedExchange[] } {
  const told: TracedExchange[] = [];
  const transport = stack(
    CallTraceMiddleware.layer(),
    ...layers,
    TraceMiddleware.layer({ onExchange: (each) => told.push(each), ...options }),
    new ConnectionPool(pool),
  );
  return { transport, told };
}

/** Those that took place. */
function phases(timings: Timings | undefined): string[] {
  return TIMED_PHASES.filter((phase) => (timings?.[phase] ?? null) !== null);
}

const LAST = ['sent', 'firstByte', 'body'];

t.test('a new connection, and the same one again', async (t) => {
  await using server = await ScriptServer.start([
    connection(repeat(head(), delay(20), send(ok('hello')))),
  ]);
  const lookup: ConnectionPoolOptions['lookup'] = (_host, _options, callback) =>
    setTimeout(callback, 15, null, '127.0.0.1', 4);
  const { transport, told } = traced([], { lookup });
  await using own = transport;
  const url = `http://some.test:${server.port}/`;
  const first = (await own.request('GET', url)).extensions.timings;
  t.same(phases(first), ['queued', 'dns', 'connect', ...LAST]);
  t.ok((first?.dns ?? 0) >= 14, `${first?.dns}`);
  t.ok((first?.firstByte ?? 0) >= 19, `${first?.firstByte}`);
  t.match(first, {
    reused: false,
    protocol: 'http/1.1',
    remoteAddress: `127.0.0.1:${server.port}`,
  });
  const second = (await own.request('GET', url)).extensions.timings;
  t.same(phases(second), ['queued', ...LAST]);
  t.equal(second?.reused, true);
  t.equal(told[0]?.connection?.id, told[1]?.connection?.id);
  for (const timings of [first, second]) {
    const sum = TIMED_PHASES.reduce((all, phase) => all + (timings?.[phase] ?? 0), 0);
    t.ok(Math.abs(sum - (timings?.total ?? NaN)) < 0.001, 'the phases add up');
  }
  t.match(told[0], { request: { headSize: server.requests[0]?.rawHead.length, bodySize: 0 } });
  t.match(told[0], { response: { headSize: ok('hello').length - 5, bodySize: 5 } });
});

t.test('over TLS: what was agreed on, and whether a session was resumed', async (t) => {
  await using server = await okServer((_request, response) => response.end('ok'), {
    tls: identities.server,
  });
  const { transport, told } = traced([], { tls: { ca }, limits: { maxKeepaliveConnections: 0 } });
  await using own = transport;
  const response = await own.request('GET', server.url);
  t.same(phases(response.extensions.timings), ['queued', 'connect', 'tls', ...LAST]);
  await own.request('GET', server.url);
  t.match(told[0]?.connection?.tls, { version: 'TLSv1.3', cipher: /^TLS_AES_/, resumed: false });
  t.equal(told[1]?.connection?.tls?.resumed, true);
  t.not(told[0]?.connection?.id, told[1]?.connection?.id);
});

t.test('the wait for a connection is queueing, and nothing else', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(head(), until(gate.promise), send(ok('1')), reply(ok('2'))),
  ]);
  const { transport, told } = traced([], { limits: { maxConnections: 1 } });
  await using own = transport;
  const first = own.request('GET', server.url);
  await server.request(1);
  const second = own.request('GET', server.url);
  setTimeout(gate.resolve, 30);
  await Promise.all([first, second]);
  const { queued } = told[1]?.timings ?? {};
  t.ok((queued ?? 0) >= 25, `${queued}`);
  t.same(phases(told[1]?.timings), ['queued', ...LAST]);
});

t.test(
  'a body fills in as it comes, and its time is the network’s, not its reader’s',
  async (t) => {
    const gate = deferred();
    await using server = await ScriptServer.start([
      connection(
        head(),
        send(lines('HTTP/1.1 200 OK', 'Content-Length: 600000', '', '')),
        until(gate.promise),
        send('x'.repeat(600_000)),
      ),
    ]);
    const { transport, told } = traced();
    await using own = transport;
    const response = await own.stream('GET', server.url);
    const { timings } = response.extensions;
    t.equal(timings?.body, null);
    gate.resolve();
    const ended = deferred();
    const watch = setInterval(() => told.length > 0 && ended.resolve(), 1);
    await ended.promise;
    clearInterval(watch);
    const { body } = timings ?? {};
    t.type(body, 'number', 'it has come, and nobody has read it');
    t.equal(told[0]?.response?.bodySize, 600_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal((await response.bytes()).length, 600_000);
    t.equal(timings?.body, body);
    t.equal(told.length, 1);
  },
);

t.test('with bodies, an exchange is told when its body has been read', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'hello'), { split: 1 })),
  ]);
  const { transport, told } = traced([], {}, { bodies: 100 });
  await using own = transport;
  const response = await own.stream('GET', server.url);
  t.equal(told.length, 0);
  t.equal(await response.text(), 'hello');
  t.equal(Buffer.from(told[0]?.response?.body?.bytes ?? []).toString(), 'hello');
});

t.test('failures end the phase that they came in', async (t) => {
  const timed = async (
    expected: readonly string[],
    pool: ConnectionPoolOptions,
    url: string,
  ): Promise<TracedExchange | undefined> => {
    const { transport, told } = traced([], pool);
    await using own = transport;
    const error = await rejection(
      own.request('GET', url, { timeout: { connect: 200, read: 100 } }),
    );
    t.same(phases(told[0]?.timings), expected, `${(error as { code?: string }).code}`);
    t.match(told, [{ outcome: 'failed', error }]);
    return told[0];
  };
  await timed(
    ['queued', 'dns'],
    { lookup: (_host, _options, callback) => callback(new Error('no')) },
    'http://a.test/',
  );
  await timed(['queued', 'dns'], { lookup: () => {} }, 'http://a.test/');
  await timed(['queued', 'connect'], {}, 'http://127.0.0.1:1/');
  await using secure = await ScriptServer.start(
    [bareConnection(refuseHandshake()), bareConnection(hang())],
    { tls: identities.server },
  );
  await timed(['queued', 'connect', 'tls'], {}, secure.url);
  await timed(['queued', 'connect', 'tls'], {}, secure.url);
  await using server = await ScriptServer.start([
    connection(head(), reset()),
    connection(head(), hang()),
    connection(head(), send(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'x')), hang()),
  ]);
  await timed(['queued', 'connect', 'sent', 'firstByte'], {}, server.url);
  await timed(['queued', 'connect', 'sent', 'firstByte'], {}, server.url);
  const inBody = await timed(['queued', 'connect', ...LAST], {}, server.url);
  t.match(inBody, { response: { status: 200, bodySize: 1 } });
});

t.test('an abort ends the phase that it came in', async (t) => {
  await using server = await ScriptServer.start([connection(head(), hang())]);
  const { transport, told } = traced([], { limits: { maxConnections: 1 } });
  await using own = transport;
  const [one, two] = [new AbortController(), new AbortController()];
  const first = rejection(own.request('GET', server.url, { signal: one.signal }));
  await server.request(1);
  const second = rejection(own.request('GET', server.url, { signal: two.signal }));
  two.abort();
  await second;
  one.abort();
  await first;
  t.same(
    told.map(({ timings, error }) => [(error as Error).name, ...phases(timings)]),
    [
      ['AbortError', 'queued'],
      ['AbortError', 'queued', 'connect', 'sent', 'firstByte'],
    ],
  );
});

t.test('every attempt and every hop has a timeline of its own', async (t) => {
  let tries = 0;
  await using server = await okServer((request, response) => {
    if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
    else if (++tries === 1) response.writeHead(503).end();
    else if (tries === 2) response.socket?.end('no HTTP\r\n\r\n');
    else response.end('at last');
  });
  const { transport, told } = traced([
    RedirectMiddleware.layer(),
    RetryMiddleware.layer({ backoff: { base: 0 } }),
  ]);
  await using own = transport;
  const response = await own.request('GET', `${server.url}/a`);
  t.equal(await response.text(), 'at last');
  const { trace, timings } = response.extensions;
  t.same(trace?.exchanges, told);
  t.equal(timings, told.at(-1)?.timings, 'those of the last');
  t.same(
    told.map(({ cause, hop, attempt, outcome, response: answer }) => [
      cause,
      hop,
      attempt,
      outcome,
      answer?.status,
    ]),
    [
      ['call', 0, 1, 'done', 302],
      ['redirect', 1, 1, 'done', 503],
      ['retry', 1, 2, 'failed', undefined],
      ['retry', 1, 3, 'done', 200],
    ],
  );
  for (const [at, each] of told.entries()) {
    const before = told[at - 1]?.timings;
    t.ok(before === undefined || each.timings.started >= before.started + (before.total ?? NaN));
  }
  t.equal(response.history[0]?.extensions.timings, told[0]?.timings);
});

t.test('a dead connection: one exchange, over the second', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(ok('1')), head(), reset()),
    connection(reply(ok('2'))),
  ]);
  const { transport, told } = traced();
  await using own = transport;
  await own.request('GET', server.url);
  await own.request('GET', server.url);
  t.equal(told.length, 2);
  t.match(told[1], { repeats: 1, outcome: 'done', timings: { reused: false } });
});

t.test('layers outside see bodies as ever: decoded, raw, counted', async (t) => {
  const zipped = gzipSync('text '.repeat(50_000));
  await using server = await okServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.write(zipped.subarray(0, 100));
    setTimeout(() => response.end(zipped.subarray(100)), 5);
  });
  const { transport, told } = traced([DecodeMiddleware.layer()]);
  await using own = transport;
  const decoded = await own.request('GET', server.url);
  t.equal((await decoded.text()).length, 250_000);
  t.equal(decoded.bytesDownloaded, zipped.length);
  const raw = await own.stream('GET', server.url);
  t.same(await collect(raw.iterRaw()), zipped);
  t.equal(raw.bytesDownloaded, zipped.length);
  t.same(
    told.map(({ outcome, response }) => [outcome, response?.bodySize]),
    [
      ['done', zipped.length],
      ['done', zipped.length],
    ],
  );
});

t.test('a body that a layer outside gives up ends as closed', async (t) => {
  await using server = await okServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.write(gzipSync('x').subarray(0, 12));
    response.write('no gzip, for sure');
    setTimeout(() => response.end('x'.repeat(1000)), 5);
  });
  const { transport, told } = traced([DecodeMiddleware.layer()]);
  await using own = transport;
  await rejection(own.request('GET', server.url), DecodingError);
  t.equal(told.length, 1);
  t.not(told[0]?.outcome, null);
});

t.test('a deadline in the body is seen', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'x')), hang()),
  ]);
  const { transport, told } = traced([DeadlineMiddleware.layer(250)]);
  await using own = transport;
  await rejection(own.request('GET', server.url));
  t.match(told, [{ outcome: 'failed', response: { status: 200 } }]);
});

t.test('a connection that is handed over ends the exchange', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      head(),
      send(
        lines('HTTP/1.1 101 Switching Protocols', 'Upgrade: own', 'Connection: upgrade', '', ''),
      ),
      send('hello'),
      hang(),
    ),
  ]);
  const { transport, told } = traced();
  await using own = transport;
  const headers = { upgrade: 'own', connection: 'upgrade' };
  const response = await own.stream('GET', server.url, { headers });
  t.match(told, [{ outcome: 'done', response: { status: 101 } }]);
  const duplex = response.upgrade();
  const [piece] = (await once(duplex, 'data')) as [Buffer];
  t.equal(piece.toString(), 'hello');
  duplex.destroy();
});

t.test('a response that is dropped is reclaimed all the same, and told as closed', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  await using server = await ScriptServer.start([
    connection(head(), send(lines('HTTP/1.1 200 OK', 'Content-Length: 9000000', '', 'x')), hang()),
  ]);
  const { transport, told } = traced();
  await using own = transport;
  await (async () => void (await own.stream('GET', server.url)))();
  while (told.length === 0) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.match(told, [{ outcome: 'closed', response: { status: 200 } }]);
});

t.test(
  'a transport without connections of its own: from the start to the head, and to the end',
  async (t) => {
    const gate = deferred();
    await using server = await okServer((_request, response) => {
      setTimeout(() => {
        response.write('a');
        void gate.promise.then(() => response.end('b'));
      }, 20);
    });
    const told: TracedExchange[] = [];
    const layer = TraceMiddleware.layer({ onExchange: (each) => told.push(each) });
    await using transport = stack(layer, new FetchTransport());
    const response = await transport.stream('GET', server.url);
    setTimeout(gate.resolve, 20);
    await response.read();
    const { timings } = response.extensions;
    t.same(phases(timings), ['firstByte', 'body']);
    const { firstByte, body } = timings ?? {};
    t.ok((firstByte ?? 0) >= 19 && (body ?? 0) >= 19, `${firstByte} ${body}`);
    t.match(told, [
      { connection: null, request: { headSize: null, bodySize: 0 }, response: { bodySize: 2 } },
    ]);
    const error = await rejection(transport.request('GET', 'http://127.0.0.1:1/'));
    t.match(told[1], { outcome: 'failed', error });
    t.same(phases(told[1]?.timings), ['firstByte']);
  },
);

t.test('a body that breaks off fails the exchange with what its reader gets', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      head(),
      send(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'x')),
      delay(10),
      reset(),
    ),
  ]);
  const { transport, told } = traced();
  await using own = transport;
  const response = await own.stream('GET', server.url);
  const error = await rejection(response.bytes(), ReadError);
  t.match(told, [{ outcome: 'failed', error }]);
  t.equal(told[0]?.error, error);
});
