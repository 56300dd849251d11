import { createSocket } from 'node:dgram';
import { open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { runInThisContext } from 'node:vm';
import t from 'tap';
import { arrival } from './clock.ts';
import { fixture } from './fixtures.ts';
import { assertNoLeaks, LeakWatch } from './leaks.ts';
import { okServer } from './ok-server.ts';
import { rejection } from './rejection.ts';

assertNoLeaks(t, { allow: [/TestWarning|unhandled rejection/] });

t.test('finds nothing where all was closed', async (t) => {
  const watch = new LeakWatch();
  {
    await using server = await okServer();
    await (await fetch(server.url, { headers: { connection: 'close' } })).text();
  }
  clearTimeout(setTimeout(() => {}, 60_000));
  await (await open(fixture('package.json'))).close();
  t.same(await watch.end(), []);
});

t.test('names what was left open and who opened it, and releases it', async (t) => {
  const watch = new LeakWatch();
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => listener.once('listening', listening));
  const { port } = listener.address() as { port: number };
  const accepted = new Promise((connection) => listener.once('connection', connection));
  connect(port, '127.0.0.1').unref(); // an idle connection of a pool is unref'd, and open
  await accepted;
  setInterval(() => {}, 60_000);
  const udp = createSocket('udp4').bind();
  const file = await open(fixture('package.json'));

  const lines = await watch.end();
  const expected = [
    `server at {"address":"127.0.0.1","family":"IPv4","port":${port}}, opened by Node`,
    `socket 127.0.0.1:\\d+ → 127.0.0.1:${port}, opened at .*leaks.test`,
    `socket 127.0.0.1:${port} → 127.0.0.1:\\d+, opened by Node`,
    'timer of 60000 ms, opened at .*leaks.test',
    'FILEHANDLE',
    'UDPWRAP',
  ];
  t.equal(lines.length, expected.length, lines.join('\n'));
  for (const line of expected)
    t.ok(
      lines.some((found) => new RegExp(line).test(found)),
      line,
    );
  await file.close();
  udp.close();
  t.equal(listener.listening, false);
});

t.test('an unref’d timer is a leak only where it is ours', async (t) => {
  const watch = new LeakWatch();
  const start = 'setTimeout(() => {}, 60_000).unref()';
  const timers = ['/x/src/pool.js', '/x/node_modules/y/src/z.js', '/x/y.js'].map(
    (filename) => runInThisContext(start, { filename }) as NodeJS.Timeout,
  );
  const lines = await watch.end();
  t.equal(lines.length, 1);
  t.match(lines[0], /^timer of 60000 ms, opened at .*pool.js/);
  timers.forEach(clearTimeout);
});

t.test('reports rejections that nobody handles', async (t) => {
  const watch = new LeakWatch();
  void Promise.reject(new Error('lost'));
  void Promise.reject('found');
  await arrival();
  const [lost, found] = await watch.end();
  t.match(lost, /^unhandled rejection Error: lost/);
  t.equal(found, 'unhandled rejection found');
});

t.test('reports warnings, and lets pass what is allowed', async (t) => {
  for (const allow of [[], [/TestWarning/]]) {
    let check = async (): Promise<void> => {};
    const teardown = (given: typeof check): void => {
      check = given;
    };
    assertNoLeaks({ teardown }, { allow });
    process.emitWarning('one of ours', 'TestWarning');
    await arrival();
    if (allow.length > 0) await check();
    else
      t.match((await rejection(check(), Error)).message, /left behind:\n {2}warning TestWarning/);
  }
});
