import { getEventListeners } from 'node:events';
import t from 'tap';
import { MemoryBackend } from '../../src/network/memory.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import {
  ConnectionPool,
  type ConnectionPoolOptions,
} from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import {
  bareConnection,
  type ConnectionScript,
  connection,
  hang,
  head,
  lines,
  ok,
  received,
  repeat,
  reply,
  ScriptServer,
  send,
  stopReading,
} from '../support/script-server.ts';

assertNoLeaks(t);

interface Stage {
  readonly name: string;
  readonly script: readonly ConnectionScript[];
  readonly options?: ConnectionPoolOptions;
  readonly tls?: boolean;
  readonly init?: RequestInit;
  /** Resolves when the request is there. */
  readonly reached: (server: ScriptServer) => Promise<unknown>;
}

const silent = repeat(connection(head(), hang()));
const big = Buffer.alloc(32 * 1024 * 1024);

async function* forever(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('some');
  await new Promise(() => {});
}

const STAGES: readonly Stage[] = [
  {
    name: 'in the name look-up',
    script: [silent],
    options: { lookup: () => {} },
    reached: () => new Promise((resolve) => setImmediate(resolve)),
  },
  {
    name: 'in the TLS handshake',
    script: [bareConnection(received(1), hang())],
    tls: true,
    options: {},
    reached: (server) => server.connection(1).then((wire) => wire.until(heard(wire.segments))),
  },
  {
    name: 'while the body’s source gives nothing',
    script: [silent],
    init: { body: forever() },
    reached: (server) => server.request(1),
  },
  {
    name: 'while the server takes nothing',
    script: [connection(head(), stopReading(), hang())],
    init: { body: big },
    reached: (server) => server.request(1),
  },
  {
    name: 'while 100 (Continue) is awaited',
    script: [silent],
    init: { body: 'x', headers: { expect: '100-continue' } },
    reached: (server) => server.request(1),
  },
  { name: 'before the head', script: [silent], reached: (server) => server.request(1) },
  {
    name: 'within the head',
    script: [connection(reply('HTTP/1.1 200 OK\r\nConte'), hang())],
    reached: (server) => server.request(1),
  },
  {
    name: 'in the body',
    script: [connection(reply(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'some')), hang())],
    reached: (server) => server.request(1),
  },
];

async function heard(segments: readonly Buffer[]): Promise<void> {
  while (segments.length === 0) await new Promise((resolve) => setImmediate(resolve));
}

for (const { name, script, options, tls, init, reached } of STAGES) {
  t.test(`an abort ${name} rejects with its reason, and frees the place`, async (t) => {
    await using server = await ScriptServer.start(
      [...script, repeat(connection(repeat(reply(ok('next')))))],
      tls === true ? { tls: identities.server } : {},
    );
    await using pool = new ConnectionPool({
      limits: { maxConnections: 1 },
      tls: { ca },
      ...options,
    });
    const controller = new AbortController();
    const { signal } = controller;
    const url = options?.lookup === undefined ? server.url : `http://name.test:${server.port}`;
    const request = pool.request(init?.body === undefined ? 'GET' : 'POST', url, {
      ...init,
      signal,
    });
    // It waits for that place. (A dial would be handed on to it.)
    const next = options === undefined ? pool.request('GET', server.url) : undefined;
    await reached(server);
    const reason = { mine: true };
    controller.abort(reason);
    t.equal(await rejection(request), reason);
    t.equal(getEventListeners(signal, 'abort').length, 0);
    if (next !== undefined && script[0]?.repeated !== true)
      t.equal(await (await next).text(), 'next');
    await pool.close({ force: true });
    if (next !== undefined) await next.catch(() => {});
    t.equal(pool.connections.length, 0);
  });
}

t.test('an abort in the queue leaves it, and the others move up', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(head(), (wire) => wire.until(gate.promise), send(ok('first')), repeat(reply(ok()))),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const controller = new AbortController();
  const { signal } = controller;
  const first = pool.request('GET', `${server.url}/1`);
  const second = pool.request('GET', `${server.url}/2`, { signal });
  const third = pool.request('GET', `${server.url}/3`);
  t.equal(pool.snapshot().waiting, 2);
  controller.abort(new Error('mine'));
  t.equal(await rejection(second), signal.reason);
  t.equal(pool.snapshot().waiting, 1);
  gate.resolve();
  await Promise.all([first, third]);
  t.strictSame(
    server.requests.map(({ target }) => target),
    ['/1', '/3'],
  );
});

t.test('a dial that nobody waits for any more is cancelled, unless another needs it', async (t) => {
  const never = new Promise<void>(() => {});
  const network = new MemoryBackend({ after: never });
  await using pool = new ConnectionPool({ network, limits: { maxConnections: 1 } });
  const [a, b] = [new AbortController(), new AbortController()];
  const one = pool.request('GET', 'http://a.test/', { signal: a.signal });
  const two = pool.request('GET', 'http://a.test/', { signal: b.signal });
  a.abort(new Error('a'));
  t.equal(await rejection(one), a.signal.reason);
  t.match(pool.snapshot(), { opening: 1, waiting: 0 }, 'the second has taken it over');
  b.abort(new Error('b'));
  t.equal(await rejection(two), b.signal.reason);
  t.equal(pool.connections.length, 0);
  t.strictSame(
    network.connections.map(({ state }) => state),
    ['cancelled'],
  );
});

t.test('a signal that is aborted already lets nothing begin', async (t) => {
  const network = new MemoryBackend({ refuse: 'ECONNREFUSED' });
  await using pool = new ConnectionPool({ network });
  const signal = AbortSignal.abort('no');
  t.equal(await rejection(pool.request('GET', 'http://a.test/', { signal })), 'no');
  t.equal(network.connections.length, 0);
  t.equal(getEventListeners(signal, 'abort').length, 0);
});

t.test('AbortSignal.timeout() is a reason as any other', async (t) => {
  await using server = await ScriptServer.start([silent]);
  await using pool = new ConnectionPool();
  const reason = await rejection(
    pool.request('GET', server.url, { signal: AbortSignal.timeout(20) }),
  );
  t.match(reason, { name: 'TimeoutError' });
});
