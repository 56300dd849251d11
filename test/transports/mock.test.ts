import { inspect } from 'node:util';
import t from 'tap';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  ConnectError,
  ReadTimeoutError,
  RequestError,
  StreamConsumedError,
  WriteError,
} from '../../src/errors.ts';
import { Response } from '../../src/messages/response.ts';
import { MockTransport, type MockAnswer } from '../../src/transports/mock.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

const text = (response: Response): Promise<string> => response.text();
const bodyOf = (mock: MockTransport, place: number): string =>
  Buffer.from(mock.requests[place]?.content?.bytes?.() ?? []).toString();

t.test('a response, a status, an error and a function answer every request', async (t) => {
  const fixed = new MockTransport(new Response(201, { text: 'hi', headers: { 'x-a': '1' } }));
  for (const path of ['/a', '/b']) {
    const response = await fixed.request('GET', `http://h${path}`);
    t.equal(response.status, 201);
    t.equal(await response.text(), 'hi');
    t.equal(response.url.pathname, path, 'each for its request');
  }
  t.equal((await new MockTransport(404).request('GET', 'http://h/')).status, 404);
  const failure = new Error('scripted');
  t.equal(await rejection(new MockTransport(failure).request('GET', 'http://h/')), failure);
  const handler = new MockTransport(({ url }) => new Response(200, { json: url.pathname }));
  t.equal(await (await handler.request('GET', 'http://h/p')).json(), '/p');
  const thrown = new MockTransport((request) => {
    throw new ConnectError('refused', { request });
  });
  await rejection(thrown.request('GET', 'http://h/'), ConnectError);
  const given = new MockTransport((request) => new ConnectError('refused', { request }));
  await rejection(given.request('GET', 'http://h/'), ConnectError);
  for (const mock of [fixed, handler]) mock.assertDone();
});

t.test('a list answers one request each, in order, and has to be used up', async (t) => {
  const mock = new MockTransport([503, new Error('broken'), () => 204]);
  t.equal((await mock.request('GET', 'http://h/')).status, 503);
  await rejection(mock.request('GET', 'http://h/'));
  t.throws(() => mock.assertDone(), {
    name: 'Error',
    message: 'not used: any request (2 of 3 answers used)',
  });
  t.equal((await mock.request('GET', 'http://h/')).status, 204);
  mock.assertDone();
  const refused = await rejection(mock.request('GET', 'http://h/x?q'), RequestError);
  t.equal(
    refused.message,
    'GET http://h/x: no answer is there for this request; the nearest, any request (3 of 3 answers used), is used up',
  );
  t.throws(() => mock.assertDone(), {
    message: /^not expected: GET http:\/\/h\/x\?q; the nearest, /,
  });
});

t.test('routes are matched by method, origin, path and query', async (t) => {
  const cases: [method: string, url: string | URL | RegExp, hits: string[], misses: string[]][] = [
    [
      'GET',
      '/a',
      ['GET http://h/a', 'GET https://i/a?q=1'],
      ['GET http://h/a/', 'POST http://h/a'],
    ],
    ['get', '/a', ['GET http://h/a'], ['HEAD http://h/a']],
    ['*', '/a', ['GET http://h/a', 'PURGE http://h/a'], ['GET http://h/b']],
    [
      'GET',
      'http://h/a',
      ['GET http://h/a'],
      ['GET http://i/a', 'GET https://h/a', 'GET http://h:8/a'],
    ],
    ['GET', new URL('http://h/a'), ['GET http://h/a'], ['GET http://i/a']],
    ['GET', 'https://h', ['GET https://h/', 'GET https://h/?q'], ['GET https://h/a']],
    ['GET', 'all://*.h.test/a', ['GET http://x.h.test/a'], ['GET http://h.test/a']],
    ['GET', '/a/*', ['GET http://h/a/', 'GET http://h/a/b/c'], ['GET http://h/a']],
    ['GET', '/a/:id/b', ['GET http://h/a/7/b'], ['GET http://h/a//b', 'GET http://h/a/7/8/b']],
    ['GET', '/a.b+c(1)', ['GET http://h/a.b+c(1)'], ['GET http://h/axb+c(1)']],
    [
      'GET',
      '/a?x=1&y=',
      ['GET http://h/a?y=&z&x=1', 'GET http://h/a?x=2&x=1&y'],
      ['GET http://h/a?x=1', 'GET http://h/a'],
    ],
    ['GET', '?x=1', ['GET http://h/?x=1'], ['GET http://h/a?x=1']],
    [
      'GET',
      /\/a\d+$/g,
      ['GET http://h/a1', 'GET http://h/a2', 'GET http://h/a3'],
      ['GET http://h/a1?q'],
    ],
  ];
  for (const [method, url, hits, misses] of cases) {
    const mock = new MockTransport(404).on(method, url, 200);
    for (const [line, status] of [
      ...hits.map((hit) => [hit, 200] as const),
      ...misses.map((miss) => [miss, 404] as const),
    ]) {
      const [verb = '', href = ''] = line.split(' ');
      t.equal((await mock.request(verb, href)).status, status, `${method} ${String(url)}: ${line}`);
    }
  }
});

