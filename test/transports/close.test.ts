import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { ClosedError } from '../../src/errors.ts';
import { MemoryBackend } from '../../src/network/memory.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  hang,
  head,
  lines,
  ok,
  repeat,
  reply,
  ScriptServer,
  send,
  until,
} from '../support/script-server.ts';

assertNoLeaks(t);

const execute = promisify(execFile);
const always = repeat(connection(repeat(reply(ok('ok')))));
const silent = repeat(connection(head(), hang()));

t.test('close() ends what is idle at once, and lets the rest end, waiters too', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(head(), until(gate.promise), send(ok('one')), repeat(reply(ok('two')))),
  ]);
  await using other = await ScriptServer.start([always]);
  const pool = new ConnectionPool({ limits: { maxConnectionsPerOrigin: 1 } });
  await pool.request('GET', other.url);
  const one = pool.request('GET', server.url);
  const two = pool.request('GET', server.url);
  await server.request(1);
  let closed = false;
  const closing = pool.close().then(() => (closed = true));
  await other.connectionClosed(1);
  await t.rejects(pool.request('GET', server.url), ClosedError);
  t.equal(closed, false);
  gate.resolve();
  t.equal(await (await one).text(), 'one');
  t.equal(await (await two).text(), 'two');
  await closing;
  t.equal(pool.connections.length, 0);
  t.equal(pool.close(), pool.close(), 'it may be called again');
});

t.test('close() waits no longer than its bound', async (t) => {
  await using server = await ScriptServer.start([silent]);
  const pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const errors = [
    pool.request('GET', `${server.url}/a?secret`),
    pool.request('GET', server.url),
  ].map((request) => rejection(request, ClosedError));
  const start = performance.now();
  await pool.close({ timeout: 80 });
  const took = performance.now() - start;
  t.ok(took >= 80 && took < 140, `${took} ms`);
  for (const error of await Promise.all(errors)) {
    t.match(error.message, /the pool was closed$/);
    t.notMatch(error.message, 'secret');
  }
});

t.test('close({ force: true }) does not wait, not even where close() does already', async () => {
  await using server = await ScriptServer.start([silent]);
  const pool = new ConnectionPool();
  const error = rejection(pool.request('GET', server.url), ClosedError);
  await server.request(1);
  const closing = pool.close();
  await pool.close({ force: true });
  await closing;
  await error;
  await server.connectionClosed(1);
});

t.test('a response that is streamed and never read does not hold close() up', async (t) => {
  const size = 8 * 1024 * 1024;
  await using server = await ScriptServer.start([
    connection(
      head(),
      send(lines('HTTP/1.1 200 OK', `Content-Length: ${size}`, '', 'x'.repeat(size))),
    ),
  ]);
  const pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  const start = performance.now();
  await pool.close({ timeout: 50 });
  t.ok(performance.now() - start < 150);
  await t.rejects(response.bytes(), ClosedError);
});

t.test('close() ends dials, also those that nobody waits for any more', async (t) => {
  const never = new Promise<void>(() => {});
  const first = deferred();
  const network = new MemoryBackend(
    {
      after: first.promise,
      steps: [{ expect: /\r\n\r\n/ }, { reply: ok() }, { expect: /\r\n\r\n/ }, { reply: ok() }],
    },
    { after: never },
  );
  const pool = new ConnectionPool({ network, timeout: { connect: null } });
  const both = [1, 2].map(() => pool.request('GET', 'http://a.test/'));
  first.resolve();
  await Promise.all(both);
  t.match(
    pool.snapshot(),
    { opening: 1, idle: 1 },
    'the second was served by the first connection',
  );
  await pool.close({ force: true });
  t.strictSame(
    network.connections.map(({ state }) => state),
    ['open', 'cancelled'],
  );
});

t.test(
  'a connection that nobody needed in the end is kept, and checked before it is used',
  async (t) => {
    const [first, second] = [deferred(), deferred()];
    const answer = [{ expect: /\r\n\r\n/ }, { reply: ok() }] as const;
    const gone = deferred();
    const network = new MemoryBackend(
      { after: first.promise, steps: [...answer, ...answer] },
      { after: second.promise, steps: [{ expect: /GET/ }, 'reset'] },
      { steps: [...answer] },
    );
    await using pool = new ConnectionPool({ network });
    const both = [1, 2].map(() => pool.request('GET', 'http://a.test/'));
    first.resolve();
    await Promise.all(both);
    second.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal(pool.snapshot().idle, 2);
    gone.resolve();
    // The one that came last is taken first; it dies under its first request, which goes out again.
    t.equal((await pool.request('GET', 'http://a.test/')).status, 200);
    t.equal(network.connections.length, 3);
  },
);

t.test('a process ends with idle connections, and not before a request has', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(reply(ok('idle')), head(), until(gate.promise), send(ok('late'))),
  ]);
  const program = (second: boolean): string => `
    import { ConnectionPool } from ${JSON.stringify(new URL('../../src/transports/connection-pool.js', import.meta.url))};
    const pool = new ConnectionPool();
    const text = async () => (await pool.request('GET', '${server.url}')).text();
    console.log(await text());
    ${second ? 'text().then(console.log);' : ''}
  `;
  const run = (second: boolean) =>
    execute(process.execPath, ['--input-type=module', '--eval', program(second)]);
  const both = run(true);
  await server.request(2);
  setTimeout(gate.resolve, 100);
  t.equal((await both).stdout, 'idle\nlate\n');

  await using quick = await ScriptServer.start([always]);
  const start = performance.now();
  const { stdout } = await execute(process.execPath, [
    '--input-type=module',
    '--eval',
    program(false).replace(server.url, quick.url),
  ]);
  t.equal(stdout, 'ok\n');
  t.ok(performance.now() - start < 3000, 'sooner than the connection expires');
});
