import t from 'tap';
import { TransportError } from '../../src/errors.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  fin,
  lines,
  reply,
  reset,
  ScriptServer,
  until,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t);

const SIZE = 32 * 1024 * 1024;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const tls of [false, true]) {
  t.test(`a slow reader stops the server${tls ? ', over TLS too' : ''}`, async (t) => {
    let sent = 0;
    await using server = await okServer(
      async (_request, response) => {
        response.setHeader('content-length', SIZE);
        const piece = Buffer.alloc(64 * 1024, 'x');
        for (; sent < SIZE; sent += piece.length)
          if (!response.write(piece)) await new Promise((done) => response.once('drain', done));
        response.end();
      },
      tls ? { tls: identities.server } : {},
    );
    await using pool = new ConnectionPool({ tls: { ca } });
    await using response = await pool.stream('GET', server.url);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await pause(60);
    }
    t.ok(sent < SIZE / 2, `${sent} bytes were sent`);
    t.ok(response.bytesDownloaded < 1024 * 1024, `${response.bytesDownloaded} bytes were read`);
    t.equal((await response.bytes()).length, SIZE);
    t.equal(pool.snapshot().idle, 1);
  });
}

t.test('a server that ends while the socket is stopped has sent a whole body', async (t) => {
  const text = 'x'.repeat(2 * 1024 * 1024);
  await using server = await ScriptServer.start([
    connection(reply(lines('HTTP/1.1 200 OK', '', text)), fin()),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  await pause(50);
  t.equal(pool.snapshot().active, 1);
  t.equal((await response.bytes()).length, text.length);
  t.equal(pool.connections.length, 0);
});

t.test('what came before a reset is handed out, though the socket was stopped', async (t) => {
  const text = 'x'.repeat(2 * 1024 * 1024);
  const stopped = deferred();
  await using server = await ScriptServer.start([
    connection(
      reply(lines('HTTP/1.1 200 OK', `Content-Length: ${SIZE}`, '', text)),
      until(stopped.promise),
      reset(),
    ),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url);
  while (response.bytesDownloaded < 512 * 1024) await pause(5);
  stopped.resolve();
  await server.connectionClosed(1);
  let read = 0;
  const error = await rejection(
    (async () => {
      for await (const piece of response) read += piece.length;
    })(),
    TransportError,
  );
  t.ok(read >= 512 * 1024, `${read} bytes`);
  t.match(error.message, /after \d+ (of \d+ )?bytes/);
  t.equal(pool.connections.length, 0);
});
