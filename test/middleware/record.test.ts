import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { Client } from '../../src/client.ts';
import { ClosedError, ReadError } from '../../src/errors.ts';
import type { StoredInteraction } from '../../src/cassette/format.ts';
import { StreamContent } from '../../src/messages/content/stream.ts';
import { Headers } from '../../src/messages/headers.ts';
import { Response } from '../../src/messages/response.ts';
import { RecordMiddleware, type RecordOptions } from '../../src/middleware/record.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

function read(path: string): StoredInteraction[] {
  return (JSON.parse(readFileSync(path, 'utf8')) as { interactions: StoredInteraction[] })
    .interactions;
}

t.test('what passes is written when it is closed', async (t) => {
  await using server = await okServer((_, response) => {
    response.writeHead(201, {
      'content-type': 'application/json',
      'set-cookie': ['a=s1', 'b=s2'],
      date: 'now',
    });
    response.end('{"id":7,"access_token":"tok-12345678"}');
  });
  const path = join(t.testdir(), 'deep/er/one.json');
  const client = new Client({
    cookies: false,
    networkMiddleware: [RecordMiddleware.layer(path, { omit: ['Date', 'user-agent'] })],
  });
  const response = await client.post(`${server.url}/users?api_key=k-1&v=2`, {
    json: { name: 'Ada', password: 'hunter-22' },
    headers: { authorization: 'Bearer s3cr3t-s3cr3t' },
  });
  t.strictSame(
    await response.json(),
    { id: 7, access_token: 'tok-12345678' },
    'the caller gets all of it',
  );
  t.match(response.headers.getSetCookie(), ['a=s1', 'b=s2']);
  t.notOk(existsSync(path));
  await client.close();
  const text = readFileSync(path, 'utf8');
  for (const secret of ['k-1', 'hunter', 's3cr3t', 'tok-1', 's1']) t.notMatch(text, secret);
  t.strictSame(read(path), [
    {
      request: {
        method: 'POST',
        url: `${server.url}/users?api_key=REDACTED&v=2`,
        headers: {
          accept: '*/*',
          'accept-encoding': response.request.headers.get('accept-encoding'),
          authorization: 'Bearer REDACTED',
          'content-type': 'application/json',
        },
        body: { json: { name: 'Ada', password: 'REDACTED' } },
      },
      response: {
        status: 201,
        statusText: 'Created',
        headers: {
          'content-type': 'application/json',
          'set-cookie': ['a=REDACTED', 'b=REDACTED'],
          Connection: 'keep-alive',
          'Keep-Alive': 'timeout=5',
          'Transfer-Encoding': 'chunked',
        },
        body: { json: { id: 7, access_token: 'REDACTED' } },
      },
    },
  ]);
});

t.test('compressed bodies are stored as what they are', async (t) => {
  const zipped = gzipSync('{"a":1}');
  const answer = (): Response =>
    new Response(200, {
      headers: { 'Content-Encoding': 'gzip', 'content-length': String(zipped.length) },
      body: new StubSource(zipped),
    });
  const record = async (
    name: string,
    options: RecordOptions,
    response: Response,
  ): Promise<StoredInteraction> => {
    const path = join(t.testdir(), name);
    const recording = new RecordMiddleware(new StubTransport(() => response), path, options);
    await recording.request('GET', 'http://h/');
    await recording.close();
    return read(path)[0]!;
  };
  const plain = await record('plain.json', {}, answer());
  t.strictSame(plain.response, {
    status: 200,
    headers: { 'content-length': '7' },
    body: { json: { a: 1 } },
  });
  const raw = await record('raw.json', { decode: false }, answer());
  t.strictSame(raw.response?.body, { base64: zipped.toString('base64') });
  t.equal(raw.response?.headers['Content-Encoding'], 'gzip');
  for (const [coding, body] of [
    ['gzip', 'no gzip'],
    ['unknown', 'x'],
    ['constructor', 'x'],
    ['gzip', ''],
  ] as const) {
    const odd = new Response(200, {
      headers: { 'content-encoding': coding },
      body: new StubSource(body),
    });
    const stored = await record('odd.json', {}, odd);
    t.equal(stored.response?.headers['content-encoding'], coding, `${coding} ${body}`);
  }
  const decoded = new Response(200, {
    headers: { 'content-encoding': 'gzip' },
    body: StubSource.around(new StubSource(zipped), 'decoded further in'),
  });
  t.strictSame((await record('outer.json', {}, decoded)).response, {
    status: 200,
    headers: {},
    body: { text: 'decoded further in' },
  });
});

