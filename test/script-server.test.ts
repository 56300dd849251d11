// The kit proves itself against node:http and bare sockets, before anything relies on it.

import { once } from 'node:events';
import { get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { collect } from './support/collect.ts';
import { deferred } from './support/deferred.ts';
import { dial } from './support/dial.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { rejection } from './support/rejection.ts';
import {
  bareConnection,
  body,
  chunked,
  close,
  connection,
  delay,
  fin,
  hang,
  head,
  lines,
  ok,
  received,
  repeat,
  reply,
  request,
  reset,
  resumeReading,
  ScriptServer,
  send,
  stopReading,
  until,
} from './support/script-server.ts';

assertNoLeaks(t);

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

async function get(url: string): Promise<string> {
  const [response] = (await once(httpGet(url, { agent: false }), 'response')) as [IncomingMessage];
  return (await collect(response)).toString('latin1');
}

t.test('plays its bytes as they are', async (t) => {
  const bytes = 'HTTP/1.0 299 Odd\r\nX:\xff\r\nContent-Length: 2\r\n\r\nhi';
  await using server = await ScriptServer.start([connection(reply(bytes))]);
  using client = await dial(server);
  client.socket.write(GET);
  await once(client.socket, 'data');
  t.same(client.reads, [bytes]);
});

t.test('sends each piece of a split answer as a read of its own', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply('abcdefgh', { split: 3 }), fin()),
    connection(reply('abcdefgh', { split: [1, 5] }), fin()),
    connection(reply('abcdefgh', { split: 1 }), fin()),
  ]);
  for (const expected of [['abc', 'def', 'gh'], ['a', 'bcdef', 'gh'], 'abcdefgh'.split('')]) {
    using client = await dial(server);
    client.socket.write(GET);
    await once(client.socket, 'end');
    t.same(client.reads, expected);
  }
});

t.test('half-closes, and still reads', async (t) => {
  await using server = await ScriptServer.start([connection(head(), send('early'), fin(), body())]);
  using client = await dial(server, { allowHalfOpen: true });
  client.socket.write('PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab');
  await once(client.socket, 'end');
  t.same(client.reads, ['early']);
  client.socket.end('cde');
  const put = await server.request(1);
  t.equal((await put.whole()).body.toString(), 'abcde');
  await server.connectionClosed(1);
  t.same(server.connections, { count: 1, open: 0 });
});

t.test('resets after what was sent has arrived', async (t) => {
  await using server = await ScriptServer.start([connection(request(), send('partial'), reset())]);
  using client = await dial(server);
  client.socket.write(GET);
  t.equal((await client.closed)?.code, 'ECONNRESET');
  t.same(client.reads, ['partial']);
});

t.test('accepts and closes', async (t) => {
  await using server = await ScriptServer.start([connection(close())]);
  const error = (await rejection(get(server.url))) as NodeJS.ErrnoException;
  t.match(error.code, /ECONNRESET|EPIPE/);
  await server.connectionClosed(1);
});

t.test('logs a request as it was written', async (t) => {
  await using server = await ScriptServer.start([connection(hang())]);
  using client = await dial(server);
  const rawHead = 'POST /a?b HTTP/1.1\r\nhOST:h\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 3\r\n\r\n';
  client.socket.write(`${rawHead}ab`);
  const post = await server.request(1);
  t.match(post, { method: 'POST', target: '/a?b', httpVersion: '1.1', rawHead, connection: 1 });
  t.same(post.headers.slice(0, 3), [
    ['hOST', 'h'],
    ['X-A', '1'],
    ['x-a', '2'],
  ]);
  t.equal(post.header('X-a'), '1, 2');
  t.equal(post.isWhole, false);
  client.socket.write('c');
  t.equal((await post.whole()).body.toString(), 'abc');
});

t.test('reads chunked requests with trailers, whole and byte by byte', async (t) => {
  await using server = await ScriptServer.start([repeat(connection(reply(ok())))]);
  const message =
    lines('POST / HTTP/1.1', 'Transfer-Encoding: chunked', '', '') +
    chunked(['hello', ', ', 'world of chunks'], 'X-Sum: 1');
  for (const pieces of [[message], message.split('')]) {
    using client = await dial(server);
    client.socket.setNoDelay();
    for (const piece of pieces) await new Promise((sent) => client.socket.write(piece, sent));
    await once(client.socket, 'data');
    const post = server.requests.at(-1);
    t.equal(post?.body.toString(), 'hello, world of chunks');
    t.same(post?.chunkSizes, [5, 2, 15]);
    t.same(post?.trailers, [['X-Sum', '1']]);
  }
});

t.test('a request that stops half-way is known as cut short', async (t) => {
  await using server = await ScriptServer.start([connection(hang())]);
  using client = await dial(server);
  client.socket.end('POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab');
  const cut = await rejection((await server.request(1)).whole(), Error);
  t.equal(cut.message, 'POST / (connection 1, 2 body bytes) was cut short by the client');
});