t.test('what stands in the places of the names is handed over, decoded', async (t) => {
  const params = (_: unknown, given: object): Response => new Response(200, { json: given });
  const mock = new MockTransport()
    .on('GET', '/users/:id/notes/:note_2', params)
    .on('GET', /\/x\/(?<rest>.*)$/y, params)
    .on('GET', /\/y\/(?<rest>.*)$/, params);
  const given = async (path: string): Promise<unknown> =>
    (await mock.request('GET', `http://h${path}`)).json();
  t.strictSame(await given('/users/a%20b/notes/%ff'), { id: 'a b', note_2: '%ff' });
  t.strictSame(await given('/y/1/2'), { rest: '1/2' });
});

t.test(
  'the first route counts that has an answer left; the constructor is for the rest',
  async (t) => {
    const mock = new MockTransport(new Response(200, { text: 'rest' }))
      .expect(
        'GET',
        '/a',
        new Response(200, { text: 'once' }),
        new Response(200, { text: 'twice' }),
      )
      .on('GET', '/a', new Response(200, { text: 'standing' }))
      .on('GET', '/*', new Response(200, { text: 'never for /a' }));
    const answers: string[] = [];
    for (const path of ['/a', '/a', '/a', '/a', '/b'])
      answers.push(await text(await mock.request('GET', `http://h${path}`)));
    t.equal(await text(await mock.request('PUT', 'http://h/a')), 'rest');
    t.strictSame(answers, ['once', 'twice', 'standing', 'standing', 'never for /a']);
    mock.assertDone();
  },
);

t.test('what is expected and missing, and what was not expected, is listed', async (t) => {
  const mock = new MockTransport()
    .expect('GET', 'https://api.example.com/users/:id', 200, 404)
    .expect('DELETE', '/users/7')
    .on('POST', '/never', 201);
  await mock.request('GET', 'https://api.example.com/users/7');
  const refused = await rejection(
    mock.request('DELETE', 'https://api.example.com/users/8?t=1'),
    RequestError,
  );
  t.equal(
    refused.message,
    'DELETE https://api.example.com/users/8: no answer is there for this request; the nearest, GET https://api.example.com/users/:id (1 of 2 answers used), differs in its method',
  );
  await rejection(mock.request('PUT', 'http://h/'), RequestError);
  const error = t.throws(() => mock.assertDone()) as Error;
  t.strictSame(error.message.split('\n'), [
    'not used: GET https://api.example.com/users/:id (1 of 2 answers used)',
    'not used: DELETE /users/7 (0 of 1 answers used)',
    'not expected: DELETE https://api.example.com/users/8?t=1; the nearest, GET https://api.example.com/users/:id (1 of 2 answers used), differs in its method',
    'not expected: PUT http://h/; the nearest, DELETE /users/7 (0 of 1 answers used), differs in its method and path',
  ]);
  t.match(
    (await rejection(new MockTransport().request('GET', 'http://h/'), RequestError)).message,
    /: no answer is there for this request$/,
  );
});

t.test('a refusal is not sent again by the retry layer', async (t) => {
  const mock = new MockTransport();
  await using client = new Client({ transport: mock, retry: true });
  await rejection(client.get('http://h/'), RequestError);
  t.equal(mock.requests.length, 1);
});

t.test('the end of the scope asserts, and closing does not', async (t) => {
  const missing = async (): Promise<void> => {
    await using mock = new MockTransport([200]);
    await mock.close();
    await mock.close();
    await rejection(mock.request('GET', 'http://h/'), ClosedError);
  };
  t.match(await rejection(missing()), { message: 'not used: any request (0 of 1 answers used)' });
  await using mock = new MockTransport([200]);
  await using client = new Client({ transport: mock });
  await client.get('http://h/');
});

t.test('requests are recorded in order, with their bodies in memory', async (t) => {
  const mock = new MockTransport(200);
  async function* streamed(): AsyncGenerator<string> {
    yield 'from a ';
    yield 'stream';
  }
  const types = { 'content-type': 'text/x' };
  await mock.request('POST', 'http://h/1', { json: { a: 1 } });
  await mock.request('POST', 'http://h/2', { body: streamed(), headers: types });
  await mock.request('GET', 'http://h/3');
  t.strictSame(
    mock.requests.map(({ method, target }) => `${method} ${target}`),
    ['POST /1', 'POST /2', 'GET /3'],
  );
  t.strictSame(
    [bodyOf(mock, 0), bodyOf(mock, 1), bodyOf(mock, 2)],
    ['{"a":1}', 'from a stream', ''],
  );
  t.equal(mock.requests[1]?.headers.get('content-type'), 'text/x');
  t.equal(inspect(mock), '<MockTransport [3 requests]>');
});

