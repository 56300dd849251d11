import { gzipSync } from 'node:zlib';
import t from 'tap';
import { ConnectError, type StatusError } from '../../src/errors.ts';
import { Response } from '../../src/messages/response.ts';
import { CallTraceMiddleware, TraceMiddleware } from '../../src/middleware/trace.ts';
import { DecodeMiddleware } from '../../src/middleware/decode.ts';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import { explain, type Explainable } from '../../src/observe/explain.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { stack, type TransportLike } from '../../src/transport.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type OkHandler } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';
import { exchange, SHOPPING } from './traced-call.ts';

assertNoLeaks(t);

t.test(
  'a call is drawn with its exchanges on one axis of time, their figures, and what the layers did',
  async (t) => {
    const expected = `
GET https://shop.example/basket → 200 OK, 318 ms, 3 exchanges

  #          request                            ms  0                        318
  1          GET shop.example/basket     302  87.0  ▒▒▓▓────
  2 redirect GET shop.example/basket/20… 503  34.0         ────
  3 retry    GET shop.example/basket/20… 200  76.0                       ────███

  · queued  ░ dns  ▒ connect  ▓ tls  ▪ send  ─ wait  █ body

  #  queued  dns  connect   tls  send  wait  body  total  ms
  1    0.40  5.0     12.0  31.0  0.20  36.0   2.4   87.0
  2    0.10    –        –     –  0.10  33.0  0.80   34.0
  3    0.10    –        –     –  0.10  40.0  35.8   76.0

  Followed 1 redirect.
  #3 followed 120 ms after #2 had ended.
  Connection 1 to 192.0.2.1:443: http/1.1, TLSv1.3 TLS_AES_128_GCM_SHA256, new;
    for #1, #2, #3.
  Sent 300 B, received 48.9 kB.`;
    t.equal(explain(SHOPPING), expected.trim());
  },
);

t.test('in ASCII, and wider', async (t) => {
  const expected = `
GET https://shop.example/basket -> 200 OK, 318 ms, 3 exchanges

  #          request                                      ms  0                                            318
  1          GET shop.example/basket               302  87.0  dcctttt------#
  2 redirect GET shop.example/basket/2026/November 503  34.0               ------
  3 retry    GET shop.example/basket/2026/November 200  76.0                                      -------#####

  . queued  d dns  c connect  t tls  s send  - wait  # body`;
  const drawn = explain(SHOPPING, { ascii: true, width: 110 });
  t.equal(drawn.split('\n').slice(0, 8).join('\n'), expected.trim());
  t.notMatch(drawn, /[^\n\x20-\x7e]/);
});

t.test('no line is wider than asked for, but where a word is', async (t) => {
  for (const width of [60, 61, 72, 80, 133, 200])
    for (const line of explain(SHOPPING, { width }).split('\n'))
      t.ok(line.length <= width, `${width}: ${line}`);
});

