import type { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import t from 'tap';
import {
  ClosedError,
  ConnectError,
  ConnectionPool,
  ConnectTimeoutError,
  DigestAuth,
  Proxy,
  ProxyError,
  RemoteProtocolError,
  type ConnectionPoolOptions,
} from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
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
  received,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  startTLS,
  type Step,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t);

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
const secure = startTLS(identities.server);

function through(
  proxy: ScriptServer,
  options: ConnectionPoolOptions = {},
  how: ProxyOptions = {},
  credentials = '',
): ConnectionPool {
  const url = proxy.url.replace('://', `://${credentials}`);
  return new ConnectionPool({
    proxy: new Proxy(url, { mode: 'tunnel', ...how }),
    tls: { ca },
    ...options,
  });
}

t.test('what is said to the proxy, and what to the origin', async (t) => {
  await using proxy = await ScriptServer.start([
    connection(reply(ESTABLISHED), secure, repeat(reply(ok()))),
  ]);
  await using pool = through(proxy, {}, { headers: { 'X-Zone': 'dmz' } }, 'user:secret@');
  for (const path of ['/a', '/b'])
    await pool.request('GET', `https://www.example.test${path}`, {
      headers: { 'proxy-authorization': 'of the caller' },
    });
  t.equal(
    proxy.requests.map((each) => `${each.method} ${each.target}`).join(),
    'CONNECT www.example.test:443,GET /a,GET /b',
  );
  const [asked, ...others] = proxy.requests;
  t.equal(asked?.header('host'), 'www.example.test:443');
  t.equal(asked?.header('proxy-authorization'), `Basic ${btoa('user:secret')}`);
  t.equal(asked?.header('x-zone'), 'dmz');
  t.equal(asked?.header('content-length'), undefined);
  for (const other of others) {
    t.equal(other.header('host'), 'www.example.test');
    t.equal(other.header('proxy-authorization'), undefined);
    t.equal(other.header('x-zone'), undefined);
  }
});

t.test('authority-form has the port, and brackets around IPv6', async (t) => {
  for (const [url, authority] of [
    ['http://a.test/', 'a.test:80'],
    ['http://a.test:8080/', 'a.test:8080'],
    ['http://[2001:db8::1]/', '[2001:db8::1]:80'],
  ] as const) {
    await using proxy = await ScriptServer.start([connection(reply(ESTABLISHED), reply(ok()))]);
    await using pool = through(proxy);
    t.equal((await pool.request('GET', url)).status, 200);
    t.equal(proxy.requests[0]?.target, authority);
    t.equal(proxy.requests[0]?.header('host'), authority);
  }
});

