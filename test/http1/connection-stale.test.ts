import { stat } from 'node:fs';
import t from 'tap';
import { ReadError, RemoteProtocolError, TransportError } from '../../src/errors.ts';
import type { Response } from '../../src/messages/response.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { arrival } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  close,
  connection,
  type ConnectionScript,
  fin,
  hang,
  head,
  ok,
  repeat,
  reply,
  request,
  reset,
  ScriptServer,
  send,
  type Step,
  until,
} from '../support/script-server.ts';

assertNoLeaks(t);

/** A connection that serves one request, and does this to the next one instead of answering it. */
const dying = (...steps: Step[]): ConnectionScript => connection(reply(ok('first')), ...steps);
const healthy = connection(repeat(reply(ok('again'))));

t.test('a request that finds its kept connection dead goes out again at once', async (t) => {
  for (const [how, ...steps] of [
    ['closed on the request', request(), close()],
    ['half-closed on the request', request(), fin()],
    ['reset on the request', head(), reset()],
  ] as const) {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']) {
      await using server = await ScriptServer.start([dying(...steps), healthy]);
      await using pool = new ConnectionPool();
      await pool.request('GET', server.url);
      const start = performance.now();
      const response = await pool.request(method, server.url, {
        ...(method === 'PUT' && { body: 'replayable' }),
        timeout: { pool: 100 },
      });
      t.equal(response.status, 200, `${method}, ${how}`);
      t.ok(performance.now() - start < 100);
      t.equal(server.connections.count, 2, 'on a new connection');
      if (method === 'PUT') t.equal(server.requests[2]?.body.toString(), 'replayable');
    }
  }
});

t.test('a POST is sent again only with an Idempotency-Key', async (t) => {
  await using server = await ScriptServer.start([
    dying(request(), close()),
    dying(request(), close()),
    healthy,
  ]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const error = await rejection(
    pool.request('POST', server.url, { body: 'x' }),
    RemoteProtocolError,
  );
  t.match(error, { reused: true, attempt: 1 });
  t.match(error.message, /the connection ended before the response, connection reused$/);
  t.equal(pool.connections.length, 0);

  await pool.request('GET', server.url);
  const headers = { 'idempotency-key': '1' };
  const response = await pool.request('POST', server.url, { body: 'x', headers });
  t.equal(await response.text(), 'again');
  t.equal(server.connections.count, 3);
});

t.test('a body that cannot be had again is not sent again', async (t) => {
  await using server = await ScriptServer.start([dying(request(), close())]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const body = new Blob(['once']).stream();
  await t.rejects(pool.request('PUT', server.url, { body }), RemoteProtocolError);
  t.equal(server.connections.count, 1);
});

t.test('nothing is sent again once a byte of an answer has come', async (t) => {
  await using server = await ScriptServer.start([dying(request(), send('H'), close())]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const error = await rejection(pool.request('GET', server.url), RemoteProtocolError);
  t.match(error.message, /within the head, connection reused/);
  t.equal(server.connections.count, 1);
});

t.test('a new connection that breaks is not tried again', async (t) => {
  await using server = await ScriptServer.start([connection(request(), reset())]);
  await using pool = new ConnectionPool();
  const error = await rejection(pool.request('GET', server.url), ReadError);
  t.match(error, { reused: false, attempt: 1 });
  t.equal(server.connections.count, 1);
});

t.test('the second failure is reported', async (t) => {
  await using server = await ScriptServer.start([
    dying(request(), close()),
    connection(request(), close()),
  ]);
  await using pool = new ConnectionPool();
  await pool.request('GET', server.url);
  const error = await rejection(pool.request('GET', server.url), RemoteProtocolError);
  t.match(error, { reused: false, attempt: 2 });
  t.match(error.message, /attempt 2$/);
  t.equal(server.connections.count, 2);

  const gone = await ScriptServer.start([connection(reply(ok()))]);
  await pool.request('GET', gone.url);
  const { url } = gone;
  await gone[Symbol.asyncDispose]();
  const refused = await rejection(pool.request('GET', url), TransportError);
  t.match(refused, { code: 'ERR_CONNECT' });
});

t.test('the second time is on a new connection, even if another one is idle', async (t) => {
  const both = deferred();
  const answered = (): Step[] => [head(), until(both.promise), send(ok())];
  await using server = await ScriptServer.start([
    connection(...answered(), head(), close()),
    connection(...answered(), head(), close()),
    healthy,
  ]);
  await using pool = new ConnectionPool();
  const two = [pool.request('GET', server.url), pool.request('GET', server.url)];
  await server.request(2);
  both.resolve();
  await Promise.all(two);
  t.equal(pool.snapshot().idle, 2);
  t.equal(await (await pool.request('GET', server.url)).text(), 'again');
  t.equal(server.connections.count, 3);
});

t.test('the second attempt keeps its place among the connections', async (t) => {
  await using server = await ScriptServer.start([dying(request(), close()), healthy]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  await pool.request('GET', server.url);
  const [one, two] = await Promise.all([
    pool.request('GET', `${server.url}/1`),
    pool.request('GET', `${server.url}/2`),
  ]);
  t.equal(one.status + two.status, 400);
  t.strictSame(
    server.requests.map(({ target, connection }) => [target, connection]),
    [
      ['/', 1],
      ['/1', 1],
      ['/1', 2],
      ['/2', 2],
    ],
  );
});

t.test('a connection that ends while it is idle is not used, for a POST either', async (t) => {
  for (const [how, step] of [
    ['FIN', fin()],
    ['RST', reset()],
    ['bytes', send('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n')],
  ] as const) {
    const now = deferred();
    await using server = await ScriptServer.start([dying(until(now.promise), step), healthy]);
    await using pool = new ConnectionPool();
    await pool.request('GET', server.url);
    now.resolve();
    await server.connectionClosed(1);
    await arrival();
    t.equal(pool.connections.length, 0, `${how}: it is closed at once`);
    const response = await pool.request('POST', server.url, { body: new Blob(['x']).stream() });
    t.equal(await response.text(), 'again');
  }
});

t.test('a FIN that lies unread is seen before a POST is written', async (t) => {
  for (const idle of [0, 20]) {
    await using server = await ScriptServer.start([dying(hang()), healthy]);
    await using pool = new ConnectionPool();
    await pool.request('GET', server.url);
    const wire = await server.connection(1);
    await new Promise((resolve) => setTimeout(resolve, idle));
    const answer = await new Promise<Response>((resolve, reject) => {
      // Out of a callback of the poll phase: the sockets are not looked at before the next `setImmediate`.
      stat('.', () => {
        wire.close();
        const body = new Blob(['once']).stream();
        pool.request('POST', server.url, { body }).then(resolve, reject);
      });
    });
    t.equal(await answer.text(), 'again');
    t.equal(server.connections.count, 2);
  }
});

t.test(
  'a request that is aborted while its connection is looked at leaves that as it was',
  async (t) => {
    await using server = await ScriptServer.start([connection(repeat(reply(ok())))]);
    await using pool = new ConnectionPool();
    await pool.request('GET', server.url);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const controller = new AbortController();
    const mine = new Error('mine');
    const request = pool.request('GET', server.url, { signal: controller.signal });
    controller.abort(mine);
    t.equal(await rejection(request), mine);
    const [kept] = pool.snapshot().connections;
    t.match(kept, { state: 'idle', requests: 1 });
    t.ok((kept?.idleFor ?? 0) >= 29, 'it has been idle all the time');
    await pool.request('POST', server.url);
    t.equal(server.connections.count, 1);
  },
);
