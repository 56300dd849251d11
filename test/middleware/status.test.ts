import { gzipSync } from 'node:zlib';
import t from 'tap';
import { isStatusError, StatusError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { DecodeMiddleware } from '../../src/middleware/decode.ts';
import { StatusMiddleware, type StatusOptions } from '../../src/middleware/status.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { connection, hang, head, ScriptServer, send as sends } from '../support/script-server.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const URL = 'http://h.test/x?key=secret';

function send(
  inner: StubTransport,
  options?: StatusOptions | boolean,
  init: RequestInit = {},
): Promise<Response> {
  return new StatusMiddleware(inner, options).send(new Request('GET', URL, init));
}

const answering = (status: number, ...pieces: string[]): StubTransport => {
  const inner: StubTransport = new StubTransport(() => inner.scoped(status, {}, ...pieces));
  return inner;
};

t.test(
  'a status from 400 is a StatusError, its body read and the start of it in the message',
  async (t) => {
    for (const status of [400, 404, 499, 500, 503, 599]) {
      const error = await rejection(send(answering(status, 'no ', 'such thing')), StatusError);
      t.ok(isStatusError(error));
      t.equal(error.status, status);
      t.equal(error.message, `GET http://h.test/x: ${status}: no such thing`);
      t.equal(error.response.status, status);
      t.ok(error.response.isRead);
      t.equal(await error.response.text(), 'no such thing');
      t.equal(error.response.extensions.truncated, undefined);
      t.equal(error.request, error.response.request);
    }
  },
);

t.test('any other status is a response, handed on as it is', async (t) => {
  for (const status of [200, 204, 302, 304, 399]) {
    const inner = answering(status);
    const response = await send(inner);
    t.equal(response.status, status);
    t.notOk(response.isRead);
    await response.close();
  }
});

t.test('the body keeps its type and its charset', async (t) => {
  const inner = new StubTransport(
    () =>
      new Response(422, {
        statusText: 'Unprocessable',
        headers: { 'content-type': 'application/json; charset=latin1', 'content-length': '9' },
        body: new StubSource(Buffer.from('{"a":"\xe9"}', 'latin1')),
      }),
  );
  const error = await rejection(send(inner), StatusError);
  t.equal(error.message, 'GET http://h.test/x: 422 Unprocessable: {"a":"é"}');
  t.same(await error.response.json(), { a: 'é' });
  t.equal(error.response.headers.get('content-length'), '9');
});

t.test('no more than maxBody bytes are read, and the rest is given up', async (t) => {
  const inner = answering(500, 'abcd', 'efgh', 'ijkl');
  const error = await rejection(send(inner, { maxBody: 6 }), StatusError);
  t.equal(await error.response.text(), 'abcdef');
  t.equal(error.response.extensions.truncated, true);
  t.equal(inner.bodies[0]?.cancels, 1);
  t.equal(inner.bodies[0]?.pulls, 2);
});

t.test('a body of exactly maxBody bytes is whole', async (t) => {
  const inner = answering(500, 'abcd', 'ef');
  const error = await rejection(send(inner, { maxBody: 6 }), StatusError);
  t.equal(await error.response.text(), 'abcdef');
  t.equal(error.response.extensions.truncated, undefined);
  t.equal(inner.bodies[0]?.cancels, 0);
});

t.test('with maxBody 0 nothing is kept', async (t) => {
  const inner = answering(500, 'abcd');
  const error = await rejection(send(inner, { maxBody: 0 }), StatusError);
  t.equal(error.message, 'GET http://h.test/x: 500');
  t.equal((await error.response.bytes()).byteLength, 0);
  t.equal(inner.bodies[0]?.cancels, 1);
});

t.test('the bound is 64 KiB unless it is said otherwise', async (t) => {
  const inner = answering(500, 'a'.repeat(65_536), 'b');
  const error = await rejection(send(inner), StatusError);
  t.equal((await error.response.bytes()).byteLength, 65_536);
  t.equal(error.response.extensions.truncated, true);
});

t.test('a body that is in memory already is kept whole', async (t) => {
  const inner = new StubTransport(() => new Response(500, { text: 'abcdef' }));
  const error = await rejection(send(inner, { maxBody: 3 }), StatusError);
  t.equal(await error.response.text(), 'abcdef');
});

t.test(
  'a body that breaks leaves the status’s error, with what broke it as its cause',
  async (t) => {
    const reason = new Error('cut');
    const inner = new StubTransport(
      () => new Response(502, { body: new StubSource('abc', reason) }),
    );
    const error = await rejection(send(inner), StatusError);
    t.equal(error.cause, reason);
    t.equal(await error.response.text(), 'abc');
  },
);

t.test('an abort while the body is read rejects with its reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const inner = new StubTransport(
    () =>
      new Response(500, {
        body: new StubSource(
          new Promise<Error>((resolve) =>
            setImmediate(() => {
              controller.abort(reason);
              resolve(reason);
            }),
          ),
        ),
      }),
  );
  t.equal(await rejection(send(inner, {}, { signal: controller.signal })), reason);
});

