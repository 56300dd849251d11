import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import t from 'tap';
import {
  ClosedError,
  PoolFullError,
  PoolTimeoutError,
  UnsupportedProtocolError,
} from '../../src/errors.ts';
import type { Response } from '../../src/messages/response.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { arrival } from '../support/clock.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  head,
  ok,
  repeat,
  reply,
  ScriptServer,
  send,
  until,
} from '../support/script-server.ts';

assertNoLeaks(t);

const always = repeat(connection(repeat(reply(ok('ok')))));
const saying = (...fields: string[]) => repeat(connection(repeat(reply(ok('ok', ...fields)))));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A server that answers when it is told to, each request by itself. */
async function onDemand(): Promise<{
  server: ScriptServer;
  answer: (n: number) => Promise<void>;
}> {
  const gates = new Map<number, Deferred>();
  const gate = (n: number): Deferred => {
    if (!gates.has(n)) gates.set(n, deferred());
    return gates.get(n) as Deferred;
  };
  let seen = 0;
  const server = await ScriptServer.start(async () => {
    await gate(++seen).promise;
    return ok('ok');
  });
  return {
    server,
    answer: async (n) => {
      await server.request(n);
      gate(n).resolve();
    },
  };
}

t.test('a connection is kept, and used again', async (t) => {
  await using server = await ScriptServer.start([always]);
  await using pool = new ConnectionPool();
  for (let i = 0; i < 3; i++) await pool.request('GET', `${server.url}/${i}`);
  t.equal(server.connections.count, 1);
  t.match(pool.snapshot().connections, [
    { origin: server.url, state: 'idle', protocol: 'http/1.1', requests: 3, busyFor: null },
  ]);
});

t.test('each origin has its own', async (t) => {
  await using one = await ScriptServer.start([always]);
  await using two = await ScriptServer.start([always]);
  await using pool = new ConnectionPool();
  for (const { url } of [one, two, one, two]) await pool.request('GET', url);
  t.equal(one.connections.count, 1);
  t.equal(two.connections.count, 1);
});

t.test('the connection that was used last is taken, the one idle longest goes first', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool({ limits: { maxKeepaliveConnections: 2 } });
  const all = [1, 2, 3].map((n) => pool.request('GET', `${server.url}/${n}`));
  for (const n of [1, 3, 2]) {
    await answer(n);
    await all[n - 1];
    await arrival();
  }
  const connectionOf = (path: string): number | undefined =>
    server.requests.find(({ target }) => target === path)?.connection;
  await server.connectionClosed(connectionOf(server.requests[0]?.target ?? '') ?? 0);
  const last = pool.request('GET', `${server.url}/last`);
  await answer(4);
  await last;
  t.equal(connectionOf('/last'), connectionOf(server.requests[1]?.target ?? ''));
  t.equal(pool.snapshot().idle, 2);
});

t.test('a burst finds its connections again, and 20 of them stay', async (t) => {
  await using server = await okServer((_request, response) => response.end('ok'));
  await using pool = new ConnectionPool();
  let left = 1000;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await pool.request('GET', server.url);
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  await arrival();
  t.ok(
    server.connections <= 60,
    `${server.connections} connections for 1,000 requests, 50 at a time`,
  );
  t.equal(pool.snapshot().idle, 20);
});

t.test('maxKeepaliveConnections 0 keeps none', async (t) => {
  await using server = await ScriptServer.start([always]);
  await using pool = new ConnectionPool({ limits: { maxKeepaliveConnections: 0 } });
  for (let i = 0; i < 3; i++) {
    await pool.request('GET', server.url);
    t.equal(pool.connections.length, 0);
  }
  t.equal(server.connections.count, 3);
});

t.test(
  'an idle connection is closed after keepaliveExpiry, or earlier if the server says',
  async (t) => {
    await using quiet = await ScriptServer.start([always]);
    await using hinting = await ScriptServer.start([saying('Keep-Alive: timeout=1')]);
    for (const [server, keepaliveExpiry, least, most] of [
      [quiet, 100, 100, 160],
      [hinting, null, 500, 570],
      [hinting, 100, 100, 160],
    ] as const) {
      await using pool = new ConnectionPool({ limits: { keepaliveExpiry } });
      await pool.request('GET', server.url);
      const start = performance.now();
      await server.connectionClosed(server.connections.count);
      const took = performance.now() - start;
      t.ok(took >= least - 5 && took < most, `${took} ms of ${least}`);
      t.equal(pool.connections.length, 0);
    }
  },
);