t.test('colours are put around what is drawn, and change nothing else', async (t) => {
  const colored = explain(SHOPPING, { color: true });
  t.match(colored, '\x1b[31m'.replace('31', '94'));
  // eslint-disable-next-line no-control-regex
  t.equal(colored.replace(/\x1b\[\d+m/g, ''), explain(SHOPPING));
});

t.test('a failure is marked where it was', async (t) => {
  const error = Object.assign(new Error('gone'), { code: 'ERR_READ' });
  const failed = exchange(
    1,
    0,
    { queued: 1, sent: 1, firstByte: 50 },
    { outcome: 'failed', error, response: null },
  );
  const inBody = exchange(
    2,
    60,
    { firstByte: 10, body: 30 },
    { outcome: 'failed', error, cause: 'retry', attempt: 2 },
  );
  const aborted = exchange(
    3,
    100,
    { queued: 2 },
    {
      outcome: 'failed',
      error: new DOMException('x', 'AbortError'),
      cause: 'retry',
      attempt: 3,
      response: null,
      connection: null,
    },
  );
  const closed = exchange(4, 110, { body: 2 }, { outcome: 'closed', cause: 'again' });
  const pending = exchange(
    5,
    120,
    { firstByte: 2 },
    { outcome: null, cause: 'beside', repeats: 1 },
  );
  const drawn = explain([failed, inBody, aborted, closed, pending]).split('\n');
  t.match(drawn[3], /1 +GET shop.example\/basket ERR_READ +52.0 .*✗$/);
  t.match(drawn[4], /2 retry +GET .* 200 ERR_READ +40.0 .*✗$/);
  t.match(drawn[5], /3 retry 2 +GET .* AbortError +2.0 .*✗$/);
  t.match(drawn[6], /4 again +GET .* 200 closed +2.0 /);
  t.match(drawn[7], /5 hedge +GET .* 200… /);
  t.match(drawn.join('\n'), '#5 met 1 kept connection that had died, and was sent again.');
});

t.test('text from elsewhere commands no terminal', async (t) => {
  const evil = '\x1b[2Jx\x07\r\n\u009b31m';
  const error = new Error(evil);
  error.name = evil;
  const drawn = explain([
    exchange(1, 0, { queued: 1 }, { outcome: 'failed', error, response: { statusText: evil } }),
  ]);
  // eslint-disable-next-line no-control-regex
  t.notMatch(drawn, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

/** A client in little: what it takes to redirect, retry, decode and trace, over a pool. */
function client(bottom: TransportLike = new ConnectionPool()): ReturnType<typeof stack> {
  return stack(
    CallTraceMiddleware.layer(),
    RedirectMiddleware.layer(),
    RetryMiddleware.layer({ backoff: { base: 1 } }),
    DecodeMiddleware.layer(),
    TraceMiddleware.layer(),
    bottom,
  );
}

t.test('of a real call: everything it did', async (t) => {
  let tries = 0;
  const answer: OkHandler = (request, response) => {
    if (request.url === '/old?key=s3cret') response.writeHead(302, { location: '/new' }).end();
    else if (tries++ === 0) response.writeHead(503).end('later');
    else {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' });
      response.end(gzipSync('x'.repeat(100_000)));
    }
  };
  await using server = await okServer(answer);
  await using transport = client();
  const response = await transport.request('GET', `${server.url}/old?key=s3cret`);
  const text = explain(response);
  t.match(
    text,
    /^GET http:\/\/127.0.0.1:\d+\/old\?key=REDACTED → 200 OK, [\d.]+ ms, 3 exchanges\n/,
  );
  const place = `127.0.0.1:${server.port}`;
  t.match(text, `1          GET ${place}/old 302`);
  t.match(text, `2 redirect GET ${place}/new 503`);
  t.match(text, `3 retry    GET ${place}/new 200`);
  t.match(text, /\n {2}1 +[\d.]+ +[\d.]+ +[\d.]+ .*\n {2}2 +[\d.]+ +– +[\d.]+ /, 'used again');
  t.match(text, 'Followed 1 redirect.');
  t.match(text, /#3 followed [\d.]+ ms after #2 had ended\./);
  t.match(text, /Connection \d+ to 127.0.0.1:\d+: http\/1.1, not encrypted, new;/);
  t.match(text, /the body was \d+ B of gzip and is\s+100 kB decoded\./);
  t.notMatch(text, 's3cret');
});

t.test('of an error: the call that it ended, with its message', async (t) => {
  await using transport = client();
  const error = await rejection(transport.request('GET', 'http://127.0.0.1:1/x?a=b'), ConnectError);
  const text = explain(error);
  t.match(text, /^GET http:\/\/127.0.0.1:1\/x\?a=REDACTED → ERR_CONNECT, [\d.]+ ms, 3 exchanges\n/);
  t.match(text, /3 retry 2 GET 127.0.0.1:1\/x ERR_CONNECT/);
  t.match(text, 'no connection: cannot connect to 127.0.0.1:1');

  const status = client(new StubTransport(() => new Response(404, { statusText: 'Not Found' })));
  const response = await status.request('GET', 'http://h/');
  const refused = t.throws(() => response.raiseForStatus()) as unknown as StatusError;
  t.match(explain(refused), /^GET http:\/\/h\/ → 404 Not Found, .*\n.*\n.*\n {2}1 GET h\/ 404/);
});

t.test('without the outer layer, redirects are found in the history', async (t) => {
  const bottom = new StubTransport((_request, place) =>
    place === 0 ? new Response(302, { headers: { location: '/b' } }) : undefined,
  );
  const transport = stack(RedirectMiddleware.layer(), TraceMiddleware.layer(), bottom);
  const text = explain(await transport.request('GET', 'http://h/a'));
  t.match(text, /1 GET h\/a 302 .*\n {2}2 GET h\/b 200 /);
});

t.test('what layers say about a response is told', async (t) => {
  const transport = stack(
    CallTraceMiddleware.layer(),
    new StubTransport(
      () =>
        new Response(200, {
          extensions: {
            cacheStatus: { hit: true, ttl: 30, stored: false },
            deduped: true,
            queued: 12.5,
            hedge: { sent: 1, answered: 1 },
          },
        }),
    ),
  );
  const response = await transport.request('GET', 'http://h/');
  t.same(explain(response).split('\n').slice(1), [
    '',
    '  Cache: hit, fresh for 30 s.',
    '  Joined the exchange of another request.',
    '  Waited 12.5 ms for its turn in the throttle.',
    '  Hedged 1 time; hedge 1 was answered first.',
    '  The network was not asked.',
  ]);
});

t.test('what was not traced cannot be explained', async (t) => {
  const message =
    'explain: expected a response or an error of a request that was traced (trace: true), or traced exchanges, got';
  const subjects: [unknown, string][] = [
    [new Response(200), '<Response [200]>'],
    [new Error('x'), 'a Error'],
    [[], 'an empty list'],
    [[1], 'a list'],
    [undefined, 'undefined'],
    [1, 'number'],
  ];
  for (const [subject, came] of subjects)
    t.throws(() => explain(subject as Explainable), new TypeError(`${message} ${came}`));
  for (const width of [59, 80.5, NaN, '80'] as unknown as number[]) {
    t.throws(
      () => explain(SHOPPING, { width }),
      new TypeError(`explain: width: expected a whole number from 60, got ${width}`),
    );
  }
});