t.test('requests stand in the order in which they were sent', async (t) => {
  const path = join(t.testdir(), 'order.json');
  const first = deferred<Response>();
  const recording = new RecordMiddleware(
    new StubTransport(({ target }) => (target === '/slow' ? first.promise : new Response(204))),
    path,
  );
  const slow = recording.request('GET', 'http://h/slow');
  await recording.request('GET', 'http://h/fast');
  first.resolve(new Response(200));
  await slow;
  await recording.close();
  t.strictSame(
    read(path).map(({ request }) => request.url),
    ['http://h/slow', 'http://h/fast'],
  );
});

t.test('bodies are recorded as they pass, with what came behind them', async (t) => {
  const path = join(t.testdir(), 'stream.json');
  const source = new StubSource('one\n', 'two\n');
  source.trailers = new Headers({ 'x-sum': '7' });
  const sent: string[] = [];
  const stub = new StubTransport(async ({ content }) => {
    for await (const piece of content!.stream()) sent.push(Buffer.from(piece).toString());
    return new Response(200, { httpVersion: '2', body: source });
  });
  const recording = new RecordMiddleware(stub, path);
  const body = new StreamContent(
    (async function* () {
      yield 'up';
      yield 'load';
    })(),
  );
  const response = await recording.stream('POST', 'http://h/', { body });
  t.equal(source.pulls, 0, 'nothing is read ahead');
  const pieces: string[] = [];
  for await (const piece of response) {
    pieces.push(Buffer.from(piece).toString());
    piece.fill(0);
  }
  t.strictSame(pieces, ['one\n', 'two\n']);
  t.strictSame(sent, ['up', 'load']);
  t.equal(response.trailers?.get('x-sum'), '7');
  t.equal(response.request.content, body);
  await recording.close();
  const [stored] = read(path);
  t.strictSame(stored!.request.body, { text: 'upload' });
  t.strictSame(stored!.response, {
    status: 200,
    httpVersion: '2',
    headers: {},
    body: { text: ['one', 'two', ''] },
    trailers: { 'x-sum': '7' },
  });
});

t.test('what did not go well', async (t) => {
  const path = join(t.testdir(), 'bad.json');
  const controller = new AbortController();
  const stub = new StubTransport(async (request, place) => {
    if (place === 0)
      return new ReadError('broke: token 1234-5678', {
        request,
        phase: 'read',
        cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
      });
    if (place === 1) return new TypeError('not sent at all');
    if (place === 2) throw controller.signal.reason;
    if (place === 3)
      return new Response(200, {
        body: new StubSource('half', new ReadError('cut off', { request })),
      });
    if (place === 4) return stub.scoped(503, {}, 'unread');
    if (place === 5)
      return new Response(200, {
        body: Object.assign(new StubSource(), { pull: () => Promise.reject(null) }),
      });
    return new Response(101);
  });
  const recording = new RecordMiddleware(stub, path, { redact: { values: [/\d{4}-\d{4}/] } });
  await rejection(recording.request('GET', 'http://h/0?x=1'), ReadError);
  await rejection(recording.request('GET', 'http://h/1'), TypeError);
  controller.abort();
  await rejection(recording.request('GET', 'http://h/2', { signal: controller.signal }));
  await rejection(recording.request('GET', 'http://h/3'), ReadError);
  await (await recording.stream('GET', 'http://h/4')).close();
  t.equal(stub.bodies[0]?.cancels, 1);
  t.equal(await rejection(recording.request('GET', 'http://h/5')), null);
  await recording.stream('GET', 'http://h/6');
  await recording.close();
  t.strictSame(
    read(path).map(({ request, ...outcome }) => [request.url.at(-1), outcome]),
    [
      [
        '1',
        {
          error: {
            code: 'ERR_READ',
            message: 'broke: token REDACTED',
            phase: 'read',
            cause: { code: 'ECONNRESET', message: 'reset' },
          },
        },
      ],
      ['2', { unanswered: true }],
      [
        '3',
        {
          response: {
            status: 200,
            headers: {},
            body: { text: 'half' },
            error: { code: 'ERR_READ', message: 'cut off' },
          },
        },
      ],
      ['4', { response: { status: 503, headers: {}, cut: true } }],
      ['5', { response: { status: 200, headers: {}, cut: true } }],
    ],
    'bad input and what is no HTTP are left out',
  );
});

