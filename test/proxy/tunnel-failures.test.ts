import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { ConnectError, ConnectionPool, Proxy, ProxyError } from '../../src/index.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  bareConnection,
  close,
  connection,
  fin,
  hang,
  head,
  ok,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  startTLS,
  type Step,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';
import { ESTABLISHED, secure, through } from './through.ts';

assertNoLeaks(t);

t.test('a proxy that breaks off, or does not speak HTTP', async (t) => {
  const cases: [script: Step[], message: RegExp][] = [
    [[close()], /opened no tunnel to a\.test:80: /],
    [[reset()], /opened no tunnel to a\.test:80: /],
    [[head(), close()], /opened no tunnel to a\.test:80: it closed the connection$/],
    [[head(), fin(), hang()], /: it closed the connection$/],
    [[head(), reset()], /opened no tunnel to a\.test:80: .*ECONNRESET/],
    [[head(), send('HTTP/1.1 200 OK\r\nX-'), reset()], /: .*ECONNRESET/],
    [[head(), send('HTTP/1.1 20'), fin(), hang()], /: it closed the connection$/],
    [[head(), send('SSH-2.0-OpenSSH\r\n'), hang()], /: what it answered is not HTTP: /],
    [[head(), send('HTTP/1.1 101 Switching Protocols\r\n\r\n'), hang()], /is not HTTP: 101/],
    [[head(), send(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`), hang()], /is not HTTP: /],
  ];
  for (const [script, message] of cases) {
    await using proxy = await ScriptServer.start([connection(...script)]);
    await using pool = through(proxy);
    const error = await rejection(pool.request('GET', 'http://a.test/'), ProxyError);
    t.match(error.message, message);
    t.notOk('status' in error);
    await proxy.connectionClosed(1);
  }
});

t.test('a proxy that cannot be reached', async (t) => {
  const gone = await ScriptServer.start([]);
  const { url, port } = gone;
  await gone[Symbol.asyncDispose]();
  for (const mode of ['tunnel', 'forward'] as const) {
    await using pool = new ConnectionPool({ proxy: new Proxy(url, { mode }) });
    const error = await rejection(pool.request('GET', 'http://a.test/'), ProxyError);
    t.match(error.message, `no connection: the proxy ${url} cannot be reached: cannot connect to`);
    t.match(error.message, `127.0.0.1:${port}: connect ECONNREFUSED`);
    t.match(error.cause, { name: 'NetworkFailure', code: 'ECONNREFUSED' });
  }
});

t.test('an https proxy that is not to be trusted', async (t) => {
  await using proxy = await ScriptServer.start([repeat(bareConnection(startTLS()))], {
    tls: identities.wrongHost,
  });
  for (const mode of ['tunnel', 'forward'] as const) {
    await using pool = through(proxy, {}, { mode });
    const error = await rejection(pool.request('GET', 'http://a.test/'), ProxyError);
    t.match(error.message, /the proxy https:.* cannot be reached: .*certificate/);
  }
});

t.test(
  "an https proxy has TLS options of its own; of the origins' it gets whom to trust",
  async (t) => {
    const demanding = { ...identities.server, requestCert: true, ca };
    {
      const seen: unknown[] = [];
      const look: Step = ({ socket }) => {
        const { servername } = socket as TLSSocket;
        seen.push(servername, (socket as TLSSocket).getPeerCertificate().subject?.CN);
      };
      await using proxy = await ScriptServer.start(
        [connection(look, reply(ESTABLISHED), startTLS(demanding), look, reply(ok()))],
        { tls: { ...demanding, rejectUnauthorized: false } },
      );
      const { cert, key } = identities.client;
      const tls = { ca, cert, key, servername: 'www.example.test' };
      await using pool = through(proxy, { tls });
      t.equal((await pool.request('GET', 'https://b.example.test/')).status, 200);
      t.strictSame(seen, [false, undefined, 'www.example.test', 'client']);
    }
    for (const verify of [true, false]) {
      await using proxy = await ScriptServer.start(
        [connection(reply(ESTABLISHED), secure, reply(ok()))],
        { tls: identities.selfSigned },
      );
      await using pool = through(proxy, {}, { tls: { verify } });
      const request = pool.request('GET', 'https://a.example.test/');
      if (verify) await rejection(request, ProxyError);
      else t.equal((await request).status, 200);
    }
  },
);

t.test(
  'TLS with the origin that fails is a ConnectError, not the fault of the proxy',
  async (t) => {
    const cases: [step: Step, message: RegExp][] = [
      [
        startTLS(identities.wrongHost),
        /cannot connect to www\.example\.test:443, through 127.*certificate/,
      ],
      [startTLS(identities.expired), /through 127.*expired/],
      [
        (wire) => wire.received(1).then(() => wire.close()),
        /through 127.*broke during the handshake/,
      ],
      [(wire) => wire.received(1).then(() => wire.reset()), /through 127/],
      [
        (wire) => wire.received(1).then(() => wire.send('HTTP/1.1 400 this is not TLS\r\n\r\n')),
        /through 127/,
      ],
    ];
    for (const [step, message] of cases) {
      await using proxy = await ScriptServer.start([connection(reply(ESTABLISHED), step, hang())]);
      await using pool = through(proxy);
      const error = await rejection(pool.request('GET', 'https://www.example.test/'), ConnectError);
      t.match(error.message, message);
      await proxy.connectionClosed(1);
      proxy.violations.length = 0;
    }
  },
);

t.test('bytes that come behind the word of the proxy', async (t) => {
  // Before anything was asked they are no answer.
  await using plain = await ScriptServer.start([
    connection(reply(`${ESTABLISHED}${ok()}`), hang()),
  ]);
  await using pool = through(plain);
  const error = await rejection(pool.request('GET', 'http://a.test/'), ConnectError);
  t.match(error.message, /a\.test:80 sent \d+ bytes before anything was asked, through 127/);
  await plain.connectionClosed(1);
});