t.test('answers pipelined requests in order, one at a time', async (t) => {
  const gate = deferred();
  await using server = await ScriptServer.start([
    connection(
      reply('1'),
      until(gate.promise),
      reply(({ target }) => target),
      delay(1),
      fin(),
    ),
  ]);
  using client = await dial(server);
  client.socket.write(GET + GET.replace('/', '/second'));
  await server.request(2); // read ahead, though the script has not asked for it
  await once(client.socket, 'data');
  t.same(client.reads, ['1']);
  gate.resolve();
  await once(client.socket, 'end');
  t.same(client.reads, ['1', '/second']);
});

t.test('answers before the body: 100 Continue', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send('HTTP/1.1 100 Continue\r\n\r\n'), body(2), body(), send(ok('done'))),
  ]);
  const put = httpRequest(server.url, {
    method: 'PUT',
    agent: false,
    headers: { Expect: '100-continue', 'Content-Length': 4 },
  });
  put.flushHeaders();
  await once(put, 'continue');
  put.end('body');
  const [response] = (await once(put, 'response')) as [IncomingMessage];
  t.equal((await collect(response)).toString(), 'done');
});

t.test('stops reading, so that the client cannot go on writing', async (t) => {
  const gate = deferred();
  const size = 32 * 1024 * 1024;
  await using server = await ScriptServer.start([
    connection(head(), stopReading(), until(gate.promise), resumeReading(), body(), fin()),
  ]);
  using client = await dial(server);
  client.socket.write(`PUT / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n`);
  const put = await server.request(1);
  const written = new Promise((done) => client.socket.write(Buffer.alloc(size), done));
  const first = await Promise.race([written.then(() => 'written'), paused(100)]);
  t.equal(first, 'blocked');
  t.ok(put.bodySize < size / 2);
  gate.resolve();
  await written;
  await put.whole();
});

t.test('sends to an idle connection, from the test', async (t) => {
  await using server = await ScriptServer.start([connection(hang())]);
  using client = await dial(server);
  const wire = await server.connection(1);
  await wire.send('HTTP/1.1 408 Request Timeout\r\n\r\n');
  t.equal(client.reads.length, 1);
  wire.reset();
  t.equal((await client.closed)?.code, 'ECONNRESET');
});

t.test('a bare connection speaks what it is told, then HTTP', async (t) => {
  await using server = await ScriptServer.start([
    bareConnection(received(3), send('\x05\x00'), received('end'), send('!'), reply(ok('http'))),
  ]);
  using client = await dial(server);
  client.socket.write('\x05\x01\x00');
  await once(client.socket, 'data');
  client.socket.write(`the end${GET}`); // not to be lost: HTTP in the same packet
  await once(client.socket, 'data');
  await once(client.socket, 'data');
  t.same(client.reads, ['\x05\x00', '!', ok('http')]);
  t.equal((await server.connection(1)).segments[0]?.length, 3);
});

t.test('after an Upgrade the script goes on with whatever comes', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply('HTTP/1.1 101 Switching Protocols\r\n\r\n'), received('ping'), send('pong')),
    connection(reply(ok('no')), reply(ok('still HTTP'))),
  ]);
  const upgrade = lines('GET / HTTP/1.1', 'Upgrade: x', 'Connection: upgrade', '', '');
  for (const [next, answer] of [
    ['ping', 'pong'],
    [GET, ok('still HTTP')],
  ] as const) {
    using client = await dial(server);
    client.socket.write(upgrade);
    await once(client.socket, 'data');
    client.socket.write(next);
    await once(client.socket, 'data');
    t.equal(client.reads[1], answer);
    client.socket.destroy();
    await server.connectionClosed(server.connections.count);
  }
});

t.test('a handler answers each request on any connection', async (t) => {
  await using server = await ScriptServer.start(async (request, wire) => {
    await wire.send(ok(request.target), { split: 1 });
  });
  await using plain = await ScriptServer.start(({ target }) => ok(target));
  for (const { url } of [server, plain]) {
    t.equal(await get(`${url}/1`), '/1');
    t.equal(await get(`${url}/2`), '/2');
  }
  t.equal(server.connections.count, 2);
});

t.test('listens on IPv6 and on Unix sockets', async (t) => {
  await using six = await ScriptServer.start([connection(reply(ok('six')))], { host: '::1' });
  t.match(six.url, /^http:\/\/\[::1\]:\d+$/);
  t.equal(await get(six.url), 'six');
  const socketPath = join(tmpdir(), `script-server-${process.pid}`);
  await using unix = await ScriptServer.start([connection(reply('x'), reset())], { socketPath });
  const socket = connect(socketPath);
  socket.write(GET);
  t.equal((await collect(socket)).toString(), 'x');
  await unix.connectionClosed(1);
});

t.test('says what it waited for in vain', async (t) => {
  await using server = await ScriptServer.start([connection(hang())], { patience: 20 });
  using client = await dial(server);
  client.socket.write(GET);
  await server.request(1);
  const error = await rejection(server.request(2), Error);
  const came = 'GET / (connection 1, 0 body bytes)';
  t.equal(error.message, `20 ms without request 2; there came: ${came}`);
});

function paused(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'blocked'));
}
