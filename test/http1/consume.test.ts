import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
  StatusError,
} from '../../src/errors.ts';
import type { Response } from '../../src/messages/response.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import {
  chunked,
  connection,
  delay,
  hang,
  lines,
  ok,
  repeat,
  reply,
  reset,
  ScriptServer,
  send,
  until,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t);

const MiB = 1024 * 1024;
const LARGE = randomBytes(8 * MiB);
const headFor = (length: number): string =>
  lines('HTTP/1.1 200 OK', `Content-Length: ${length}`, '', '');
const whole = (body: Buffer): Buffer => Buffer.concat([Buffer.from(headFor(body.length)), body]);
const CHUNKED = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '');

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a body is, by way of `consume`, and in which memory it was. */
async function consumed(response: Response) {
  const hash = createHash('sha256');
  const memory = new Set<ArrayBufferLike>();
  let pieces = 0;
  const bytes = await response.consume((piece) => {
    hash.update(piece);
    memory.add(piece.buffer);
    pieces++;
  });
  return { bytes, sha: hash.digest('hex'), memory, pieces };
}

for (const [how, headers] of [
  ['of known length', { 'content-length': LARGE.length }],
  ['in chunks', {}],
  ['up to the close', { connection: 'close' }],
] as const) {
  for (const tls of [false, true]) {
    t.test(
      `a body ${how} is read into the same memory${tls ? ', over TLS too' : ''}`,
      async (t) => {
        await using server = await okServer(
          (_request, response) => {
            response.writeHead(200, headers);
            for (let at = 0; at < LARGE.length; at += 50_000)
              response.write(LARGE.subarray(at, at + 50_000));
            response.end();
          },
          tls ? { tls: identities.server } : {},
        );
        await using client = new Client({ tls: { ca } });
        const result = await consumed(await client.stream('GET', server.url));
        t.equal(result.bytes, LARGE.length);
        t.equal(result.sha, sha(LARGE));
        t.ok(result.memory.size <= 6, `${result.memory.size} buffers, ${result.pieces} pieces`);
        t.equal(await (await client.get(server.url)).consume(() => {}), LARGE.length);
      },
    );
  }
}

