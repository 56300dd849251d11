import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import {
  ClosedError,
  ConnectTimeoutError,
  PoolTimeoutError,
  ReadTimeoutError,
  type TimeoutError,
  WriteTimeoutError,
} from '../../src/errors.ts';
import { MemoryBackend } from '../../src/network/memory.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  delay,
  hang,
  head,
  lines,
  ok,
  repeat,
  reply,
  ScriptServer,
  send,
  stopReading,
} from '../support/script-server.ts';

assertNoLeaks(t);

/** How late a bound may be: 50 ms and 2 %. */
const late = (ms: number): number => ms * 1.02 + 50;

async function timed<E extends TimeoutError>(
  run: () => Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<{ error: E; took: number }> {
  const start = performance.now();
  const error = await rejection(run(), type);
  return { error, took: performance.now() - start };
}

/** How long a plain timer takes: on a busy machine, longer. */
function plainTimer(ms: number): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => setTimeout(() => resolve(performance.now() - start), ms));
}

for (const ms of [1, 20, 333.3, 2000]) {
  t.test(
    `connect, read, write and pool timeouts of ${ms} ms are neither early nor late`,
    async (t) => {
      const plain = plainTimer(ms);
      const inTime = async (what: string, took: number, more = 0): Promise<void> =>
        void t.ok(took >= ms && took <= late(await plain) + more, `${what}: ${took} ms`);
      const never = new Promise<void>(() => {});
      const timeout = { connect: null, read: null, write: null, pool: null };
      const silent = repeat(connection(head(), stopReading(), hang()));
      await using server = await ScriptServer.start([silent]);

      await Promise.all([
        (async () => {
          await using pool = new ConnectionPool({ network: new MemoryBackend({ after: never }) });
          const { took, error } = await timed(
            () => pool.request('GET', 'http://a.test/', { timeout: { ...timeout, connect: ms } }),
            ConnectTimeoutError,
          );
          await inTime('connect', took);
          t.equal(error.phase, 'connect');
          t.match(error.message, `no connection to http://a.test for ${ms} ms (connect timeout)`);
          t.ok(Math.abs((error.elapsed ?? 0) - took) < 20);
          t.equal(pool.connections.length, 0);
        })(),
        (async () => {
          await using pool = new ConnectionPool();
          const { took, error } = await timed(
            () => pool.request('GET', server.url, { timeout: { ...timeout, read: ms } }),
            ReadTimeoutError,
          );
          // The connection has to be opened before.
          await inTime('read', took, 30);
          t.match(
            error.message,
            `GET ${server.url}/: no byte received for ${ms} ms (read timeout)`,
          );
        })(),
        (async () => {
          await using pool = new ConnectionPool();
          const body = Buffer.alloc(64 * 1024 * 1024);
          const { took } = await timed(
            () => pool.request('POST', server.url, { body, timeout: { ...timeout, write: ms } }),
            WriteTimeoutError,
          );
          // What the kernel takes at first is progress.
          await inTime('write', took, 150);
        })(),
        (async () => {
          await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
          const holder = pool.request('GET', server.url, { timeout: null });
          const { took } = await timed(
            () => pool.request('GET', server.url, { timeout: { ...timeout, pool: ms } }),
            PoolTimeoutError,
          );
          await inTime('pool', took);
          await pool.close({ force: true });
          await rejection(holder);
        })(),
      ]);
    },
  );
}

t.test('each byte starts the read timeout anew, in the head and in the body', async (t) => {
  const slowly = (text: string) => text.split('').flatMap((byte) => [delay(20), send(byte)]);
  await using server = await ScriptServer.start([
    connection(
      head(),
      ...slowly(ok('slow')),
      reply(lines('HTTP/1.1 200 OK', 'Content-Length: 4', '', 'ab')),
      hang(),
    ),
  ]);
  await using pool = new ConnectionPool({ timeout: { read: 200 } });
  t.equal(await (await pool.request('GET', server.url)).text(), 'slow');
  const { error, took } = await timed(() => pool.request('GET', server.url), ReadTimeoutError);
  t.ok(took >= 200 && took < 280, `${took} ms`);
  t.match(error.message, /no byte received for 200 ms, after 2 bytes of the body \(read timeout\)/);
  t.match(error, { reused: true, phase: 'read' });
});

t.test('a reader that takes its time is not a read timeout', async (t) => {
  const size = 4 * 1024 * 1024;
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 200 OK', `Content-Length: ${size}`, '', 'x'.repeat(size)))),
  ]);
  await using pool = new ConnectionPool({ timeout: { read: 100 } });
  await using response = await pool.stream('GET', server.url);
  await new Promise((resolve) => setTimeout(resolve, 250));
  t.equal((await response.bytes()).length, size);
});

t.test('time while the request is sent does not count as silence', async (t) => {
  await using server = await ScriptServer.start([repeat(connection(repeat(reply(ok()))))]);
  await using pool = new ConnectionPool({ timeout: { read: 100, write: 100 } });
  async function* slow(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      yield new Uint8Array(10);
    }
  }
  t.equal((await pool.request('POST', server.url, { body: slow() })).status, 200);
});

t.test(
  'the read timeout begins when the body is through, whatever the write timeout is',
  async (t) => {
    for (const write of [null, 60_000]) {
      await using server = await ScriptServer.start([connection(head(), stopReading(), hang())]);
      await using pool = new ConnectionPool({ timeout: { read: 300, write } });
      async function* some(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(1000);
      }
      const { took } = await timed(
        () => pool.request('POST', server.url, { body: some() }),
        ReadTimeoutError,
      );
      t.ok(took >= 300 && took < 380, `${took} ms`);
    }
  },
);

t.test('null switches a timeout off', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(head(), (wire) => wire.until(gate.promise), send(ok())),
  ]);
  await using pool = new ConnectionPool({ timeout: 30 });
  const request = pool.request('GET', server.url, { timeout: { read: null } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  gate.resolve();
  t.equal((await request).status, 200);
});

t.test('a connect timeout counts from when a connection is opened for the request', async (t) => {
  const never = new Promise<void>(() => {});
  const first = deferred();
  const network = new MemoryBackend(
    { after: first.promise, steps: [{ expect: /\r\n\r\n/ }, { reply: ok() }, { wait: never }] },
    { after: never },
  );
  const pool = new ConnectionPool({ network, limits: { maxConnections: 2 } });
  const url = 'http://a.test/';
  const one = pool.request('GET', url, { timeout: { connect: 5000 } });
  const two = pool.request('GET', url, { timeout: { connect: 300 } });
  const start = performance.now();
  const three = pool.request('GET', url, { timeout: { connect: 250 } });
  await new Promise((resolve) => setTimeout(resolve, 150));
  // The second request gets the first one's connection, and the third its dial, which has been going on for 150 ms.
  first.resolve();
  await one;
  const error = await rejection(three, ConnectTimeoutError);
  const took = performance.now() - start;
  t.match(error.message, 'for 250 ms (connect timeout)');
  t.ok(took >= 150 + 249 && took < 150 + 250 + 60, `${took} ms`);
  const refused = rejection(two, ClosedError);
  await pool.close({ force: true });
  await refused;
});

t.test('TLS that is never answered is a connect timeout too', async (t) => {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await using pool = new ConnectionPool({ timeout: { connect: 200 } });
  const { took, error } = await timed(
    () => pool.request('GET', `https://127.0.0.1:${port}/`),
    ConnectTimeoutError,
  );
  t.ok(took >= 200 && took <= late(200) + 50, `${took} ms`);
  t.equal(error.code, 'ERR_CONNECT_TIMEOUT');
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
});