t.test('statuses: a list, or a function, says which are failures', async (t) => {
  t.equal((await send(answering(404), { statuses: [500] })).status, 404);
  await rejection(send(answering(500), { statuses: [500] }), StatusError);
  const odd = (status: number): boolean => status % 2 === 1;
  t.equal((await send(answering(404), { statuses: odd })).status, 404);
  const error = await rejection(send(answering(201, 'made'), { statuses: odd }), StatusError);
  t.equal(error.message, 'GET http://h.test/x: 201: made');
});

t.test(
  'what the function throws is what the call rejects with, and the response is closed',
  async (t) => {
    const reason = new Error('undecided');
    const inner = answering(200);
    const statuses = (): never => {
      throw reason;
    };
    t.equal(await rejection(send(inner, { statuses })), reason);
    t.equal(inner.bodies[0]?.cancels, 1);
  },
);

t.test('per request: off, on, or with other options', async (t) => {
  t.equal((await send(answering(500), {}, { status: false })).status, 500);
  t.equal((await send(answering(500), false)).status, 500);
  await rejection(send(answering(500), false, { status: true }), StatusError);
  await rejection(send(answering(500), {}, { status: true }), StatusError);
  t.equal((await send(answering(404), {}, { status: { statuses: [500] } })).status, 404);
  const options = { status: { maxBody: 2 } };
  const error = await rejection(
    send(answering(404, 'abc'), { statuses: [404] }, options),
    StatusError,
  );
  t.equal(await error.response.text(), 'ab', 'each option by itself');
});

t.test('it is not shown, and does nothing, where it is off', async (t) => {
  const inner = answering(500);
  const layer = new StatusMiddleware(inner, false);
  t.equal(layer.toString(), 'StubTransport');
  const request = new Request('GET', URL);
  await layer.send(request);
  t.equal(inner.requests[0], request);
});

t.test('options that make no sense are a TypeError', async (t) => {
  const bad: [StatusOptions, RegExp][] = [
    [{ maxBody: -1 }, /status\.maxBody: expected a whole number of bytes from 0, got -1/],
    [{ maxBody: 1.5 }, /got 1\.5/],
    [
      { statuses: 500 as never },
      /status\.statuses: expected a list of statuses or a function, got number/,
    ],
    [{ statuses: ['500'] as never }, /status\.statuses/],
    [null as never, /status: expected true, false or \{ statuses, maxBody \}, got null/],
  ];
  for (const [options, message] of bad) {
    t.throws(() => new StatusMiddleware(answering(200), options), { name: 'TypeError', message });
    const inner = answering(200);
    const error = await rejection(send(inner, {}, { status: options }), TypeError);
    t.match(error.message, message);
    t.equal(inner.requests.length, 0, 'nothing is sent');
  }
});

t.test('on sockets: the connection is free when the error is there', async (t) => {
  await using server = await okServer((request, response) => {
    const long = request.url === '/long';
    response.writeHead(500, { 'content-encoding': 'gzip' });
    response.end(gzipSync(long ? 'x'.repeat(200_000) : 'broken'));
  });
  await using pool = new ConnectionPool();
  const transport = new StatusMiddleware(new DecodeMiddleware(pool));
  for (const path of ['/', '/long', '/']) {
    const error = await rejection(
      transport.send(new Request('GET', server.url + path)),
      StatusError,
    );
    t.equal(pool.snapshot().active, 0, path);
    const text = await error.response.text();
    t.equal(text, path === '/' ? 'broken' : 'x'.repeat(65_536));
    t.ok(error.response.bytesDownloaded < 1000, 'what came over the wire is compressed');
  }
  t.equal(server.connections, 1);
});

t.test('on sockets: a body that never ends is cut off', async (t) => {
  const line = 'HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n';
  await using server = await ScriptServer.start([
    connection(head(), sends(line + 'x'.repeat(100)), hang()),
  ]);
  await using pool = new ConnectionPool();
  const transport = new StatusMiddleware(pool, { maxBody: 50 });
  const error = await rejection(transport.send(new Request('GET', server.url)), StatusError);
  t.equal(await error.response.text(), 'x'.repeat(50));
  await server.connectionClosed(1);
});
