import t from 'tap';
import { LocalProtocolError, WriteError, WriteTimeoutError } from '../../src/errors.ts';
import type { Content } from '../../src/messages/content/content.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  body,
  connection,
  delay,
  hang,
  head,
  lines,
  ok,
  received,
  repeat,
  reply,
  reset,
  resumeReading,
  ScriptServer,
  send,
  stopReading,
} from '../support/script-server.ts';

assertNoLeaks(t);

const CONTINUE = lines('HTTP/1.1 100 Continue', '', '');
const expect = { expect: '100-continue' };
const MEGABYTE = 1024 * 1024;

/** A stream of `count` pieces, which tells how far it has been read, and whether it was told to end. */
function source(count: number, piece = Buffer.alloc(64 * 1024)) {
  const state = { given: 0, ended: false };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (; state.given < count; state.given++) yield piece;
    } finally {
      state.ended = true;
    }
  }
  return { state, pieces };
}

t.test('a body waits for 100 (Continue)', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      head(),
      (wire) => t.equal(wire.requests[0]?.bodySize, 0, 'not before'),
      delay(30),
      (wire) => t.equal(wire.requests[0]?.bodySize, 0, 'not by itself'),
      send(CONTINUE),
      body(),
      send(ok('got it')),
      reply(ok()),
    ),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.request('POST', server.url, { headers: expect, body: 'hello' });
  t.equal(await response.text(), 'got it');
  t.equal(server.requests[0]?.body.toString(), 'hello');
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
});

t.test('a server that does not know Expect gets the body after 1,000 ms', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      head(),
      delay(600),
      send(lines('HTTP/1.1 103 Early Hints', '', '')),
      body(),
      send(ok()),
    ),
  ]);
  await using pool = new ConnectionPool({ timeout: { read: 300 } });
  const start = performance.now();
  await pool.request('POST', server.url, { headers: expect, body: 'hello' });
  const took = performance.now() - start;
  t.ok(took >= 999 && took < 1100, `${took} ms: other interim responses do not put it off`);
});

t.test('a final response in place of 100 is delivered, and the body not sent', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send(lines('HTTP/1.1 417 Expectation Failed', 'Content-Length: 0', '', ''))),
    connection(head(), send(ok('no need'))),
  ]);
  await using pool = new ConnectionPool();
  for (const status of [417, 200]) {
    const { state, pieces } = source(3);
    const response = await pool.request('POST', server.url, { headers: expect, body: pieces() });
    t.equal(response.status, status);
    t.equal(state.given, 0);
    t.equal(pool.connections.length, 0, 'the server may take what comes next for the body');
  }
  t.strictSame(
    server.requests.map((each) => each.bodySize),
    [0, 0],
  );
});

t.test('an early 413 stops an upload of 64 MB and is delivered', async (t) => {
  const refusal = lines('HTTP/1.1 413 Content Too Large', 'Content-Length: 8', '', 'too much');
  const big = Buffer.alloc(64 * MEGABYTE);
  for (const kind of ['stream', 'chunked stream', 'in memory'] as const) {
    await using server = await ScriptServer.start([
      connection(head(), body(MEGABYTE), stopReading(), send(refusal), hang()),
    ]);
    await using pool = new ConnectionPool();
    const { state, pieces } = source(1024);
    const headers = kind === 'stream' ? { 'content-length': String(big.length) } : {};
    const response = await pool.request('POST', server.url, {
      headers,
      body: kind === 'in memory' ? big : pieces(),
    });
    t.equal(response.status, 413, kind);
    t.equal(await response.text(), 'too much');
    if (kind !== 'in memory') {
      t.ok(state.given < 1024, `${state.given} of 1,024 pieces were read`);
      t.equal(state.ended, true, 'the source is told to end');
    }
    t.equal(pool.connections.length, 0);
  }
});

t.test('a 200 before the end of the body leaves the upload alone', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      head(),
      send(lines('HTTP/1.1 200 OK', 'Content-Length: 4', '', 'ok')),
      body(),
      send('ay'),
      reply(ok()),
    ),
  ]);
  await using pool = new ConnectionPool();
  const { state, pieces } = source(20);
  const response = await pool.request('POST', server.url, { body: pieces() });
  t.equal(await response.text(), 'okay');
  t.equal(state.given, 20);
  t.equal(server.requests[0]?.bodySize, 20 * 64 * 1024);
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
});

