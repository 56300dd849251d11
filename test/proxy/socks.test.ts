import t from 'tap';
import { assertNoLeaks } from '../support/leaks.ts';
import {
  bareConnection,
  hang,
  ok,
  repeat,
  reply,
  ScriptServer,
  send,
  startTLS,
  type Step,
} from '../support/script-server.ts';
import { identities } from '../support/tls.ts';
import {
  bytes,
  connects,
  expects,
  GRANTED,
  GRANTED_4,
  greeting,
  greetingWithCredentials,
  HOSTS,
  http,
  name,
  NO_AUTH,
  port,
  through,
  USER_PASS,
} from './socks-script.ts';

assertNoLeaks(t);

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
