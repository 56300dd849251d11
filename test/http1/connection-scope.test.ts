import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { ClosedError } from '../../src/errors.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  chunked,
  connection,
  delay,
  fin,
  hang,
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
const KB = 1024;
const headFor = (length: number): string =>
  lines('HTTP/1.1 200 OK', `Content-Length: ${length}`, '', '');
const CHUNKED = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '');

t.test('a response that came whole holds nothing, whatever is done with it', async (t) => {
  await using server = await ScriptServer.start([connection(repeat(reply(ok('small'))))]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  for (let i = 0; i < 50; i++) {
    const response = await pool.stream('GET', server.url);
    t.equal(response.isRead, true);
  }
  t.equal(server.connections.count, 1);
  t.equal(pool.snapshot().idle, 1);
});

t.test('a body of up to 1 MiB with a length is read whether or not anybody reads it', async (t) => {
  await using server = await ScriptServer.start([
    connection(repeat(reply(ok('x'.repeat(KB * KB))))),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const responses = [];
  for (let i = 0; i < 30; i++) responses.push(await pool.stream('GET', server.url));
  t.equal(server.connections.count, 1, '30 that nobody reads do not hang a pool of one connection');
  t.equal((await responses[7]?.bytes())?.length, KB * KB, 'they are still there to be read');
});

t.test('close() reads on where little is left, and keeps the connection', async (t) => {
  const rest = deferred();
  await using server = await ScriptServer.start([
    connection(
      reply(headFor(64 * KB)),
      until(rest.promise),
      send('x'.repeat(64 * KB)),
      reply(CHUNKED + chunked(['x'.repeat(1000)]).slice(0, 100)),
      send(chunked(['x'.repeat(1000)]).slice(100)),
      reply(ok('next')),
    ),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  const closed = response.close();
  t.equal(pool.snapshot().active, 1, 'it is being read');
  rest.resolve();
  await closed;
  t.equal(pool.snapshot().idle, 1, 'close() resolves when the connection is free');
  await t.rejects(response.text(), ClosedError);

  const unknown = await pool.stream('GET', server.url);
  await unknown.close();
  t.equal(await (await pool.request('GET', server.url)).text(), 'next');
  t.equal(server.connections.count, 1);
});

t.test('close() cuts off what is more than 64 KiB, at once or when that shows', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(headFor(64 * KB + 1))),
    connection(reply(CHUNKED), send(`${(90 * KB).toString(16)}\r\n${'x'.repeat(80 * KB)}`), hang()),
    connection(reply(lines('HTTP/1.1 200 OK', '', 'until the end'))),
    connection(reply(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nno`)),
  ]);
  await using pool = new ConnectionPool();
  for (let i = 1; i <= 4; i++) {
    await using response = await pool.stream('GET', server.url);
    const start = performance.now();
    await response.close();
    t.ok(performance.now() - start < 90, 'without waiting for the time to be up');
    await server.connectionClosed(i);
    t.equal(pool.connections.length, 0);
  }
});

t.test('close() gives a slow server 100 ms', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(headFor(100)), send('some'), hang()),
    connection(reply(headFor(100)), repeat(delay(20), send('x'))),
    connection(reply(headFor(100)), delay(20), fin()),
  ]);
  await using pool = new ConnectionPool();
  for (let i = 1; i <= 2; i++) {
    const response = await pool.stream('GET', server.url);
    const start = performance.now();
    await response.close();
    const took = performance.now() - start;
    t.ok(took >= 99 && took < 160, `${took} ms`);
    t.equal(pool.connections.length, 0);
  }
  const response = await pool.stream('GET', server.url);
  await response.close();
  t.equal(pool.connections.length, 0, 'a server that ends it early ends the wait as well');
});

t.test('leaving a loop early closes the response', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(headFor(KB)), send('first'), hang()),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  for await (const piece of response) {
    t.equal(Buffer.from(piece).toString(), 'first');
    break;
  }
  t.equal(pool.connections.length, 0);
});

t.test('an abort ends a response that is read, and one that is not', async (t) => {
  const mine = new Error('mine');
  for (const length of [KB, 4 * KB * KB]) {
    for (const use of ['not yet', 'waiting', 'iterating', 'closing'] as const) {
      await using server = await ScriptServer.start([
        connection(reply(headFor(length) + 'some'), hang()),
      ]);
      await using pool = new ConnectionPool();
      const controller = new AbortController();
      const { signal } = controller;
      const response = await pool.stream('GET', server.url, { signal });
      let reading: Promise<unknown> | undefined;
      if (use === 'waiting') reading = response.bytes();
      if (use === 'iterating') {
        const pieces = response[Symbol.asyncIterator]();
        await pieces.next();
        reading = pieces.next() as Promise<unknown>;
      }
      const closing = use === 'closing' ? response.close() : undefined;
      controller.abort(mine);
      await closing;
      if (use === 'not yet') reading = response.bytes();
      if (reading !== undefined) t.equal(await rejection(reading), mine, `${use}, ${length}`);
      t.equal(pool.connections.length, 0);
    }
  }
});

t.test('an abort after the body has ended changes nothing', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(headFor(4), { split: 10 }), send('four'), reply(ok('next'))),
  ]);
  await using pool = new ConnectionPool();
  const controller = new AbortController();
  const response = await pool.stream('GET', server.url, { signal: controller.signal });
  t.equal(await response.text(), 'four');
  controller.abort();
  t.equal(await response.text(), 'four');
  t.equal(pool.snapshot().idle, 1);
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
});

// What garbage collection does is looked at in a process of its own, where it can be asked for.
t.test('responses that are dropped are reclaimed, with one warning', async (t) => {
  const size = KB * KB;
  await using server = await ScriptServer.start([
    repeat(connection(repeat(reply(CHUNKED + chunked(['x'.repeat(size)]))))),
  ]);
  const program = `
    import { ConnectionPool } from ${JSON.stringify(new URL('../../src/transports/connection-pool.js', import.meta.url))};
    const warnings = [];
    process.on('warning', (warning) => warnings.push([warning.code, warning.message]));
    const pool = new ConnectionPool({ limits: { maxConnections: 1 } });
    const drop = async (i) => void (await pool.stream('GET', '${server.url}/dropped/' + i + '?secret'));
    for (let i = 0; i < 30; i++) {
      const next = drop(i);
      const collecting = setInterval(gc, 5);
      await next;
      clearInterval(collecting);
    }
    while (pool.connections.length > 0) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(JSON.stringify({ warnings, pool: String(pool) }));
    await pool.close();
  `;
  const { stdout, stderr } = await execute(process.execPath, [
    '--expose-gc',
    '--no-warnings',
    '--input-type=module',
    '--eval',
    program,
  ]);
  t.equal(stderr, '');
  const { warnings, pool } = JSON.parse(stdout) as { warnings: [string, string][]; pool: string };
  t.equal(pool, 'ConnectionPool [0 active, 0 idle]');
  t.equal(warnings.length, 1);
  t.equal(warnings[0]?.[0], 'STRATA_DROPPED_RESPONSE');
  t.match(warnings[0]?.[1], `GET ${server.url}/dropped/`);
  t.notMatch(warnings[0]?.[1], 'secret');
  t.equal(server.requests.length, 30);
});
