import t from 'tap';
import type { InformationalResponse } from '../../src/exchange.ts';
import { LocalProtocolError, ReadError, RemoteProtocolError } from '../../src/errors.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  chunked,
  connection,
  fin,
  head,
  lines,
  ok,
  repeat,
  reply,
  request,
  reset,
  ScriptServer,
  send,
  until,
} from '../support/script-server.ts';

assertNoLeaks(t);

const CHUNKED = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '');

t.test('interim responses are skipped, and onInformational sees each', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      reply(
        lines('HTTP/1.1 102 Processing', '', '') +
          lines('HTTP/1.1 103 Early Hints', 'Link: </a.css>', 'Link: </b.css>', '', '') +
          ok('done'),
        { split: [10, 30, 40] },
      ),
      reply(lines('HTTP/1.1 103 Early Hints', '', '') + ok('again')),
    ),
  ]);
  await using pool = new ConnectionPool();
  const seen: InformationalResponse[] = [];
  const response = await pool.request('GET', server.url, {
    onInformational: (interim) => seen.push(interim),
  });
  t.equal(response.status, 200);
  t.equal(await response.text(), 'done');
  t.strictSame(
    seen.map(({ status, statusText, headers }) => [status, statusText, headers.getAll('link')]),
    [
      [102, 'Processing', []],
      [103, 'Early Hints', ['</a.css>', '</b.css>']],
    ],
  );
  t.equal(await (await pool.request('GET', server.url)).text(), 'again', 'nobody has to look');
  t.equal(server.connections.count, 1);
});

t.test('what onInformational throws is what the request rejects with', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 103 Early Hints', '', '') + ok())),
  ]);
  await using pool = new ConnectionPool();
  const mine = new Error('mine');
  const reason = await rejection(
    pool.request('GET', server.url, {
      onInformational() {
        throw mine;
      },
    }),
  );
  t.equal(reason, mine);
  t.equal(pool.connections.length, 0);
});

t.test('onInformational may abort its own request, or force the pool to close', async (t) => {
  for (const end of ['abort', 'close'] as const) {
    await using server = await ScriptServer.start([
      connection(reply(lines('HTTP/1.1 103 Early Hints', '', '') + ok('too late'))),
    ]);
    await using pool = new ConnectionPool();
    const controller = new AbortController();
    const mine = new Error('mine');
    const reason = await rejection(
      pool.request('GET', server.url, {
        signal: controller.signal,
        onInformational() {
          if (end === 'abort') controller.abort(mine);
          else void pool.close({ force: true });
        },
      }),
    );
    if (end === 'abort') t.equal(reason, mine);
    else t.match(reason, { code: 'ERR_CLOSED' });
    t.equal(pool.connections.length, 0);
  }
});

t.test('HEAD, 204 and 304 have no body whatever their fields say', async (t) => {
  const fields = ['Content-Length: 1000', 'Content-Encoding: gzip', '', ''] as const;
  await using server = await ScriptServer.start([
    connection(
      reply(lines('HTTP/1.1 200 OK', ...fields)),
      reply(lines('HTTP/1.1 204 No Content', '', '')),
      reply(lines('HTTP/1.1 304 Not Modified', ...fields)),
      reply(ok('x')),
    ),
  ]);
  await using pool = new ConnectionPool();
  for (const [method, status, length] of [
    ['HEAD', 200, 0],
    ['GET', 204, 0],
    ['GET', 304, 0],
    ['GET', 200, 1],
  ] as const) {
    const response = await pool.stream(method, server.url);
    t.equal(response.status, status);
    t.equal(response.isRead, true, 'it is ended already: nobody can leak it');
    t.equal((await response.bytes()).length, length);
  }
  t.equal(server.connections.count, 1);
});

t.test('an HTTP/1.0 server keeps its connection only if it says so', async (t) => {
  const answer = (...fields: string[]): string =>
    lines('HTTP/1.0 200 OK', 'Content-Length: 2', ...fields, '', 'ok');
  await using server = await ScriptServer.start([
    connection(reply(answer('Connection: Keep-Alive')), reply(answer()), fin()),
    connection(reply(ok())),
  ]);
  await using pool = new ConnectionPool();
  const first = await pool.request('GET', server.url);
  t.equal(first.httpVersion, '1.0');
  t.equal(pool.snapshot().idle, 1);
  t.equal(await (await pool.request('GET', server.url)).text(), 'ok');
  t.equal(pool.connections.length, 0);
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 2);
});

t.test('a body without a length ends with the connection', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 200 OK', '', 'all of it, ')), send('in pieces'), fin()),
    connection(reply(lines('HTTP/1.0 200 OK', '', '')), fin()),
    connection(reply(lines('HTTP/1.1 200 OK', '', 'cut')), reset()),
  ]);
  await using pool = new ConnectionPool();
  t.equal(await (await pool.request('GET', server.url)).text(), 'all of it, in pieces');
  t.equal(await (await pool.request('GET', server.url)).text(), '');
  const error = await rejection(pool.request('GET', server.url), ReadError);
  t.match(error.message, /after \d bytes of the body/);
  t.equal(pool.connections.length, 0, 'none can be used again');
});