t.test('any 2xx opens a tunnel, whatever its fields say of a body', async (t) => {
  for (const answer of [
    'HTTP/1.0 200 OK\r\n\r\n',
    'HTTP/1.1 201 Created\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 299 \r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  ])
    for (const split of [undefined, 1]) {
      const options = split === undefined ? {} : { split };
      await using proxy = await ScriptServer.start([
        connection(reply(answer, options), secure, reply(ok('tunnelled'))),
      ]);
      await using pool = through(proxy);
      const response = await pool.request('GET', 'https://www.example.test/');
      t.equal(await response.text(), 'tunnelled', JSON.stringify(answer));
    }
});

t.test('a refusal is a ProxyError with the status and the start of the answer', async (t) => {
  const page = `<!DOCTYPE html><html><head><title>x</title><style>p { color: red }</style></head>\n<body><p>Not <b>allowed</b>\n here</p>${'<i>.</i>'.repeat(2000)}</body></html>`;
  const cases: [answer: string, status: number, message: RegExp][] = [
    ['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 403, /answered 403 Forbidden, "no"$/],
    ['HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n', 407, /407 Who$/],
    [
      'HTTP/1.1 502 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\n',
      502,
      /502, "bad"$/,
    ],
    ['HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n', 302, /302 Found$/],
    ['HTTP/1.1 403 No\r\nContent-Length: 9000\r\n\r\nunfinished', 403, /403 No, "unfinished"$/],
    [
      `HTTP/1.1 500 Bad\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
      500,
      /500 Bad, "Not allowed here( \.){10,120}…"$/,
    ],
    ['HTTP/1.1 503 Busy\r\nContent-Length: 500\r\n\r\n'.concat('z'.repeat(500)), 503, /"z{200}…"$/],
    ['HTTP/1.1 400 no\r\nContent-Length: 99\r\n\r\nit was user:topsec', 400, /"it was user:…"$/],
    // A proxy that repeats what it got.
    [
      `HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\nyou said Basic ${btoa('user:topsecret')}, user:topsecret, and dmz-token`.padEnd(
        140,
      ),
      400,
      /"you said …, user:…, and …"$/,
    ],
  ];
  for (const [answer, status, message] of cases)
    for (const end of [[], [fin()], [close()]] as Step[][]) {
      await using proxy = await ScriptServer.start([connection(reply(answer), ...end, hang())]);
      const how = { headers: { 'x-token': 'dmz-token' } };
      await using pool = through(proxy, {}, how, 'user:topsecret@');
      const request = pool.request('GET', 'https://www.example.test/path?query=private');
      const error = await rejection(request, ProxyError);
      t.match(error, { code: 'ERR_PROXY', status, phase: 'connect', attempt: 1 });
      t.match(error.message, message);
      t.match(
        error.message,
        `GET https://www.example.test/path: no connection: the proxy ${proxy.url} refused the tunnel to www.example.test:443: it answered`,
      );
      t.notMatch(inspect(error, { depth: 9 }), /topsecret|dmz-token|dXNlcjp0/);
      await proxy.connectionClosed(1);
      t.strictSame(pool.connections, []);
    }
});

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
      [send('HTTP/1.1 400 this is not TLS\r\n\r\n'), /through 127/],
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

t.test('407 to CONNECT, and again on the same connection or a new one', async (t) => {
  const challenge =
    'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';
  const digest = (): ProxyOptions => ({ auth: new DigestAuth('user', 'secret') });
  const cases: [name: string, first: Step[], connections: number][] = [
    [
      'kept',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 35000\r\n\r\n${'.'.repeat(35_000)}`,
        ),
      ],
      1,
    ],
    [
      'chunked',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n`,
          { split: 1 },
        ),
      ],
      1,
    ],
    [
      'close',
      [
        reply(`HTTP/1.1 407 x\r\n${challenge}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno`),
        hang(),
      ],
      2,
    ],
    ['until close', [reply(`HTTP/1.1 407 x\r\n${challenge}\r\n\r\nno`), fin(), hang()], 2],
    [
      'HTTP/1.0',
      [reply(`HTTP/1.0 407 x\r\n${challenge}\r\nContent-Length: 2\r\n\r\nno`), hang()],
      2,
    ],
    [
      'too long',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 900000\r\n\r\n${'.'.repeat(900_000)}`,
        ),
        hang(),
      ],
      2,
    ],
    [
      'too slow',
      [reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 9\r\n\r\n.`), hang()],
      2,
    ],
    [
      'kept, but closed when asked',
      [reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 0\r\n\r\n`), close()],
      2,
    ],
    [
      'more than it announced',
      [
        reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`),
        hang(),
      ],
      2,
    ],
  ];
  for (const [name, first, connections] of cases)
    t.test(name, async (t) => {
      const rest = [reply(ESTABLISHED), secure, reply(ok('in'))];
      await using proxy = await ScriptServer.start(
        connections === 1
          ? [connection(...first, ...rest)]
          : [connection(...first), connection(...rest)],
      );
      await using pool = through(proxy, {}, digest());
      const response = await pool.request('GET', 'https://www.example.test/');
      t.equal(await response.text(), 'in');
      const [one, two, three] = proxy.requests;
      t.equal(one?.header('proxy-authorization'), undefined);
      t.match(
        two?.header('proxy-authorization'),
        /^Digest username="user".*uri="www\.example\.test:443"/,
      );
      t.equal(two?.header('authorization'), undefined);
      t.equal(three?.header('proxy-authorization'), undefined);
      t.equal(proxy.connections.count, connections);
      if (connections > 1) await proxy.connectionClosed(1);
    });
});

// ── stages ────────────────────────────────────────────────────────────────────────────────────

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
    for (let i = 0; i < turns; i++) await null;
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
