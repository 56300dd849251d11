import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import t from 'tap';
import { TransportError } from '../src/errors.ts';
import type { DiagnosticsEvents } from '../src/exchange-timeline.ts';
import { Request } from '../src/messages/request.ts';
import { Timeline } from '../src/messages/timeline.ts';
import { ConnectionPool } from '../src/transports/connection-pool.ts';
import { deferred } from './support/deferred.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { rejection } from './support/rejection.ts';
import {
  connection,
  delay,
  fin,
  hang,
  head,
  lines,
  ok,
  refuseHandshake,
  bareConnection,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  until,
} from './support/script-server.ts';
import { ca, identities } from './support/tls.ts';

assertNoLeaks(t);

type Name = keyof DiagnosticsEvents;
type Told = { [Each in Name]: { name: Each } & DiagnosticsEvents[Each] }[Name];

const NAMES: readonly Name[] = [
  'strata-http:request:start',
  'strata-http:request:queued',
  'strata-http:request:connected',
  'strata-http:request:sent',
  'strata-http:request:first-byte',
  'strata-http:request:head',
  'strata-http:request:done',
  'strata-http:request:error',
  'strata-http:connection:opened',
  'strata-http:connection:failed',
];

/** Listens on these channels until it is disposed of. */
class Listening implements Disposable {
  readonly told: Told[] = [];
  readonly #listeners = new Map<Name, (message: unknown) => void>();

  constructor(names: readonly Name[] = NAMES) {
    for (const name of names) {
      const listener = (message: unknown): void => {
        this.told.push({ name, ...(message as object) } as Told);
      };
      this.#listeners.set(name, listener);
      subscribe(name, listener);
    }
  }

  /** `start`, `connected`, … in the order in which they came. */
  get names(): string[] {
    return this.told.map(({ name }) => name.replace(/^strata-http:(request:)?/, ''));
  }

  of<Each extends Name>(wanted: Each): (DiagnosticsEvents[Each] & { name: Each })[] {
    return this.told.filter(({ name }) => name === wanted) as never;
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener);
  }
}

const answers = [repeat(connection(repeat(reply(ok('hello')))))];

t.test('the life of a request is told in order, each time under its id', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  using listening = new Listening();
  await pool.request('GET', `${server.url}/a?secret=1`);
  t.same(listening.names, [
    'start',
    'connection:opened',
    'connected',
    'sent',
    'first-byte',
    'head',
    'done',
  ]);
  const events = listening.told.filter((event) => 'id' in event);
  t.equal(new Set(events.map(({ id }) => id)).size, 1);
  for (const event of events) t.match(event, { method: 'GET', origin: server.url, path: '/a' });
  for (const [at, event] of events.entries())
    t.ok(at === 0 || event.at >= (events[at - 1]?.at ?? Infinity), 'time goes on');
  t.notMatch(JSON.stringify(listening.told), 'secret');
});

t.test('the messages say what happened', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  using listening = new Listening();
  const remoteAddress = `127.0.0.1:${server.port}`;
  await pool.request('POST', server.url, { body: 'four' });
  await pool.request('GET', server.url);
  const [opened] = listening.of('strata-http:connection:opened');
  t.match(opened, {
    origin: server.url,
    remoteAddress,
    protocol: 'http/1.1',
    dns: null,
    tls: null,
  });
  t.ok((opened?.connect ?? 0) > 0);
  const [first, second] = listening.of('strata-http:request:connected');
  t.match(first, { connection: opened?.connection, reused: false, remoteAddress, attempt: 1 });
  t.match(second, { connection: opened?.connection, reused: true, remoteAddress, attempt: 1 });
  t.not(first?.id, second?.id);
  const [sent] = listening.of('strata-http:request:sent');
  t.equal(sent?.bodySize, 4);
  t.equal(sent?.headSize, server.requests[0]?.rawHead.length ?? Number.NaN);
  t.equal(listening.of('strata-http:request:head')[0]?.status, 200);
  const [done] = listening.of('strata-http:request:done');
  t.match(done, { outcome: 'done', status: 200, timings: { reused: false, dns: null } });
  t.ok((done?.timings.total ?? 0) > 0);
});

