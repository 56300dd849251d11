import t from 'tap';
import {
  ClosedError,
  ConnectTimeoutError,
  DigestAuth,
  RemoteProtocolError,
} from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  hang,
  head,
  received,
  repeat,
  reply,
  ScriptServer,
  send,
  type Step,
} from '../support/script-server.ts';
import { identities } from '../support/tls.ts';
import { ESTABLISHED, through } from './through.ts';

assertNoLeaks(t);

/** Where a tunnel can hang, and what the client has said by then. */
const STAGES: readonly [name: string, script: Step[], how?: ProxyOptions][] = [
  ['the answer to CONNECT', [head(), hang()]],
  ['within the answer', [head(), send('HTTP/1.1 200 OK\r\nX-'), hang()]],
  ['TLS with the origin', [reply(ESTABLISHED), received(1), hang()]],
  [
    'the second answer',
    [
      reply(
        'HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n',
      ),
      head(),
      hang(),
    ],
    { auth: new DigestAuth('u', 'p') },
  ],
];

for (const tls of [false, true]) {
  const options = tls ? { tls: identities.server } : {};
  const kind = tls ? 'an https proxy' : 'an http proxy';
  const stages = tls
    ? STAGES
    : [...STAGES, ['nothing at all', [hang()]] as (typeof STAGES)[number]];

  for (const [name, script, how = {}] of stages) {
    t.test(`${kind} hangs: ${name}: the connect timeout`, async (t) => {
      await using proxy = await ScriptServer.start([connection(...script)], options);
      await using pool = through(proxy, { timeout: { connect: 150 } }, how);
      const request = pool.request('GET', 'https://www.example.test/');
      const error = await rejection(request, ConnectTimeoutError);
      t.match(
        error.message,
        `no connection to https://www.example.test through the proxy ${proxy.url} for 150 ms (connect timeout)`,
      );
      await proxy.connectionClosed(1);
      t.strictSame(pool.connections, []);
    });

    t.test(`${kind} hangs: ${name}: the caller gives up`, async (t) => {
      await using proxy = await ScriptServer.start([connection(...script)], options);
      await using pool = through(proxy, {}, how);
      const control = new AbortController();
      const reason = new Error('enough');
      const request = pool.request('GET', 'https://www.example.test/', { signal: control.signal });
      setTimeout(() => control.abort(reason), 60);
      t.equal(await rejection(request), reason);
      await proxy.connectionClosed(1);
      t.strictSame(pool.connections, []);
    });

    t.test(`${kind} hangs: ${name}: the pool is closed`, async () => {
      await using proxy = await ScriptServer.start([connection(...script)], options);
      const pool = through(proxy, {}, how);
      const failed = rejection(pool.request('GET', 'https://www.example.test/'), ClosedError);
      await proxy.connection(1);
      await pool.close({ force: true });
      await failed;
      await proxy.connectionClosed(1);
    });
  }
}

t.test('given up before the proxy is reached, in each turn of the way', async (t) => {
  await using proxy = await ScriptServer.start([
    repeat(connection(repeat(reply(ESTABLISHED)), hang())),
  ]);
  for (let turns = 0; turns < 25; turns++) {
    await using pool = through(proxy);
    const control = new AbortController();
    const reason = new Error('enough');
    const request = pool.request('GET', 'http://a.test/', { signal: control.signal });
    const failed = rejection(request);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    control.abort(reason);
    t.equal(await failed, reason);
    t.strictSame(pool.connections, []);
  }
});

t.test('a proxy that answers to nothing inside an open tunnel', async () => {
  await using proxy = await ScriptServer.start([
    connection(reply(ESTABLISHED), reply('garbage\r\n\r\n'), hang()),
  ]);
  await using pool = through(proxy);
  await rejection(pool.request('GET', 'http://a.test/'), RemoteProtocolError);
});