t.test('a body that fails, or never comes, is no request', async (t) => {
  const mock = new MockTransport(200);
  const cause = new Error('gone');
  async function* failing(): AsyncGenerator<string> {
    yield 'a';
    throw cause;
  }
  const failed = await rejection(
    mock.request('POST', 'http://h/', { body: failing() }),
    WriteError,
  );
  t.equal(failed.cause, cause);
  const controller = new AbortController();
  let ended = false;
  const never: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        ended = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const aborted = mock.request('POST', 'http://h/', {
    body: { replayable: false, stream: () => never },
    signal: controller.signal,
  });
  controller.abort('enough');
  t.equal(await rejection(aborted), 'enough');
  t.ok(ended);
  t.strictSame(mock.requests, []);
});

t.test('HEAD is answered without the body, which is closed', async (t) => {
  const body = new StubSource('body');
  const headers = { 'content-length': '4' };
  const mock = new MockTransport([
    new Response(200, { body, headers }),
    new Response(200, { text: 'x' }),
  ]);
  const response = await mock.request('HEAD', 'http://h/');
  t.equal(await response.text(), '');
  t.equal(response.headers.get('content-length'), '4');
  t.equal(body.cancels, 1);
  t.equal(await text(await mock.request('HEAD', 'http://h/')), '');
});

t.test('a streamed response can be given once', async (t) => {
  async function* body(): AsyncGenerator<string> {
    yield 'once';
  }
  const mock = new MockTransport(new Response(200, { body: body() }));
  t.equal(await text(await mock.request('GET', 'http://h/')), 'once');
  await rejection(mock.request('GET', 'http://h/'), StreamConsumedError);
});

t.test('what comes too late is closed', async (t) => {
  let answer!: (response: Response) => void;
  let closed = false;
  const mock = new MockTransport(() => new Promise<Response>((resolve) => (answer = resolve)));
  const waiting = mock.request('GET', 'http://h/', { timeout: { read: 5 } });
  const error = await rejection(waiting, ReadTimeoutError);
  t.equal(error.message, 'GET http://h/: nothing received for 5 ms (read timeout)');
  const late = new Response(200, { text: 'late' });
  late.close = async () => {
    closed = true;
  };
  answer(late);
  await new Promise(setImmediate);
  t.ok(closed);
});

t.test('closing fails what is under way', async (t) => {
  const mock = new MockTransport(() => new Promise<Response>(() => {}));
  const waiting = rejection(mock.request('GET', 'http://h/'), ClosedError);
  await new Promise(setImmediate);
  await mock.close();
  t.equal((await waiting).message, 'the mock transport is closed');
});

t.test('bad input is a TypeError that names it', async (t) => {
  const answers: [unknown, string][] = [
    [null, 'null'],
    [[undefined], 'undefined'],
    [{ status: 200 }, 'an instance of Object'],
    ['ok', 'a string'],
    [[200, 99], '99'],
    [Object.create(null), 'an instance of no class'],
  ];
  for (const [answer, got] of answers) {
    t.throws(() => new MockTransport(answer as MockAnswer), {
      name: 'TypeError',
      message: `MockTransport: expected a Response, a status, an Error or a function that gives one, got ${got}`,
    });
  }
  const mock = new MockTransport((() => 'text') as unknown as MockAnswer);
  await t.rejects(mock.request('GET', 'http://h/'), {
    name: 'TypeError',
    message: /got a string$/,
  });
  t.throws(() => mock.on('GET', '/', null as never), { name: 'TypeError' });
  t.throws(() => mock.on('GE T', '/', 200), {
    message: 'MockTransport: expected a method or \'*\', got "GE T"',
  });
  t.throws(() => mock.on(7 as never, '/', 200), { message: /got number$/ });
  t.throws(() => mock.expect('GET', 'users'), {
    message: 'MockTransport: expected a URL, a path such as /users/:id, or a RegExp, got "users"',
  });
  t.throws(() => mock.expect('GET', 7 as never), { message: /got number$/ });
  t.throws(() => mock.on('GET', '/users/:id/:name/:id', 200), {
    name: 'TypeError',
    message: 'MockTransport: :id is twice in "/users/:id/:name/:id"',
  });
  t.throws(() => mock.expect('GET', 'all://a.*.b/'), { message: /^expected a pattern such as/ });
});