t.test('a server that waits for 2 s is used again after 0.9 s, and left after 1 s', async (t) => {
  await using server = await ScriptServer.start([saying('Keep-Alive: timeout=2, max=100')]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  await pause(900);
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
  const start = performance.now();
  await server.connectionClosed(1);
  t.ok(Math.abs(performance.now() - start - 1000) < 60);
});

t.test(
  'Keep-Alive: max is obeyed, whether the server counts down or always says the same',
  async (t) => {
    for (const max of [(n: number) => 4 - n, () => 3]) {
      await using server = await ScriptServer.start([
        repeat(
          connection(...[1, 2, 3, 4, 5].map((n) => reply(ok('', `Keep-Alive: max=${max(n)}`)))),
        ),
      ]);
      await using pool = new ConnectionPool();
      for (let i = 0; i < 4; i++) await pool.request('GET', server.url);
      t.equal(server.connections.count, 1);
      t.equal(pool.connections.length, 0, 'the fourth is the last');
      await pool.request('GET', server.url);
      t.equal(server.connections.count, 2);
    }
  },
);

t.test('maxRequestsPerConnection and maxConnectionAge end a connection', async (t) => {
  await using server = await ScriptServer.start([always]);
  {
    await using pool = new ConnectionPool({ limits: { maxRequestsPerConnection: 2 } });
    for (let i = 0; i < 5; i++) await pool.request('GET', server.url);
    t.equal(server.connections.count, 3);
  }
  const before = server.connections.count;
  await using pool = new ConnectionPool({
    limits: { maxConnectionAge: 200, keepaliveExpiry: null },
  });
  await pool.request('GET', server.url);
  const start = performance.now();
  while (server.connections.count === before + 1) {
    await pool.request('GET', server.url);
    await pause(5);
  }
  const took = performance.now() - start;
  t.ok(took > 170 && took < 260, `${took} ms: up to a tenth less than 200`);
});

t.test('a connection that is too old frees its place before waiters are served', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool({ limits: { maxConnections: 1, maxConnectionAge: 20 } });
  const all = [1, 2, 3].map((n) => pool.request('GET', `${server.url}/${n}`));
  await server.request(1);
  await pause(30);
  for (const n of [1, 2, 3]) await answer(n);
  await Promise.all(all);
  t.ok(server.connections.count >= 2);
});

t.test('waiters are served in order', async (t) => {
  await using server = await ScriptServer.start([always]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      await pool.request('GET', `${server.url}/${n}`);
      order.push(n);
    }),
  );
  t.strictSame(
    server.requests.map(({ target }) => Number(target.slice(1))),
    Array.from({ length: 20 }, (_, n) => n),
  );
  t.strictSame(
    order,
    Array.from({ length: 20 }, (_, n) => n),
  );
  t.equal(server.connections.count, 1);
});

t.test('maxConnectionsPerOrigin holds back one origin and no other', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using other = await ScriptServer.start([always]);
  await using pool = new ConnectionPool({ limits: { maxConnectionsPerOrigin: 1 } });
  const first = pool.request('GET', server.url);
  const second = pool.request('GET', server.url);
  await pool.request('GET', other.url);
  t.match(pool.snapshot(), { waiting: 1, connections: { length: 2 } });
  await answer(1);
  await answer(2);
  await Promise.all([first, second]);
  t.equal(server.connections.count, 1);
});

t.test('an idle connection makes room for another origin', async (t) => {
  await using one = await ScriptServer.start([always]);
  await using two = await ScriptServer.start([always]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  await pool.request('GET', one.url);
  await pool.request('GET', two.url);
  await one.connectionClosed(1);
  t.match(pool.snapshot().connections, [{ origin: two.url }]);
});

t.test('a queue that is full refuses', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool({ limits: { maxConnections: 1, maxQueue: 1 } });
  const running = [pool.request('GET', server.url), pool.request('GET', server.url)];
  const error = await rejection(pool.request('GET', server.url), PoolFullError);
  t.match(error.message, /the pool's queue is full: 1 requests are waiting \(limits.maxQueue\)/);
  await answer(1);
  await answer(2);
  await Promise.all(running);
});

t.test('who waits too long is told who has the connections', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const running = pool.request('GET', `${server.url}/slow`);
  await server.request(1);
  const waiting = pool.request('GET', server.url);
  const error = await rejection(
    pool.request('GET', server.url, { timeout: { pool: 50 } }),
    PoolTimeoutError,
  );
  t.match(error.message, /no connection for 50 ms \(pool timeout; limits.maxConnections\)/);
  t.match(error.message, /1 active, 0 opening, 0 idle, 2 waiting/);
  t.match(error.message, new RegExp(`longest at it: ${server.url}, for \\d+ ms`));
  t.match(error, { phase: 'pool', attempt: 1 });
  await answer(1);
  await answer(2);
  await Promise.all([running, waiting]);
});

