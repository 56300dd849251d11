// The rows of the table in which eleven clients were compared, each with what a user would want.

import { inspect } from 'node:util';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { Client } from '../src/client.ts';
import {
  DecodingError,
  HTTPError,
  ReadError,
  RemoteProtocolError,
  TransportError,
} from '../src/errors.ts';
import { arrival } from './support/clock.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { rejection } from './support/rejection.ts';
import {
  body,
  close,
  connection,
  fin,
  hang,
  head,
  lines,
  ok,
  repeat,
  reply,
  request,
  reset,
  ScriptServer,
  send,
  type Step,
  stopReading,
} from './support/script-server.ts';

assertNoLeaks(t);

const TEXT = 'the quick brown fox jumps over the lazy dog, '.repeat(100);
const CHUNKED = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '');

function encoded(coding: string, bytes: Uint8Array, announced: number = bytes.length): Buffer {
  const head = lines(
    'HTTP/1.1 200 OK',
    `Content-Encoding: ${coding}`,
    `Content-Length: ${announced}`,
    '',
    '',
  );
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** A client, and a server whose first connection plays these steps, and whose others answer everything. */
async function against(
  ...steps: Step[]
): Promise<{ client: Client; server: ScriptServer } & AsyncDisposable> {
  const server = await ScriptServer.start([
    connection(...steps),
    repeat(connection(repeat(reply(ok('fresh'))))),
  ]);
  const client = new Client();
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

t.test('1. GET on a kept connection that the server closes: sent again, at once', async (t) => {
  await using it = await against(reply(ok()), request(), close());
  await it.client.get(it.server.url);
  const start = performance.now();
  const response = await it.client.get(it.server.url);
  t.equal(await response.text(), 'fresh');
  t.ok(performance.now() - start < 100);
});

t.test('2. the same, POST: an error, and not sent twice', async (t) => {
  await using it = await against(reply(ok()), request(), close());
  await it.client.get(it.server.url);
  const error = await rejection(it.client.post(it.server.url, { body: 'x' }), TransportError);
  t.equal(error.reused, true);
  await arrival();
  t.equal(it.server.requests.length, 2);
});

t.test('3. Content-Length short: an error with both counts', async (t) => {
  await using it = await against(
    reply(lines('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'four')),
    fin(),
  );
  const error = await rejection(it.client.get(it.server.url), RemoteProtocolError);
  t.match(error.message, /after 4 of 10 bytes/);
});

t.test('4. chunked without an end: an error', async (t) => {
  await using it = await against(reply(`${CHUNKED}4\r\nfour\r\n`), fin());
  await t.rejects(it.client.get(it.server.url), RemoteProtocolError);
});

t.test('5. gzip, the connection cut in the middle: an error, at once', async (t) => {
  const bytes = gzipSync(TEXT);
  const part = bytes.subarray(0, bytes.length / 2);
  await using it = await against(reply(encoded('gzip', part, bytes.length)), reset());
  const start = performance.now();
  await t.rejects(it.client.get(it.server.url), ReadError);
  t.ok(performance.now() - start < 1000);
});

t.test('6. gzip cut short, the framing right: an error, never a short body', async (t) => {
  await using it = await against(reply(encoded('gzip', gzipSync(TEXT).subarray(0, -9))));
  await t.rejects(it.client.get(it.server.url), DecodingError);
});

t.test('7. raw deflate: decoded', async (t) => {
  await using it = await against(reply(encoded('deflate', deflateRawSync(TEXT))));
  t.equal(await (await it.client.get(it.server.url)).text(), TEXT);
});

t.test('8. gzip, br: decoded', async (t) => {
  await using it = await against(reply(encoded('gzip, br', brotliCompressSync(gzipSync(TEXT)))));
  t.equal(await (await it.client.get(it.server.url)).text(), TEXT);
});

t.test('9. 204 with Content-Encoding: gzip: an empty body', async (t) => {
  await using it = await against(
    reply(lines('HTTP/1.1 204 No Content', 'Content-Encoding: gzip', '', '')),
  );
  const response = await it.client.get(it.server.url);
  t.equal(response.status, 204);
  t.equal(await response.text(), '');
});

t.test('10. two Set-Cookie: both, each by itself', async (t) => {
  const cookies = ['a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT', 'b=2'];
  await using it = await against(
    reply(ok('', ...cookies.map((each) => `Set-Cookie: ${each}`))),
    reply(ok()),
  );
  const response = await it.client.get(it.server.url);
  t.strictSame(response.headers.getSetCookie(), cookies);
  await it.client.get(it.server.url);
  t.equal(it.server.requests[1]?.header('cookie'), 'a=1; b=2');
});

t.test('11. Content-Length and Transfer-Encoding: an error', async (t) => {
  await using it = await against(
    reply(
      lines('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', ''),
    ),
  );
  const error = await rejection(it.client.get(it.server.url), RemoteProtocolError);
  t.match(error.message, /both Transfer-Encoding and Content-Length/);
});

t.test('12. two Content-Lengths that differ: an error', async (t) => {
  await using it = await against(
    reply(lines('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6', '', 'hello!')),
  );
  const error = await rejection(it.client.get(it.server.url), RemoteProtocolError);
  t.match(error.message, /Content-Lengths that differ/);
});

t.test('13. a bare LF: an error. obs-fold: a space, as RFC 9112 has it', async (t) => {
  {
    await using it = await against(reply('HTTP/1.1 200 OK\nContent-Length: 0\n\n'));
    await t.rejects(it.client.get(it.server.url), RemoteProtocolError);
  }
  await using it = await against(reply(ok('', 'X-Folded: one', '  two')));
  const response = await it.client.get(it.server.url);
  t.match(response.headers.get('x-folded'), /^one +two$/);
});

t.test('14. 103, then 200: the 200', async (t) => {
  await using it = await against(
    reply(lines('HTTP/1.1 103 Early Hints', 'Link: </a.css>', '', '') + ok('final')),
  );
  t.equal(await (await it.client.get(it.server.url)).text(), 'final');
});

t.test('15. an early 413 while 64 MB are uploaded: the 413', async (t) => {
  await using it = await against(
    head(),
    body(1_000_000),
    stopReading(),
    send(lines('HTTP/1.1 413 Content Too Large', 'Content-Length: 4', '', 'much')),
    hang(),
  );
  const response = await it.client.post(it.server.url, { body: Buffer.alloc(64 * 1024 * 1024) });
  t.equal(response.status, 413);
  t.equal(await response.text(), 'much');
});

t.test(
  '16. x-api-key on a redirect to another origin: not sent, nor are credentials',
  async (t) => {
    await using other = await ScriptServer.start([connection(reply(ok('there')))]);
    await using it = await against(
      reply(lines('HTTP/1.1 302 Found', `Location: ${other.url}/`, 'Content-Length: 0', '', '')),
    );
    const response = await it.client.get(it.server.url, {
      headers: { 'x-api-key': 'secret', authorization: 'Bearer secret', cookie: 'a=secret' },
    });
    t.equal(await response.text(), 'there');
    t.notMatch(other.requests[0]?.rawHead, 'secret');
  },
);

t.test('17. abort(new Error("user")): rejects with that very error', async (t) => {
  await using it = await against(head(), hang());
  const controller = new AbortController();
  const user = new Error('user');
  const answer = it.client.get(it.server.url, { signal: controller.signal });
  await it.server.request(1);
  controller.abort(user);
  t.equal(await rejection(answer), user);
});

t.test('18. 30 bodies of 1 MB that nobody reads: none holds a connection', async (t) => {
  await using server = await ScriptServer.start([
    repeat(connection(repeat(reply(ok('x'.repeat(1_000_000)))))),
  ]);
  await using client = new Client();
  const ignored = [];
  for (let i = 0; i < 30; i++) ignored.push(await client.stream('GET', server.url));
  await Promise.all(ignored.map((response) => response.close()));
  t.ok(server.connections.count <= 3, `${server.connections.count} connections`);
  t.match(client.toString(), /\[0 active/);
});

t.test('19. inspect(error) and JSON print no credentials, cookie, token or query', async (t) => {
  await using it = await against(head(), reset());
  const url = new URL(`${it.server.url}/path?token=secret`);
  url.username = 'secret';
  url.password = 'secret';
  const error = await rejection(
    it.client.get(url, { headers: { authorization: 'Bearer secret', cookie: 'a=secret' } }),
    HTTPError,
  );
  t.match(error.message, `GET ${it.server.url}/path: `);
  for (const printed of [inspect(error, { depth: 10 }), JSON.stringify(error), String(error)])
    t.notMatch(printed, 'secret');
});

t.test(
  '20. one body of 1 MB that nobody reads, in a pool of one: the next request goes on',
  async (t) => {
    await using server = await ScriptServer.start([
      repeat(connection(reply(ok('x'.repeat(1_000_000))), repeat(reply(ok('next'))))),
    ]);
    await using client = new Client({ limits: { maxConnections: 1 } });
    const ignored = await client.stream('GET', server.url);
    t.equal(await (await client.get(server.url)).text(), 'next');
    t.equal((await ignored.bytes()).length, 1_000_000);
  },
);
