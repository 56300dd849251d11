import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import t from 'tap';
import { print, type StoredInteraction, type StoredResponse } from '../../src/cassette/format.ts';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  ConnectError,
  DeadlineError,
  isRequestError,
  isTransportError,
  ReadError,
  ReadTimeoutError,
  WriteError,
} from '../../src/errors.ts';
import { Response } from '../../src/messages/response.ts';
import { ReplayError, ReplayTransport, type ReplayOptions } from '../../src/transports/replay.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const get = (url: string, response: Partial<StoredResponse> = {}): StoredInteraction => ({
  request: { method: 'GET', url, headers: {} },
  response: { status: 200, headers: {}, ...response },
});
const answering = (text: string): Partial<StoredResponse> => ({ body: { text } });

/** Replays a file of these. */
function replaying(
  t: { testdir(): string },
  interactions: readonly StoredInteraction[],
  options: ReplayOptions = {},
): ReplayTransport {
  const path = join(t.testdir(), 'cassette.json');
  writeFileSync(path, print(interactions));
  return new ReplayTransport(path, options);
}

t.test('an answer is what was recorded', async (t) => {
  const replay = replaying(t, [
    get('http://h/a', {
      status: 404,
      statusText: 'Nowhere',
      httpVersion: '2',
      headers: { 'X-A': '1', 'set-cookie': ['a=1', 'b=2'], 'content-length': '999' },
      body: { json: { edited: true } },
    }),
    get('http://h/bytes', { body: { base64: ['AP', '8='] } }),
    get('http://h/trailers', { ...answering('text'), trailers: { 'x-sum': '7' } }),
    {
      request: { method: 'HEAD', url: 'http://h/a', headers: {} },
      response: { status: 200, headers: { 'content-length': '999' } },
    },
  ]);
  const response = await replay.request('GET', 'http://h/a');
  t.equal(response.status, 404);
  t.equal(response.statusText, 'Nowhere');
  t.equal(response.httpVersion, '2');
  t.equal(response.headers.get('x-a'), '1');
  t.strictSame(response.headers.getSetCookie(), ['a=1', 'b=2']);
  t.equal(response.headers.get('content-length'), '15', 'the length of what is there');
  t.strictSame(await response.json(), { edited: true });
  t.equal(response.request.url.href, 'http://h/a');
  t.strictSame(
    await (await replay.request('GET', 'http://h/bytes')).bytes(),
    Uint8Array.of(0, 255),
  );
  const behind = await replay.stream('GET', 'http://h/trailers');
  t.equal(behind.trailers, null);
  t.equal(await behind.text(), 'text');
  t.equal(behind.trailers?.get('x-sum'), '7');
  t.equal((await replay.request('HEAD', 'http://h/a')).headers.get('content-length'), '999');
  replay.assertDone();
  t.equal(
    inspect(replay),
    `<ReplayTransport [${join(t.testdirName, 'cassette.json')}: 4 of 4 replayed]>`,
  );
  await replay.close();
  await rejection(replay.request('GET', 'http://h/a'), ClosedError);
});

t.test('the same request gets its answers in their order, each once', async (t) => {
  const recorded = [
    get('http://h/', answering('one')),
    get('http://h/x'),
    get('http://h/', answering('two')),
  ];
  const ask = async (replay: ReplayTransport): Promise<string> =>
    (await replay.request('GET', 'http://h/')).text();
  await using once = replaying(t, recorded);
  t.strictSame(await Promise.all([ask(once), ask(once)]), ['one', 'two'], 'at once, too');
  const error = await rejection(ask(once), ReplayError);
  t.equal(error.code, 'ERR_REPLAY');
  t.match(
    error.message,
    /^GET http:\/\/h\/: the cassette \S+cassette\.json has no answer: the same request, interactions\[0\] GET http:\/\/h\/, has been replayed already; the option repeat gives its answer again$/,
  );
  t.ok(isRequestError(error));
  t.notOk(isTransportError(error), 'nobody tries it again');
  await using again = replaying(t, recorded, { repeat: true });
  t.strictSame([await ask(again), await ask(again), await ask(again)], ['one', 'two', 'two']);
});