t.test('what a login answers is taken out of what follows', async (t) => {
  const path = join(t.testdir(), 'login.json');
  const stub = new StubTransport((request) =>
    request.method === 'POST'
      ? new Response(200, { json: { token: 'tok-00001' } })
      : new Response(200, {
          text: `echo ${request.headers.get('authorization')} ${request.target}`,
        }),
  );
  const recording = new RecordMiddleware(stub, path);
  await recording.request('POST', 'http://h/login');
  await recording.request('GET', 'http://h/sessions/tok-00001', {
    headers: { authorization: 'Bearer other-000002' },
  });
  await recording.close();
  const text = readFileSync(path, 'utf8');
  t.notMatch(text, 'tok-00001');
  t.notMatch(text, 'other-000002');
  t.equal(read(path)[1]?.request.url, 'http://h/sessions/REDACTED');
  t.strictSame(read(path)[1]?.response?.body, { text: 'echo Bearer REDACTED /sessions/REDACTED' });
});

t.test('requests that pass through, and what is discarded, are not recorded', async (t) => {
  const path = join(t.testdir(), 'none.json');
  const recording = new RecordMiddleware(new StubTransport(), path, {
    passThrough: ({ url }) => url.pathname === '/health',
  });
  t.equal((await recording.request('GET', 'http://h/health')).status, 200);
  await recording.request('GET', 'http://h/');
  t.equal(recording.toString(), `RecordMiddleware [${path}: 1] → StubTransport`);
  recording.discard();
  await recording.close();
  t.notOk(existsSync(path));
  await rejection(recording.request('GET', 'http://h/'), ClosedError);
});

t.test('a file that cannot be written is an error, and leaves nothing', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'taken.json');
  const stub = new StubTransport();
  const recording = new RecordMiddleware(stub, path);
  await recording.request('GET', 'http://h/');
  mkdirSync(path);
  await rejection(recording.close(), Error);
  t.strictSame(readdirSync(dir), ['taken.json']);
  t.equal(stub.closes, 1);
  t.throws(() => new RecordMiddleware(stub, path), { code: 'EISDIR' });
});

t.test('options that are none are refused', async (t) => {
  const bad: [options: object, message: RegExp][] = [
    [{ timings: true }, /RecordMiddleware: there is no option "timings"; did you mean timing\?/],
    [{ timing: 1 }, /RecordMiddleware: timing: expected true or false, got number/],
    [{ decode: 'x' }, /decode: expected true or false, got string/],
    [{ omit: 'date' }, /omit: expected a list of names/],
    [{ passThrough: true }, /passThrough: expected a function, got boolean/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new RecordMiddleware(new StubTransport(), 'x.json', options), {
      name: 'TypeError',
      message,
    });
  t.throws(() => new RecordMiddleware(new StubTransport(), ''), {
    message: /expected the path of a file, or its URL, got an empty string/,
  });
  t.throws(() => new RecordMiddleware(new StubTransport(), 1 as never), { message: /got number/ });
});
