import t from 'tap';
import { deferred } from './deferred.ts';
import { dial } from './dial.ts';
import { assertNoLeaks } from './leaks.ts';
import { rejection } from './rejection.ts';
import {
  bareConnection,
  body,
  type ConnectionScript,
  connection,
  delay,
  fin,
  type Handler,
  hang,
  ok,
  repeat,
  reply,
  ScriptServer,
  send,
  startTLS,
} from './script-server.ts';

assertNoLeaks(t);

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

const violations: [message: string, bytes: string, script: Handler | ConnectionScript[]][] = [
  ['it is not in the script', GET, []],
  ['the script was over when GET / (connection 1, 0 body bytes) came', GET, [connection()]],
  ['not a request line: "GET  / HTTP/1.1"', 'GET  / HTTP/1.1\r\n\r\n', [connection(hang())]],
  ['Boom', GET, () => Promise.reject(new Error('Boom'))],
  ['Bang', GET, () => Promise.reject('Bang')],
  ['send() after fin()', '', [connection(fin(), send('x'))]],
  ['body() comes after head()', '', [connection(body())]],
  ['a piece has at least one byte, not 0', '', [connection(send('x', { split: 0 }))]],
  ['startTLS() needs TLS options', '', [bareConnection(startTLS())]],
  ['startTLS() needs a bare connection', '', [connection(startTLS({}))]],
];

for (const [message, bytes, script] of violations) {
  t.test(`disposal reports: ${message}`, async (t) => {
    const server = await ScriptServer.start(script);
    using client = await dial(server);
    client.socket.write(bytes);
    await client.closed;
    const error = await rejection(server[Symbol.asyncDispose](), Error);
    t.equal(error.message, `connection 1: ${message}`);
  });
}

t.test('disposal reports all violations together', async (t) => {
  const server = await ScriptServer.start([]);
  using first = await dial(server);
  using second = await dial(server);
  await Promise.all([first.closed, second.closed]);
  const error = await rejection(server[Symbol.asyncDispose](), AggregateError);
  t.equal(error.message, 'connection 1: it is not in the script, …');
  t.equal(error.errors.length, 2);
});

t.test('a violation that the test expected is struck off', async (t) => {
  await using server = await ScriptServer.start([]);
  using client = await dial(server);
  t.equal((await client.closed)?.code, 'ECONNRESET');
  t.equal(server.violations.splice(0).length, 1);
});

t.test('disposal closes whatever the scripts are at', async (t) => {
  const big = new Uint8Array(64 * 1024 * 1024);
  const playing = deferred();
  let count = 0;
  const started = (): void => {
    count += 1;
    if (count === scripts.length) playing.resolve();
  };
  const scripts = [
    connection(started, hang()),
    connection(started, delay(60_000)),
    connection(started, send(big)),
    connection(started, repeat(reply(ok()))),
  ];
  const server = await ScriptServer.start(scripts);
  const clients = await Promise.all(scripts.map(() => dial(server)));
  for (const { socket } of clients) socket.pause();
  await playing.promise;
  await server[Symbol.asyncDispose]();
  for (const { socket, closed } of clients) {
    socket.resume();
    await closed;
  }
  t.same(server.connections, { count: 4, open: 0 });
});
