import { inspect } from 'node:util';
import t from 'tap';
import {
  ConnectError,
  ConnectionPool,
  ConnectTimeoutError,
  ProxyError,
  type ConnectionPoolOptions,
} from '../../src/index.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  bareConnection,
  close,
  fin,
  hang,
  ok,
  received,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  startTLS,
  type ConnectionScript,
  type Step,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t);

const bytes = (...values: (number | string)[]): Buffer =>
  Buffer.concat(
    values.map((each) => (typeof each === 'string' ? Buffer.from(each) : Buffer.of(each))),
  );
const name = (text: string): Buffer => bytes(3, text.length, text);
const port = (number: number): Buffer => bytes(number >> 8, number & 255);

const NO_AUTH = bytes(5, 0);
const USER_PASS = bytes(5, 2);
const GRANTED = bytes(5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90);
const GRANTED_4 = bytes(0, 90, 0, 0, 0, 0, 0, 0);

/** Waits for these very bytes. */
const expects =
  (expected: Buffer): Step =>
  async (wire) => {
    const came = await wire.received(expected.length);
    if (!came.equals(expected))
      throw new Error(`${came.toString('hex')} for ${expected.toString('hex')}`);
  };
/** What the client says first, by whether it has credentials. */
const greeting = expects(bytes(5, 1, 0));
const greetingWithCredentials = expects(bytes(5, 2, 0, 2));
const connects = (destination: Buffer, to: number): Step =>
  expects(Buffer.concat([bytes(5, 1, 0), destination, port(to)]));

const http: Step = (wire) => wire.http();

function through(
  proxy: ScriptServer,
  scheme: string,
  credentials = '',
  options: ConnectionPoolOptions = {},
): ConnectionPool {
  return new ConnectionPool({
    proxy: `${scheme}://${credentials}127.0.0.1:${proxy.port}`,
    tls: { ca },
    ...options,
  });
}

const HOSTS = {
  'www.example.test': '10.1.2.3',
  'six.example.test': '2001:db8::1',
  'both.example.test': ['2001:db8::1', '10.1.2.3'],
};

/** Handshakes that succeed, as bytes. */
const HANDSHAKES: readonly [
  why: string,
  scheme: string,
  credentials: string,
  url: string,
  steps: Step[],
][] = [
  [
    'socks5h leaves the name to the proxy',
    'socks5h',
    '',
    '//www.example.test/',
    [greeting, send(NO_AUTH), connects(name('www.example.test'), 443), send(GRANTED)],
  ],
  [
    'socks5 resolves it',
    'socks5',
    '',
    '//www.example.test:8443/',
    [greeting, send(NO_AUTH), connects(bytes(1, 10, 1, 2, 3), 8443), send(GRANTED)],
  ],
  [
    'socks5 knows IPv6',
    'socks5',
    '',
    '//six.example.test/',
    [
      greeting,
      send(NO_AUTH),
      connects(Buffer.from('0420010db8000000000000000000000001', 'hex'), 443),
      send(GRANTED),
    ],
  ],
  [
    'user and password (RFC 1929)',
    'socks5h',
    'us%40er:p%3Ass@',
    '//www.example.test/',
    [
      greetingWithCredentials,
      send(USER_PASS),
      expects(bytes(1, 5, 'us@er', 4, 'p:ss')),
      send(bytes(1, 0)),
      connects(name('www.example.test'), 443),
      send(GRANTED),
    ],
  ],
  [
    'credentials that nobody asks for',
    'socks5h',
    'user:secret@',
    '//www.example.test/',
    [
      greetingWithCredentials,
      send(NO_AUTH),
      connects(name('www.example.test'), 443),
      send(GRANTED),
    ],
  ],
  [
    'socks4 resolves, and takes a user',
    'socks4',
    'user:x@',
    '//both.example.test/',
    [
      expects(
        bytes(4, 1, port(443).toString('latin1').charCodeAt(0), 0xbb, 10, 1, 2, 3, 'user', 0),
      ),
      send(GRANTED_4),
    ],
  ],
  [
    'socks4a leaves the name to the proxy',
    'socks4a',
    '',
    '//www.example.test/',
    [expects(bytes(4, 1, 1, 0xbb, 0, 0, 0, 1, 0, 'www.example.test', 0)), send(GRANTED_4)],
  ],
  [
    'an answer in pieces, with a name in it',
    'socks5h',
    '',
    '//www.example.test/',
    [
      greeting,
      send(NO_AUTH, { split: 1 }),
      connects(name('www.example.test'), 443),
      send(bytes(5, 0, 0, 3, 4, 'host', 0, 80), { split: 1 }),
    ],
  ],
];

for (const [why, scheme, credentials, url, steps] of HANDSHAKES)
  t.test(`${why}, then TLS`, async (t) => {
    await using proxy = await ScriptServer.start([
      bareConnection(...steps, startTLS(identities.server), repeat(reply(ok('in')))),
    ]);
    await using pool = through(proxy, scheme, credentials, { hosts: HOSTS });
    for (let i = 0; i < 2; i++) {
      const response = await pool.request('GET', `https:${url}`);
      t.equal(await response.text(), 'in');
    }
    t.equal(proxy.connections.count, 1);
    t.strictSame(
      proxy.requests.map((each) => each.target),
      ['/', '/'],
    );
    t.equal(proxy.requests[0]?.header('host'), new URL(`https:${url}`).host);
  });

t.test('plain HTTP through SOCKS is as to the origin', async (t) => {
  await using proxy = await ScriptServer.start([
    bareConnection(
      greeting,
      send(NO_AUTH),
      connects(name('a.test'), 80),
      send(GRANTED),
      http,
      repeat(reply(ok())),
    ),
  ]);
  await using pool = through(proxy, 'socks5h');
  await pool.request('GET', 'http://a.test/x');
  t.match(proxy.requests[0], { method: 'GET', target: '/x' });
  t.equal(proxy.requests[0]?.header('host'), 'a.test');
});

t.test('of several addresses, one after the other is tried', async (t) => {
  const refused = bytes(5, 4, 0, 1, 0, 0, 0, 0, 0, 0);
  const first = Buffer.from('0420010db8000000000000000000000001', 'hex');
  await using proxy = await ScriptServer.start([
    bareConnection(greeting, send(NO_AUTH), connects(first, 80), send(refused), hang()),
    bareConnection(
      greeting,
      send(NO_AUTH),
      connects(bytes(1, 10, 1, 2, 3), 80),
      send(GRANTED),
      http,
      reply(ok()),
    ),
  ]);
  await using pool = through(proxy, 'socks5', '', { hosts: HOSTS });
  t.equal((await pool.request('GET', 'http://both.example.test/')).status, 200);
  await proxy.connectionClosed(1);
});

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
