import { once } from 'node:events';
import t from 'tap';
import { RemoteProtocolError } from '../../src/errors.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { collect } from '../support/collect.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  fin,
  hang,
  head,
  lines,
  ok,
  received,
  reply,
  ScriptServer,
  send,
} from '../support/script-server.ts';

assertNoLeaks(t);

const SWITCHING = lines(
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: echo',
  '',
  '',
);
const upgrade = { headers: { connection: 'Upgrade', upgrade: 'echo' } };

t.test('101 hands over the connection, and what came behind the head with it', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send(`${SWITCHING}early`), received('hello'), send(' late'), hang()),
  ]);
  await using pool = new ConnectionPool();
  const response = await pool.stream('GET', server.url, upgrade);
  t.equal(response.status, 101);
  t.equal(response.headers.get('upgrade'), 'echo');
  t.equal(pool.connections.length, 0, 'it is no longer among the pool’s');
  const duplex = response.upgrade();
  duplex.setEncoding('latin1');
  duplex.write('hello');
  let text = '';
  while (text !== 'early late') text += String((await once(duplex, 'data'))[0]);
  duplex.destroy();
  await server.connectionClosed(1);
});

t.test('a tunnel is what a 2xx to CONNECT opens, and nothing else does', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send(lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'bytes')), fin()),
    connection(reply(lines('HTTP/1.1 407 No', 'Content-Length: 2', '', 'no')), reply(ok())),
  ]);
  await using pool = new ConnectionPool();
  const connect = { target: 'example.test:443' };
  const response = await pool.stream('CONNECT', server.url, connect);
  const duplex = response.upgrade();
  duplex.end();
  t.equal((await collect(duplex)).toString(), 'bytes', 'Content-Length is of no account');
  t.equal(server.requests[0]?.target, 'example.test:443');

  const refused = await pool.stream('CONNECT', server.url, connect);
  t.equal(refused.status, 407);
  t.throws(() => refused.upgrade(), /a 407 response leaves the connection to HTTP/);
  t.equal(await refused.text(), 'no');
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 2);
});

t.test('an upgrade that nobody takes is closed with its response', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send(SWITCHING), hang()),
    connection(head(), send(SWITCHING), hang()),
  ]);
  await using pool = new ConnectionPool();
  {
    await using response = await pool.stream('GET', server.url, upgrade);
    t.equal(response.status, 101);
  }
  await server.connectionClosed(1);
  const read = await pool.request('GET', server.url, upgrade);
  t.equal((await read.bytes()).length, 0);
  await server.connectionClosed(2);
});

t.test('a server may decline an upgrade', async (t) => {
  await using server = await ScriptServer.start([connection(reply(ok('plain')), reply(ok()))]);
  await using pool = new ConnectionPool();
  t.equal(await (await pool.request('GET', server.url, upgrade)).text(), 'plain');
  await pool.request('GET', server.url);
  t.equal(server.connections.count, 1);
});

t.test('101 without having been asked is an error', async (t) => {
  await using server = await ScriptServer.start([connection(head(), send(SWITCHING), hang())]);
  await using pool = new ConnectionPool();
  const error = await rejection(pool.request('GET', server.url), RemoteProtocolError);
  t.match(error.message, /101 Switching Protocols without having been asked to/);
});

t.test('what the server sent and ended before upgrade() is there', async (t) => {
  for (const early of ['bye', '']) {
    await using server = await ScriptServer.start([
      connection(head(), send(SWITCHING), send(early), fin(), hang()),
    ]);
    await using pool = new ConnectionPool();
    const response = await pool.stream('GET', server.url, upgrade);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const duplex = response.upgrade();
    t.equal((await collect(duplex)).toString(), early);
    duplex.end();
    await server.connectionClosed(1);
  }
});