t.test('a request without an answer names the nearest one, and no secrets', async (t) => {
  await using replay = replaying(t, [
    get('http://other/'),
    {
      request: {
        method: 'POST',
        url: 'http://h/users?page=1&token=REDACTED',
        headers: {},
        body: { json: { user: { name: 'Ada' } } },
      },
      response: { status: 201, headers: {} },
    },
  ]);
  const error = await rejection(
    replay.request('POST', 'http://h/users?page=s3cret&token=t', {
      json: { user: { name: 'hidden' } },
    }),
    ReplayError,
  );
  t.match(
    error.message,
    /^POST http:\/\/h\/users: .* has no answer: the nearest, interactions\[1\] POST http:\/\/h\/users, differs in query \(page\) and body \(at user\.name\)$/,
  );
  t.notMatch(error.message, /s3cret|hidden/);
  t.throws(() => replay.assertDone(), {
    message:
      /^cassette \S+:\n {2}not asked for: interactions\[0\] GET http:\/\/other\/\n {2}not asked for: interactions\[1\] POST http:\/\/h\/users\n {2}no answer: POST http:\/\/h\/users; the nearest, /,
  });
  t.strictSame(replay.unused, [
    'interactions[0] GET http://other/',
    'interactions[1] POST http://h/users',
  ]);
  t.match(await rejection(replaying(t, []).request('GET', 'http://h/')), {
    message: /has no answer: it is empty$/,
  });
});

t.test('secrets make no difference, whether the file has them or not', async (t) => {
  const recorded: StoredInteraction = {
    request: {
      method: 'POST',
      url: 'http://h/?api_key=by-hand',
      headers: { authorization: 'Bearer by-hand' },
      body: { text: 'password=by-hand' },
    },
    response: { status: 200, headers: { 'set-cookie': 's=by-hand' } },
  };
  await using replay = replaying(t, [recorded], { match: ['url', 'header:authorization'] });
  const response = await replay.request('POST', 'http://h/?api_key=2', {
    headers: { authorization: 'Bearer 2' },
  });
  t.equal(response.headers.get('set-cookie'), 's=by-hand', 'an answer is given as it stands there');
});

t.test('bodies that are not in memory are read to be compared', async (t) => {
  const post: StoredInteraction = {
    ...get('http://h/'),
    request: { method: 'POST', url: 'http://h/', headers: {}, body: { text: 'ab' } },
  };
  await using replay = replaying(t, [post]);
  const body = async function* (): AsyncGenerator<string> {
    yield 'a';
    yield 'b';
  };
  t.equal((await replay.request('POST', 'http://h/', { body: body() })).status, 200);
  const failing = async function* (): AsyncGenerator<string> {
    yield 'a';
    throw new Error('gone');
  };
  await rejection(replay.request('POST', 'http://h/', { body: failing() }), WriteError);
});

t.test('errors come again', async (t) => {
  await using replay = replaying(t, [
    {
      request: { method: 'GET', url: 'http://h/refused', headers: {} },
      error: {
        code: 'ERR_CONNECT',
        message: 'no connection',
        phase: 'connect',
        cause: { code: 'ECONNREFUSED', message: 'refused' },
      },
    },
    get('http://h/half', {
      ...answering('half'),
      headers: { 'content-length': '9' },
      error: { code: 'ERR_READ', message: 'cut off' },
    }),
    get('http://h/closed', { ...answering('start'), cut: true }),
    {
      request: { method: 'GET', url: 'http://h/odd', headers: {} },
      error: { code: 'ERR_ODD', message: 'm' },
    },
  ]);
  const refused = await rejection(replay.request('GET', 'http://h/refused?'), ConnectError).catch(
    () => null,
  );
  t.ok(refused, 'an empty query is none');
  t.match(refused, {
    message: 'GET http://h/refused: no connection',
    phase: 'connect',
    cause: { code: 'ECONNREFUSED' },
  });
  const half = await replay.stream('GET', 'http://h/half');
  t.equal(half.headers.get('content-length'), '9');
  const seen: string[] = [];
  await rejection(
    (async () => {
      for await (const piece of half.iterText()) seen.push(piece);
    })(),
    ReadError,
  );
  t.strictSame(seen, ['half']);
  const closed = await replay.stream('GET', 'http://h/closed');
  t.match(await rejection(closed.text(), ReplayError), {
    message: /the recording of the body ends here/,
  });
  t.match(await rejection(replay.request('GET', 'http://h/odd'), TypeError), {
    message: /expected an error's code to be one of ERR_CONNECT, .*, got "ERR_ODD"/,
  });
});

t.test('where the caller gave up, it is for the caller to give up', async (t) => {
  const unanswered: StoredInteraction = {
    request: { method: 'GET', url: 'http://h/', headers: {} },
    unanswered: true,
  };
  await using replay = replaying(
    t,
    Array.from({ length: 4 }, () => unanswered),
  );
  const controller = new AbortController();
  const aborted = rejection(replay.request('GET', 'http://h/', { signal: controller.signal }));
  setImmediate(() => controller.abort('enough'));
  t.equal(await aborted, 'enough');
  await rejection(replay.request('GET', 'http://h/', { timeout: 5 }), ReadTimeoutError);
  const client = new Client({ transport: replay });
  await rejection(client.get('http://h/', { deadline: 5 }), DeadlineError);
  const open = rejection(replay.request('GET', 'http://h/', { timeout: null }), ClosedError);
  await client.close();
  await open;
});