t.test('a response that ends short says how short', async (t) => {
  const cases: readonly [bytes: string, message: RegExp][] = [
    [lines('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'four'), /after 4 of 10 bytes/],
    [`${CHUNKED}4\r\nfour\r\n`, /within a chunked body, after 4 bytes/],
    [`${CHUNKED}4\r\nfour\r\n0\r\nTrailer: x`, /within a chunked body, after 4 bytes/],
    ['HTTP/1.1 200 OK\r\nContent-', /within the head/],
    ['', /before the response/],
  ];
  for (const [bytes, message] of cases) {
    await using server = await ScriptServer.start([connection(reply(bytes), fin())]);
    await using pool = new ConnectionPool();
    const error = await rejection(pool.request('GET', server.url), RemoteProtocolError);
    t.match(error.message, message);
    t.match(error, { phase: 'read', attempt: 1, reused: false, code: 'ERR_REMOTE_PROTOCOL' });
    t.equal(error.remoteAddress, `127.0.0.1:${server.port}`);
    t.equal(pool.connections.length, 0);
  }
});

t.test('what came of a body before it broke is handed out first', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'four')), reset()),
  ]);
  await using pool = new ConnectionPool();
  await using response = await pool.stream('GET', server.url);
  await server.connectionClosed(1);
  const pieces: string[] = [];
  const error = await rejection(
    (async () => {
      for await (const piece of response) pieces.push(Buffer.from(piece).toString());
    })(),
    ReadError,
  );
  t.strictSame(pieces, ['four']);
  t.match(error.message, /after 4 bytes of the body.*ECONNRESET/);
});

t.test('bytes behind a complete response close the connection', async (t) => {
  for (const late of [false, true]) {
    const more = deferred();
    await using server = await ScriptServer.start([
      late
        ? connection(reply(ok('one')), until(more.promise), send(ok('nobody asked')))
        : connection(reply(ok('one') + ok('nobody asked'))),
      connection(reply(ok('two'))),
    ]);
    await using pool = new ConnectionPool();
    t.equal(await (await pool.request('GET', server.url)).text(), 'one');
    t.equal(pool.connections.length, late ? 1 : 0);
    more.resolve();
    await server.connectionClosed(1);
    t.equal(await (await pool.request('GET', server.url)).text(), 'two');
  }
});

t.test('trailers come after the body, whole or in pieces', async (t) => {
  const answer = CHUNKED + chunked(['hello', ' world'], 'X-Sum: 1', 'X-Sum: 2');
  await using server = await ScriptServer.start([
    connection(reply(answer), reply(answer, { split: 7 }), reply(CHUNKED + chunked(['x']))),
  ]);
  await using pool = new ConnectionPool();
  for (let i = 0; i < 2; i++) {
    await using response = await pool.stream('GET', server.url);
    t.equal(await response.text(), 'hello world');
    t.strictSame(response.trailers?.getAll('x-sum'), ['1', '2']);
  }
  t.equal((await pool.request('GET', server.url)).trailers, null);
  t.equal(server.connections.count, 1);
});

t.test('trailers go after a body that has them', async (t) => {
  await using server = await ScriptServer.start([connection(repeat(reply(ok())))]);
  await using pool = new ConnectionPool();
  const body = (value: string) => ({
    contentLength: 5,
    replayable: true,
    async *stream() {
      yield Buffer.from('hello');
    },
    trailers: () => [['x-checksum', value]] as const,
  });
  await pool.request('POST', server.url, { body: body('abc') });
  const [received] = server.requests;
  t.equal(received?.header('transfer-encoding'), 'chunked');
  t.equal(received?.header('content-length'), undefined);
  t.equal(received?.body.toString(), 'hello');
  t.strictSame(received?.trailers, [['x-checksum', 'abc']]);

  await t.rejects(pool.request('POST', server.url, { body: body('a\r\nb: c') }), TypeError);
});

t.test('a request that cannot be said in HTTP leaves the connection as it is', async (t) => {
  await using server = await ScriptServer.start([connection(reply(ok()), reply(ok()))]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const headers = { 'content-length': '7' };
  const error = await rejection(
    pool.request('POST', server.url, { headers, body: 'four' }),
    LocalProtocolError,
  );
  t.match(error.message, /not sent: Content-Length 7 for a body of 4 bytes/);
  t.equal(pool.snapshot().idle, 1);
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
});

t.test('the request line and Host are those of the URL, or what the caller says', async (t) => {
  await using server = await ScriptServer.start([
    connection(request(), send(ok()), head(), send(ok()), repeat(reply(ok()))),
  ]);
  await using pool = new ConnectionPool();
  await pool.request('GET', `${server.url}/a?b=c#d`);
  await pool.request('OPTIONS', server.url, { target: '*', headers: { host: 'other.test' } });
  const [first, second] = server.requests;
  t.equal(first?.target, '/a?b=c');
  t.equal(first?.header('host'), `127.0.0.1:${server.port}`);
  t.equal(second?.target, '*');
  t.equal(second?.header('host'), 'other.test');
});