t.test('a request that waits for a connection is queued', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  using listening = new Listening();
  await Promise.all([pool.request('GET', server.url), pool.request('GET', server.url)]);
  t.equal(listening.of('strata-http:request:queued').length, 1);
  const [, queued] = listening.of('strata-http:request:done');
  const [first] = listening.of('strata-http:request:done');
  t.ok((queued?.timings.queued ?? 0) >= (first?.timings.firstByte ?? Infinity));
});

t.test('over TLS, the handshake is a phase', async (t) => {
  await using server = await ScriptServer.start(answers, { tls: identities.server });
  await using pool = new ConnectionPool({
    tls: { ca },
    lookup: (_host, _options, callback) => setImmediate(callback, null, '127.0.0.1', 4),
  });
  using listening = new Listening();
  const url = `https://localhost:${server.port}/`;
  await pool.request('GET', url);
  const [opened] = listening.of('strata-http:connection:opened');
  for (const phase of ['dns', 'connect', 'tls'] as const)
    t.ok((opened?.[phase] ?? 0) > 0, `${phase}: ${opened?.[phase]}`);
  const [done] = listening.of('strata-http:request:done');
  const { dns, connect, tls } = done?.timings ?? {};
  t.same(
    [dns, connect, tls].map((each) => (each ?? 0).toFixed(6)),
    [opened?.dns, opened?.connect, opened?.tls].map((each) => (each ?? 0).toFixed(6)),
    'it was opened for this request',
  );
});

t.test('what cannot be opened is told with how far it came', async (t) => {
  using listening = new Listening();
  const failed = async (pool: ConnectionPool, url: string): Promise<void> => {
    await using own = pool;
    listening.told.length = 0;
    await rejection(own.request('GET', url));
  };
  const phases = (): unknown => {
    const [{ dns, connect, tls, error } = {} as never] = listening.of(
      'strata-http:connection:failed',
    );
    t.ok(error instanceof Error);
    return [dns, connect, tls].map((each) => each !== null);
  };
  await failed(
    new ConnectionPool({ lookup: (_host, _options, callback) => callback(new Error('no')) }),
    'http://nowhere.test/',
  );
  t.same(phases(), [false, false, false]);
  const [error] = listening.of('strata-http:request:error');
  t.match(error, { status: null, error: { code: 'ERR_CONNECT' }, timings: { connect: null } });
  t.type(error?.timings.dns, 'number', 'the phase that it failed in');
  t.same(listening.names, ['start', 'connection:failed', 'error']);

  await using server = await ScriptServer.start([repeat(bareConnection(refuseHandshake()))], {
    tls: identities.server,
  });
  await failed(new ConnectionPool(), server.url);
  t.same(phases(), [false, true, false]);
  t.type(listening.of('strata-http:request:error')[0]?.timings.tls, 'number');
});

t.test('a connect timeout says in which phase the time passed', async (t) => {
  using listening = new Listening();
  await using pool = new ConnectionPool({ lookup: () => {} });
  await rejection(pool.request('GET', 'http://slow.test/', { timeout: { connect: 20 } }));
  const [error] = listening.of('strata-http:request:error');
  t.match(error, { error: { code: 'ERR_CONNECT_TIMEOUT' }, timings: { connect: null, tls: null } });
  t.ok((error?.timings.dns ?? 0) >= 15);
});

t.test('failures: before the answer, in its head, in its body', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), reset()),
    connection(head(), send('HTTP/1.1 200 O'), fin(), hang()),
    connection(
      head(),
      send(lines('HTTP/1.1 200 OK', 'Content-Length: 100', '', 'x')),
      delay(20),
      reset(),
    ),
  ]);
  await using pool = new ConnectionPool();
  using listening = new Listening();
  for (let each = 0; each < 3; each++)
    await rejection(pool.request('GET', server.url), TransportError);
  const errors = listening.of('strata-http:request:error');
  t.same(
    errors.map(({ status }) => status),
    [null, null, 200],
  );
  t.type(errors[0]?.timings.firstByte, 'number', 'waiting');
  t.equal(errors[0]?.timings.body, null);
  t.type(errors[1]?.timings.body, 'number', 'bytes had come');
  t.type(errors[2]?.timings.body, 'number');
  t.equal(listening.of('strata-http:request:done').length, 0);
});