t.test('with timing, pieces come when they came', async (t) => {
  const timing = {
    head: 30,
    pieces: [
      [0, 2],
      [30, 3],
    ],
  } as const;
  const recorded = [get('http://h/', { ...answering('onetwothree'), timing })];
  const ask = async (replay: ReplayTransport): Promise<[pieces: string[], ms: number]> => {
    const started = performance.now();
    const pieces: string[] = [];
    for await (const piece of await replay.stream('GET', 'http://h/'))
      pieces.push(Buffer.from(piece).toString());
    return [pieces, performance.now() - started];
  };
  await using slow = replaying(t, recorded, { timing: true });
  const [pieces, ms] = await ask(slow);
  t.strictSame(pieces, ['on', 'etwothree'], 'what does not fit comes last');
  t.ok(ms >= 55, `${ms} ms`);
  await using fast = replaying(t, recorded);
  t.strictSame((await ask(fast))[0], ['onetwothree']);
  await using bounded = replaying(t, recorded, { timing: true });
  await rejection(bounded.request('GET', 'http://h/', { timeout: 5 }), ReadTimeoutError);
});

t.test('requests that pass through go to the network in every mode', async (t) => {
  const network = new StubTransport(() => new Response(202));
  const options: ReplayOptions = {
    transport: network,
    passThrough: ({ url }) => url.hostname === 'local',
  };
  const replay = replaying(t, [], { ...options, strict: true });
  t.equal((await replay.request('GET', 'http://local/')).status, 202);
  await replay.close();
  t.equal(network.closes, 1);
  t.throws(() => new ReplayTransport('x.json', { passThrough: () => true }), {
    name: 'TypeError',
    message: 'ReplayTransport: transport: expected one, which passThrough needs, got undefined',
  });
});

t.test('with strict, closing tells what is missing', async (t) => {
  const replay = replaying(t, [get('http://h/1'), get('http://h/2')], { strict: true });
  await replay.request('GET', 'http://h/1');
  const closing = replay.close();
  t.match(await rejection(closing), {
    name: 'Error',
    message: /^cassette \S+:\n {2}not asked for: interactions\[1\] GET http:\/\/h\/2$/,
  });
  t.equal(replay.close(), closing);
  const failed = replaying(t, [get('http://h/1')], { strict: true });
  failed.discard();
  await failed.close();
});

t.test('without a file there is no answer, and it is said how to get one', async (t) => {
  const path = join(t.testdir(), 'none.json');
  await using replay = new ReplayTransport(pathToFileURL(path));
  const error = await rejection(replay.request('GET', 'http://h/'), ReplayError);
  t.equal(
    error.message,
    `GET http://h/: the cassette ${path} has no answer: there is no such file; the mode 'record' makes it`,
  );
  await replay.close();
  writeFileSync(path, '{}');
  t.throws(() => new ReplayTransport(path), {
    name: 'TypeError',
    message: `cassette ${path}: format: expected "strata-http cassette", got nothing`,
  });
});

t.test('a file with CRLF is the same file', async (t) => {
  const path = join(t.testdir(), 'windows.json');
  writeFileSync(
    path,
    print([get('http://h/', { body: { text: ['a', 'b'] } })]).replaceAll('\n', '\r\n'),
  );
  await using replay = new ReplayTransport(path, {
    mode: 'update',
    transport: new StubTransport(),
  });
  t.equal(await (await replay.request('GET', 'http://h/')).text(), 'a\nb');
  await replay.close();
  t.match(readFileSync(path, 'utf8'), '\r\n', 'nothing has changed, so nothing is written');
});

t.test('options that are none are refused', async (t) => {
  const bad: [options: object, message: RegExp][] = [
    [{ modes: 'auto' }, /ReplayTransport: there is no option "modes"; did you mean mode\?/],
    [{ mode: 'once' }, /ReplayTransport: mode: expected auto, record, replay, update, got "once"/],
    [{ mode: 'auto' }, /transport: expected one, which mode 'auto' needs, got undefined/],
    [{ transport: null }, /transport: expected one, got null/],
    [{ repeat: 1 }, /repeat: expected true or false, got number/],
    [{ strict: 'yes' }, /strict: expected true or false, got string/],
    [{ match: ['uri'] }, /match: expected /],
    [{ redact: { value: [] } }, /redact: there is no option "value"/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new ReplayTransport('x.json', options), { name: 'TypeError', message });
});