t.test('the pool prints its state', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  t.equal(inspect(pool), '<ConnectionPool [0 active, 0 idle]>');
  const running = [pool.request('GET', server.url), pool.request('GET', server.url)];
  await server.request(1);
  t.equal(inspect(pool), '<ConnectionPool [1 active, 0 idle, 1 waiting]>');
  await answer(1);
  await answer(2);
  await Promise.all(running);
  t.equal(String(pool), 'ConnectionPool [0 active, 1 idle]');
});

t.test('closeIdle() closes what is idle and nothing else', async (t) => {
  const { server, answer } = await onDemand();
  await using _ = server;
  await using pool = new ConnectionPool();
  const [one, two] = [pool.request('GET', server.url), pool.request('GET', server.url)];
  await answer(1);
  await Promise.race([one, two]);
  pool.closeIdle();
  t.match(pool.snapshot(), { active: 1, idle: 0 });
  await answer(2);
  await Promise.all([one, two]);
  t.equal(pool.snapshot().idle, 1);
});

t.test('10,000 requests leave nothing on one signal', async (t) => {
  await using server = await okServer((_request, response) => response.end('ok'));
  await using pool = new ConnectionPool();
  const { signal } = new AbortController();
  let left = 10_000;
  let most = 0;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const request = pool.request('GET', server.url, { signal });
      most = Math.max(most, getEventListeners(signal, 'abort').length);
      await request;
    }
  };
  await Promise.all(Array.from({ length: 40 }, worker));
  t.equal(getEventListeners(signal, 'abort').length, 0);
  t.equal(most, 1, 'one for all that are under way: Node warns of eleven');
});

t.test('bad input is a TypeError that names it', (t) => {
  const make = (options: object) => (): unknown => new ConnectionPool(options);
  t.throws(make({ limit: {} }), /did you mean "?limits/i);
  t.throws(make({ limits: { maxConnection: 1 } }), /maxConnections/);
  t.throws(
    make({ limits: { maxConnections: 0 } }),
    /limits.maxConnections: expected a number from 1, or null/,
  );
  t.throws(make({ limits: { maxQueue: '3' } }), TypeError);
  t.throws(make({ timeout: -1 }), TypeError);
  t.throws(make({ parser: { maxHead: 1 } }), TypeError);
  t.throws(make({ network: { open() {} }, tls: {} }), /with network, there are no sockets for tls/);
  t.end();
});

t.test('what is not http is refused, and so is a pool that is closed', async (t) => {
  const pool = new ConnectionPool();
  await t.rejects(pool.request('GET', 'ftp://127.0.0.1/'), UnsupportedProtocolError);
  await pool.close();
  await t.rejects(pool.request('GET', 'http://127.0.0.1/'), ClosedError);
  await pool.close();
});

t.test('requests of all kinds share connections without mixing anything up', async (t) => {
  await using server = await okServer();
  await using pool = new ConnectionPool({ limits: { maxConnections: 5 } });
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, n): Promise<[Response, unknown]> => {
      const body = n % 3 === 0 ? null : 'x'.repeat(n * 50);
      const response = await pool.request(n % 3 === 0 ? 'GET' : 'POST', `${server.url}/${n}`, {
        body,
      });
      return [response, await response.json()];
    }),
  );
  for (const [n, [, echo]] of answers.entries())
    t.match(echo, { url: `/${n}`, body: n % 3 === 0 ? '' : 'x'.repeat(n * 50) });
  t.equal(server.connections, 5);
});

t.test('a server that answers slowly and one that is gone do not hold each other up', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(head(), until(gate.promise), send(ok('slow')), repeat(reply(ok()))),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 2 } });
  const slow = pool.request('GET', server.url);
  await server.request(1);
  // Port 9 of loopback: nobody listens there.
  for (let i = 0; i < 5; i++)
    t.match(await rejection(pool.request('GET', 'http://127.0.0.1:9/')), { code: 'ERR_CONNECT' });
  t.match(pool.snapshot(), { active: 1, opening: 0, waiting: 0 });
  gate.resolve();
  t.equal(await (await slow).text(), 'slow');
});