t.test('an abort is an error, wherever the request is; closing the response is none', async (t) => {
  const gate = deferred();
  const large = lines('HTTP/1.1 200 OK', 'Content-Length: 9000000', '', 'x');
  await using server = await ScriptServer.start([
    connection(head(), until(gate.promise), hang()),
    connection(head(), send(large), hang()),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  using listening = new Listening();
  const reason = new Error('enough');
  const [waiting, queued] = [new AbortController(), new AbortController()];
  const first = rejection(pool.request('GET', server.url, { signal: waiting.signal }));
  const second = rejection(pool.request('GET', server.url, { signal: queued.signal }));
  await server.request(1);
  queued.abort(reason);
  waiting.abort(reason);
  t.same([await first, await second], [reason, reason]);
  gate.resolve();
  const errors = listening.of('strata-http:request:error');
  t.ok(errors.every(({ error }) => error === reason));
  t.same(
    errors.map(({ timings }) => timings.firstByte !== null),
    [false, true],
    'one in the queue, one waiting for its answer',
  );
  const response = await pool.stream('GET', server.url);
  await response.close();
  t.match(listening.of('strata-http:request:done'), [{ outcome: 'closed', status: 200 }]);
  t.equal(listening.of('strata-http:request:error').length, 2);
});

t.test('a connection that has died meanwhile: connected once more', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(ok('1')), head(), reset()),
    connection(reply(ok('2'))),
  ]);
  await using pool = new ConnectionPool();
  using listening = new Listening();
  await pool.request('GET', server.url);
  await pool.request('GET', server.url);
  const { id } = listening.of('strata-http:request:start')[1] ?? {};
  t.match(
    listening.of('strata-http:request:connected').filter((event) => event.id === id),
    [
      { reused: true, attempt: 1 },
      { reused: false, attempt: 2 },
    ],
  );
  t.equal(listening.of('strata-http:request:done')[1]?.timings.reused, false);
});

t.test('the body is counted as it is sent', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  using listening = new Listening();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    yield new Uint8Array(20);
  }
  await pool.request('POST', server.url, { body: pieces() });
  await pool.request('POST', server.url, { body: new Uint8Array(300_000) });
  t.same(
    listening.of('strata-http:request:sent').map(({ bodySize }) => bodySize),
    [30, 300_000],
  );
});

t.test('a subscriber of one channel is enough, and gets no others', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  for (const name of NAMES.filter((each) => !/queued|error|failed/.test(each))) {
    using listening = new Listening([name]);
    pool.closeIdle();
    await pool.request('GET', server.url);
    t.equal(listening.told.length, 1, name);
  }
});

t.test('whatever a subscriber does, the request goes on', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  for (const name of ['start', 'connected', 'sent', 'first-byte', 'head', 'done'] as const) {
    const controller = new AbortController();
    const abort = (): void => controller.abort(new Error('by a subscriber'));
    subscribe(`strata-http:request:${name}`, abort);
    const outcome = await pool.request('GET', server.url, { signal: controller.signal }).then(
      (response) => response.status,
      (error: unknown) => String(error),
    );
    unsubscribe(`strata-http:request:${name}`, abort);
    const isOver = name === 'first-byte' || name === 'head' || name === 'done';
    t.equal(outcome, isOver ? 200 : 'Error: by a subscriber', name);
  }
  t.equal((await pool.request('GET', server.url)).status, 200, 'the pool is whole');
});

t.test('a timeline that a request brings is filled in without a subscriber', async (t) => {
  await using server = await ScriptServer.start(answers);
  await using pool = new ConnectionPool();
  const timeline = new Timeline();
  await (await pool.send(new Request('GET', server.url, { timeline }))).read();
  t.equal(timeline.outcome, 'done');
  t.equal(timeline.reused, false);
  t.equal(timeline.headSent, server.requests[0]?.rawHead.length ?? Number.NaN);
  t.equal(timeline.bodySent, 0);
  t.equal(timeline.headReceived, ok('hello').length - 'hello'.length);
});
