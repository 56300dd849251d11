import { inspect } from 'node:util';
import t from 'tap';
import { Agent, interceptors, MockAgent, Pool } from 'undici';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  ConnectError,
  LocalProtocolError,
  RemoteProtocolError,
} from '../../src/errors.ts';
import type { InformationalResponse } from '../../src/exchange.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import { UndiciTransport } from '../../src/transports/undici.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type Echo } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';

assertNoLeaks(t);

t.test('fields keep order, case and repetitions, both ways', async (t) => {
  await using server = await okServer((request, response) => {
    const raw = ['X-Two', 'b', 'X-One', 'a', 'X-Two', 'c', 'Content-Type', 'application/json'];
    response.writeHead(200, 'Fine', raw);
    response.end(JSON.stringify(request.rawHeaders));
  });
  await using transport = new UndiciTransport(new Agent());
  const headers: [string, string][] = [
    ['X-B', '1'],
    ['X-A', '2'],
    ['X-B', '3'],
  ];
  const response = await transport.request('GET', server.url, { headers });
  t.strictSame(Array.from(response.headers).slice(0, 3), [
    ['X-Two', 'b'],
    ['X-One', 'a'],
    ['X-Two', 'c'],
  ]);
  const sent = await response.json<string[]>();
  t.match(sent.join(), /X-B,1,X-A,2,X-B,3/);
  t.ok(['', 'Fine'].includes(response.statusText));
});

t.test('trailers and interim responses come through', async (t) => {
  await using server = await okServer((_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.writeHead(200, { trailer: 'X-Sum' });
    response.write('body');
    response.addTrailers({ 'X-Sum': '4' });
    response.end();
  });
  await using transport = new UndiciTransport(new Agent());
  const hints: InformationalResponse[] = [];
  const response = await transport.request('GET', server.url, {
    onInformational: (each) => hints.push(each),
  });
  t.equal(response.trailers?.get('x-sum'), '4');
  t.equal(hints[0]?.status, 103);
  t.equal(hints[0]?.headers.get('link'), '</a.css>; rel=preload');
});

t.test('what undici cannot send is a LocalProtocolError', async (t) => {
  await using transport = new UndiciTransport(new Agent());
  const refused: [method: string, init: RequestInit, message: RegExp][] = [
    ['CONNECT', {}, /has no CONNECT requests$/],
    ['GET', { headers: { upgrade: 'x' } }, /has no Upgrade/],
    ['OPTIONS', { target: '*' }, /has no request-target of the caller's own, \*$/],
    [
      'POST',
      { body: 'ab', headers: { 'content-length': '7' } },
      /: not sent: Content-Length 7 for a body of 2 bytes$/,
    ],
  ];
  for (const [method, init, message] of refused) {
    const error = await rejection(
      transport.request(method, 'http://127.0.0.1:1/', init),
      LocalProtocolError,
    );
    t.match(error.message, message);
  }
});

t.test('a body of known length is announced, and one that is not as long is refused', async (t) => {
  await using server = await okServer();
  await using transport = new UndiciTransport(new Agent());
  const { body, rawHeaders } = await (
    await transport.request('POST', server.url, { body: new Blob(['abc']) })
  ).json<Echo>();
  t.equal(body, 'abc');
  t.match(rawHeaders.join(), /content-length,3/);
  for (const piece of ['ab', 'abcd']) {
    const content = {
      contentLength: 3,
      replayable: false,
      async *stream() {
        yield Buffer.from(piece);
      },
    };
    await rejection(transport.request('POST', server.url, { body: content }), LocalProtocolError);
  }
  const texts = {
    replayable: false,
    stream: async function* () {
      yield 'text' as never;
    },
  };
  const failed = await rejection(
    transport.request('POST', server.url, { body: texts }),
    LocalProtocolError,
  );
  t.match(failed.message, /cut off: a body whose stream gives something other than bytes$/);
});

t.test('the connection is kept after a small rest of a body was given up', async (t) => {
  await using server = await okServer((_, response) => response.end('x'.repeat(10_000)));
  await using transport = new UndiciTransport(new Agent({ connections: 1 }));
  for (let n = 0; n < 3; n++) {
    const response = await transport.stream('GET', server.url);
    await response.close();
    await response.close();
  }
  t.equal(server.connections, 1);
});

t.test('MockAgent and interceptors do their work', async (t) => {
  const agent = new MockAgent();
  agent.disableNetConnect();
  agent
    .get('http://h.test')
    .intercept({ path: '/a', method: 'POST', body: 'hi' })
    .reply(201, 'mocked', { headers: { 'x-a': '1' } });
  await using client = new Client({ transport: new UndiciTransport(agent) });
  const response = await client.post('http://h.test/a', { body: 'hi' });
  t.equal(response.status, 201);
  t.equal(response.headers.get('X-A'), '1');
  t.equal(await response.text(), 'mocked');
  agent.assertNoPendingInterceptors();

  await using server = await okServer((request, answer) => {
    if (request.url === '/from') answer.writeHead(302, { location: '/to' });
    answer.end(request.url);
  });
  const composed = new Pool(server.url).compose(interceptors.redirect({ maxRedirections: 1 }));
  await using transport = new UndiciTransport(composed);
  t.equal(await (await transport.request('GET', `${server.url}/from`)).text(), '/to');
});

t.test('errors of undici are errors of the tree', async (t) => {
  const server = await okServer();
  await server[Symbol.asyncDispose]();
  await using transport = new UndiciTransport(new Agent());
  const refused = await rejection(transport.request('GET', server.url), ConnectError);
  t.match(refused.cause, { code: 'ECONNREFUSED' });
  const agent = new Agent();
  await using gone = new UndiciTransport(agent);
  await agent.close();
  await rejection(gone.request('GET', server.url), ClosedError);
});

t.test('what is no response is a RemoteProtocolError', async (t) => {
  let destroyed = false;
  const body = {
    on: () => {},
    resume: () => {},
    destroy: () => (destroyed = true),
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
  };
  const strange = {
    request: async () => ({ statusCode: 7, headers: {}, trailers: {}, body }),
    close: async () => {},
  };
  await using transport = new UndiciTransport(strange);
  await rejection(transport.request('GET', 'http://h/'), RemoteProtocolError);
  t.ok(destroyed);
});

t.test('closing it closes the dispatcher, once', async (t) => {
  const agent = new Agent();
  const transport = new UndiciTransport(agent);
  t.equal(inspect(transport), '<UndiciTransport [Agent]>');
  await transport.close();
  await transport.close();
  t.ok(agent.closed);
  await rejection(transport.request('GET', 'http://h/'), ClosedError);
});

t.test('bad input is a TypeError that names it', async (t) => {
  for (const [dispatcher, got] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [{}, 'Object'],
    [{ request: 7 }, 'Object'],
    [() => {}, 'function'],
  ] as const) {
    t.throws(() => new UndiciTransport(dispatcher as never), {
      name: 'TypeError',
      message: `UndiciTransport: expected a dispatcher of undici's with request() and close(), got ${got}`,
    });
  }
  t.throws(() => new UndiciTransport(new Agent(), { timeouts: 1 } as never), {
    message: 'UndiciTransport: there is no option "timeouts"; did you mean timeout?',
  });
});