t.test('Content-Length is checked against what is sent', async (t) => {
  const content = (contentLength: number, more: Partial<Content>): Content => ({
    contentLength,
    replayable: true,
    stream: () => source(1, Buffer.from('four')).pieces(),
    ...more,
  });
  const cases: readonly [what: string, body: Content, headers: Record<string, string>][] = [
    ['a stream that is shorter', content(5, {}), {}],
    ['a stream that is longer', content(3, {}), {}],
    ['bytes that are shorter', content(5, { bytes: () => Buffer.from('four') }), {}],
    ['bytes that are longer', content(3, { bytes: () => Buffer.from('four') }), {}],
    ['text that is longer', content(3, { ascii: 'four' }), {}],
    [
      'a header that says more',
      { ...content(4, {}), contentLength: undefined },
      { 'content-length': '5' },
    ],
  ];
  for (const [what, body, headers] of cases) {
    await using server = await ScriptServer.start(() => 'nothing is answered');
    server.violations.length = 0;
    await using pool = new ConnectionPool();
    const error = await rejection(
      pool.request('POST', server.url, { body, headers }),
      LocalProtocolError,
    );
    t.match(error.message, /cut off: a body of (at least )?4 bytes, where \d were announced/, what);
    t.equal(pool.connections.length, 0);
    t.notOk(server.requests[0]?.isWhole, 'the server never sees a request that is whole');
  }
});

t.test('a body whose making fails is an error of its request and of nothing else', async (t) => {
  const mine = new Error('mine');
  const fail = (): never => {
    throw mine;
  };
  const broken: Content = { contentLength: 4, replayable: true, stream: fail };
  await using server = await ScriptServer.start([repeat(connection(repeat(reply(ok()))))]);
  await using pool = new ConnectionPool();
  for (const body of [broken, { ...broken, bytes: fail }]) {
    t.equal(await rejection(pool.request('PUT', server.url, { body })), mine);
    t.equal((await pool.request('GET', server.url)).status, 200, 'the pool goes on');
  }
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('some');
    throw mine;
  }
  const error = await rejection(pool.request('POST', server.url, { body: failing() }), WriteError);
  t.match(error.message, /the source of the body failed/);
  t.equal(error.cause, mine);
  const odd = { ...broken, stream: () => source(1, 'text' as never).pieces() };
  t.match(
    (await rejection(pool.request('POST', server.url, { body: odd }), LocalProtocolError)).message,
    /something other than bytes/,
  );
});

t.test('a slow server stops the source', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), stopReading(), delay(300), resumeReading(), body(), send(ok())),
  ]);
  await using pool = new ConnectionPool();
  const { state, pieces } = source(512);
  const answer = pool.request('POST', server.url, { body: pieces() });
  await server.request(1);
  // The kernel's buffers fill up; then nothing moves.
  let before = -1;
  while (before !== state.given) {
    before = state.given;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.ok(state.given < 300, `${state.given} of 512 pieces were read`);
  t.equal((await answer).status, 200);
  t.equal(server.requests[0]?.bodySize, 512 * 64 * 1024);
});

t.test(
  'no progress for the write timeout is a WriteTimeoutError, slow progress is none',
  async (t) => {
    for (const size of [64 * 1024, 4 * MEGABYTE]) {
      const piece = Buffer.alloc(size);
      const count = (32 * MEGABYTE) / size;
      const slowly = repeat(stopReading(), delay(20), resumeReading(), received(MEGABYTE));
      await using server = await ScriptServer.start([
        connection(head(), stopReading(), hang()),
        connection(head(), slowly),
      ]);
      await using pool = new ConnectionPool();
      const start = performance.now();
      const error = await rejection(
        pool.request('POST', server.url, {
          body: source(count, piece).pieces(),
          timeout: { write: 400 },
        }),
        WriteTimeoutError,
      );
      const took = performance.now() - start;
      t.match(error.message, /the server took no byte for 400 ms \(write timeout\)/);
      t.match(error, { phase: 'write', reused: false });
      t.ok(took >= 400 && took < 1000, `${took} ms`);

      // Takes more than half a second in all, and never 200 ms for a megabyte.
      const { state, pieces } = source(count, piece);
      const aborted = new AbortController();
      const slow = pool.request('POST', server.url, {
        body: pieces(),
        timeout: { write: 250 },
        signal: aborted.signal,
      });
      const watch = setInterval(() => {
        if (state.given === count) aborted.abort(new Error('sent'));
      }, 10);
      const reason = await rejection(slow);
      clearInterval(watch);
      t.match(reason, { message: 'sent' }, `pieces of ${size}: ${String(reason)}`);
    }
  },
);

t.test('a reset in the middle of an upload is a WriteError', async (t) => {
  await using server = await ScriptServer.start([connection(head(), body(MEGABYTE), reset())]);
  await using pool = new ConnectionPool();
  const { state, pieces } = source(2048);
  const error = await rejection(pool.request('POST', server.url, { body: pieces() }), WriteError);
  t.match(error.message, /the connection broke while the request was sent/);
  t.equal(state.ended, true);
  t.equal(pool.connections.length, 0);
});