t.test('a body of moderate length is lent as it comes', async (t) => {
  const rest = deferred();
  await using server = await ScriptServer.start([
    connection(reply(headFor(10) + 'first'), until(rest.promise), send('later'), reply(ok('next'))),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  const got: string[] = [];
  const bytes = await response.consume((piece) => {
    got.push(String(piece));
    rest.resolve();
  });
  t.equal(bytes, 10);
  t.same(got, ['first', 'later']);
  t.equal(await (await pool.request('GET', server.url)).text(), 'next');
  t.equal(server.connections.count, 1, 'the connection is used again');
});

t.test('small chunks that come together are lent together', async (t) => {
  const text = 'x'.repeat(20);
  await using server = await ScriptServer.start([
    connection(reply(CHUNKED), send(chunked(Array.from({ length: 100 }, () => text)))),
  ]);
  await using pool = new ConnectionPool();
  const result = await consumed(await pool.stream('GET', server.url));
  t.equal(result.bytes, 2000);
  t.equal(result.sha, sha(Buffer.from(text.repeat(100))));
  t.ok(result.pieces <= 3, `${result.pieces} pieces`);
});

t.test('what waited for its reader is lent first', async (t) => {
  await using server = await ScriptServer.start([connection(reply(whole(LARGE)))]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  while (response.bytesDownloaded < 512 * 1024) await new Promise(setImmediate);
  const result = await consumed(response);
  t.equal(result.sha, sha(LARGE), 'the server, which was held back, goes on');
});

t.test('memory that is lent holds bytes of this response only', async (t) => {
  const secret = 'S3CRET'.repeat(1000);
  const text = 'x'.repeat(2 * MiB);
  await using server = await ScriptServer.start([
    connection(reply(ok(secret)), reply(headFor(text.length) + text)),
  ]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const response = await pool.stream('GET', server.url);
  let leaked = false;
  await response.consume((piece) => {
    leaked ||= Buffer.from(piece.buffer).includes('S3CRETS3CRET');
  });
  t.notOk(leaked);
});

t.test('what the sink throws ends the connection, and nothing else', async (t) => {
  await using server = await ScriptServer.start([repeat(connection(repeat(reply(whole(LARGE)))))]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  for (const at of [1, 2, 5]) {
    const response = await pool.stream('GET', server.url);
    const enough = new Error('enough');
    let calls = 0;
    const reason = await rejection(
      response.consume(() => {
        if (++calls === at) throw enough;
      }),
    );
    t.equal(reason, enough);
    t.equal(calls, at, 'it is not called again');
    t.equal(String(pool), 'ConnectionPool [0 active, 0 idle]');
  }
  t.equal(await (await pool.stream('GET', server.url)).consume(() => {}), LARGE.length);
});

t.test('close() out of the sink ends it with a ClosedError', async (t) => {
  await using server = await ScriptServer.start([connection(reply(whole(LARGE)))]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  let calls = 0;
  const error = await rejection(
    response.consume(() => {
      if (++calls === 3) void response.close();
    }),
    ClosedError,
  );
  t.equal(error.code, 'ERR_CLOSED');
  t.equal(calls, 3);
});

t.test('a response that is closed while it is read rejects with a ClosedError', async (t) => {
  const ways: ((response: Response) => Promise<unknown>)[] = [
    (response) => response.consume(() => {}),
    (response) => response.bytes(),
    async (response) => {
      for await (const _ of response);
    },
  ];
  await using server = await ScriptServer.start([
    repeat(connection(reply(headFor(2 * MiB) + 'start'), hang())),
  ]);
  await using pool = new ConnectionPool();
  for (const read of ways) {
    const response = await pool.stream('GET', server.url);
    const reading = rejection(read(response), ClosedError);
    await new Promise(setImmediate);
    await response.close();
    t.equal((await reading).code, 'ERR_CLOSED');
  }
});

t.test('a body that breaks, stalls or is aborted rejects as it does elsewhere', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply(headFor(2 * MiB) + 'start'), reset()),
    connection(reply(headFor(2 * MiB) + 'start'), hang()),
    connection(reply(headFor(2 * MiB) + 'start'), hang()),
    connection(reply(CHUNKED + '5\r\nstart\r\n'), delay(30), send('x\r\n'), hang()),
  ]);
  await using pool = new ConnectionPool();
  const read = async (init: object): Promise<unknown> => {
    const response = await pool.stream('GET', server.url, init);
    return rejection(response.consume(() => {}));
  };
  t.type(await read({}), ReadError);
  t.type(await read({ timeout: { read: 50 } }), ReadTimeoutError);
  const reason = new Error('changed my mind');
  const aborting = new AbortController();
  const aborted = read({ signal: aborting.signal });
  setTimeout(() => aborting.abort(reason), 20);
  t.equal(await aborted, reason);
  t.type(await read({}), RemoteProtocolError);
});

t.test('with pipelining, another response in the same read is not lent', async (t) => {
  const text = 'x'.repeat(3000);
  await using server = await ScriptServer.start([
    connection(reply(ok('opened')), reply(CHUNKED + chunked([text]) + ok('second'))),
  ]);
  await using pool = new ConnectionPool({ pipelining: 2, limits: { maxConnections: 1 } });
  await pool.request('GET', server.url);
  const [first, second] = await Promise.all([
    pool.stream('GET', server.url),
    pool.request('GET', server.url),
  ]);
  const result = await consumed(first);
  t.equal(result.sha, sha(Buffer.from(text)));
  t.equal(await second.text(), 'second');
});

t.test('a compressed body is lent decoded', async (t) => {
  const text = Buffer.from('the same again and '.repeat(50_000));
  await using server = await okServer((_request, response) => {
    response.setHeader('content-encoding', 'gzip').end(gzipSync(text));
  });
  await using client = new Client({ deadline: 10_000 });
  const result = await consumed(await client.stream('GET', server.url));
  t.equal(result.bytes, text.length);
  t.equal(result.sha, sha(text));
});

t.test('a response whose status is an error is lent like any other', async (t) => {
  await using server = await okServer((_request, response) => {
    response.writeHead(404).end('no such thing');
  });
  await using client = new Client();
  await using response = await client.stream('GET', server.url);
  t.throws(() => response.raiseForStatus(), StatusError);
  t.equal(await response.consume(() => {}), 13);
});
