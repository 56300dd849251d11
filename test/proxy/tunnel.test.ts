import { inspect } from 'node:util';
import t from 'tap';
import { ProxyError } from '../../src/index.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  close,
  connection,
  fin,
  hang,
  ok,
  repeat,
  reply,
  ScriptServer,
  type Step,
} from '../support/script-server.ts';
import { ESTABLISHED, secure, through } from './through.ts';

assertNoLeaks(t);

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
