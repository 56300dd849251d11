import { inspect } from 'node:util';
import t from 'tap';
import { ConnectError, ConnectTimeoutError, ProxyError } from '../../src/index.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  bareConnection,
  close,
  fin,
  hang,
  ok,
  received,
  reset,
  ScriptServer,
  send,
  startTLS,
  type Step,
  type ConnectionScript,
} from '../support/script-server.ts';
import { identities } from '../support/tls.ts';
import { bytes, GRANTED, HOSTS, NO_AUTH, through, USER_PASS } from './socks-script.ts';

assertNoLeaks(t);

t.test('what goes wrong', async (t) => {
  const steps = (...rest: Step[]): Step[] => [received(3), send(NO_AUTH), received(5), ...rest];
  const cases: [scheme: string, script: Step[], message: RegExp][] = [
    [
      'socks5h',
      steps(send(bytes(5, 2, 0, 1, 0, 0, 0, 0, 0, 0)), hang()),
      /rejected connection - NotAllowed/,
    ],
    [
      'socks5h',
      steps(send(bytes(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)), hang()),
      /rejected connection - ConnectionRefused/,
    ],
    ['socks5h', [received(3), send(bytes(5, 255)), hang()], /no accepted authentication type/],
    [
      'socks5h',
      [received(3), send(USER_PASS), received(5), send(bytes(1, 1)), hang()],
      /Authentication failed/,
    ],
    [
      'socks5h',
      [received(3), send('HTTP/1.1 400 Bad Request\r\n\r\n'), hang()],
      /invalid socks version/,
    ],
    ['socks5h', [received(3), close()], /: it closed the connection/],
    ['socks5h', [received(3), fin(), hang()], /: it closed the connection/],
    ['socks5h', [received(3), reset()], /ECONNRESET/],
    ['socks5h', steps(reset()), /ECONNRESET/],
    [
      'socks4a',
      [received(9), send(bytes(0, 91, 0, 0, 0, 0, 0, 0)), hang()],
      /rejected connection.*Failed/,
    ],
    ['socks4a', [received(9), send(bytes(9, 9, 9, 9, 9, 9, 9, 9)), hang()], /rejected connection/],
    ['socks5', steps(send(bytes(5, 4, 0, 1, 0, 0, 0, 0, 0, 0)), hang()), /HostUnreachable/],
  ];
  for (const [scheme, script, message] of cases) {
    await using proxy = await ScriptServer.start([bareConnection(...script)]);
    await using pool = through(proxy, scheme, 'user:topsecret@', { hosts: HOSTS });
    const error = await rejection(pool.request('GET', 'http://www.example.test/'), ProxyError);
    t.match(error.message, message);
    t.match(error.message, `the proxy ${scheme}://127.0.0.1:${proxy.port} opened no way to `);
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), 'topsecret');
    await proxy.connectionClosed(1);
    t.strictSame(pool.connections, []);
  }
});

t.test('a name that cannot be had', async (t) => {
  await using proxy = await ScriptServer.start([]);
  await using four = through(proxy, 'socks4', '', { hosts: HOSTS });
  const error = await rejection(four.request('GET', 'http://six.example.test/'), ProxyError);
  t.match(error.message, /SOCKS 4 knows IPv4 only, and there is none among 2001:db8::1$/);
  await using five = through(proxy, 'socks5', '', {
    lookup: (_host, _options, done) => done(new Error('no such name')),
  });
  const failure = await rejection(five.request('GET', 'http://nowhere.test/'), ConnectError);
  t.match(failure.message, 'cannot resolve nowhere.test: no such name');
});

t.test(
  'bytes behind the handshake are no answer to a request that has not been sent',
  async (t) => {
    await using proxy = await ScriptServer.start([
      bareConnection(
        received(3),
        send(NO_AUTH),
        received(5),
        send(Buffer.concat([GRANTED, Buffer.from(ok())])),
        hang(),
      ),
    ]);
    await using pool = through(proxy, 'socks5h');
    const error = await rejection(pool.request('GET', 'http://a.test/'), ConnectError);
    t.match(error.message, /a\.test:80 sent \d+ bytes before anything was asked/);
    await proxy.connectionClosed(1);
  },
);

t.test('TLS with the origin that fails is a ConnectError', async (t) => {
  await using proxy = await ScriptServer.start([
    bareConnection(
      received(3),
      send(NO_AUTH),
      received(13),
      send(GRANTED),
      startTLS(identities.wrongHost),
      hang(),
    ),
  ]);
  await using pool = through(proxy, 'socks5h');
  const error = await rejection(pool.request('GET', 'https://a.test/'), ConnectError);
  t.match(error.message, /cannot connect to a\.test:443, through 127.*certificate/);
});

const STAGES: readonly [name: string, script: ConnectionScript, scheme?: string][] = [
  ['the greeting', bareConnection(hang())],
  ['the password', bareConnection(received(4), send(USER_PASS), hang())],
  ['the request', bareConnection(received(4), send(NO_AUTH), hang())],
  [
    'within the answer',
    bareConnection(received(4), send(NO_AUTH), received(5), send(bytes(5, 0, 0)), hang()),
  ],
  ['TLS', bareConnection(received(4), send(NO_AUTH), received(5), send(GRANTED), hang())],
  ['the answer of SOCKS 4', bareConnection(hang()), 'socks4a'],
];

for (const [stage, script, scheme = 'socks5h'] of STAGES) {
  t.test(`a proxy that hangs: ${stage}: the connect timeout`, async (t) => {
    await using proxy = await ScriptServer.start([script]);
    await using pool = through(proxy, scheme, 'user:secret@', { timeout: { connect: 150 } });
    const error = await rejection(pool.request('GET', 'https://a.test/'), ConnectTimeoutError);
    t.match(error.message, `through the proxy ${scheme}://127.0.0.1:${proxy.port} for 150 ms`);
    await proxy.connectionClosed(1);
  });

  t.test(`a proxy that hangs: ${stage}: the caller gives up`, async (t) => {
    await using proxy = await ScriptServer.start([script]);
    await using pool = through(proxy, scheme, 'user:secret@');
    const control = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => control.abort(reason), 60);
    const { signal } = control;
    t.equal(await rejection(pool.request('GET', 'https://a.test/', { signal })), reason);
    await proxy.connectionClosed(1);
    t.strictSame(pool.connections, []);
  });
}
