import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../../src/client.ts';
import { ConnectError } from '../../src/errors.ts';
import { Response } from '../../src/messages/response.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { ReplayError, ReplayTransport, type ReplayOptions } from '../../src/transports/replay.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

// This suite may itself run in continuous integration.
const ci = process.env['CI'];
t.beforeEach(() => void delete process.env['CI']);
t.teardown(() => {
  if (ci !== undefined) process.env['CI'] = ci;
});

/** What is asked for, in the file. */
function urls(path: string): string[] {
  const file = JSON.parse(readFileSync(path, 'utf8')) as {
    interactions: { request: { url: string } }[];
  };
  return file.interactions.map(({ request }) => request.url);
}

/** Answers with what it is called, and how often it was asked. */
class Numbered extends StubTransport {
  constructor(name: string) {
    super((_, place) => new Response(200, { text: `${name} ${place + 1}` }));
  }
}

async function ask(replay: ReplayTransport, ...paths: string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const path of paths)
    answers.push(await (await replay.request('GET', `http://h/${path}`)).text());
  await replay.close();
  return answers;
}

t.test('recorded from a server, and replayed without it', async (t) => {
  const path = join(t.testdir(), 'users.json');
  /** What a program does with an API: a login, a redirect, JSON, and what goes wrong. */
  const visit = async (url: string, options: ReplayOptions): Promise<unknown[]> => {
    await using client = new Client({
      baseUrl: url,
      transport: new ReplayTransport(path, options),
      retry: { attempts: 2, backoff: { base: 1, cap: 1 } },
    });
    const login = await client.post('login', { form: { user: 'ada', password: 'pw-000001' } });
    const me = await client.get('me');
    const zipped = await client.get('zipped');
    const busy = await client.get('busy');
    const refused = await rejection(client.get('broken', { retry: false }));
    return [
      login.status,
      me.redirected,
      await me.json(),
      await zipped.text(),
      busy.status,
      (refused as { code?: string }).code,
    ];
  };
  let busy = 0;
  const server = await okServer(async (request, response) => {
    const { url, headers } = request;
    if (url === '/login')
      response.writeHead(204, { 'set-cookie': 'session=s-0000001; Path=/' }).end();
    else if (url === '/me') response.writeHead(302, { location: '/me/1' }).end();
    else if (url === '/me/1')
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ cookie: headers.cookie === 'session=s-0000001' }));
    else if (url === '/zipped') {
      const { gzipSync } = await import('node:zlib');
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('plain text'));
    } else if (url === '/busy') response.writeHead(busy++ === 0 ? 503 : 200).end('busy');
    else response.socket?.destroy();
  });
  const live = await visit(server.url, { mode: 'auto', transport: new ConnectionPool() });
  t.strictSame(live, [204, true, { cookie: true }, 'plain text', 200, live[5]]);
  t.match(live[5], /^ERR_/);
  await server[Symbol.asyncDispose]();
  await using gone = new Client();
  await rejection(gone.get(server.url), ConnectError);
  const text = readFileSync(path, 'utf8');
  t.notMatch(text, /s-0000001|pw-000001/);
  t.match(text, '"plain text"');
  t.strictSame(await visit(server.url, { strict: true }), live, 'the same, from the file');
});

t.test('auto records where there is no file, and replays where there is one', async (t) => {
  const path = join(t.testdir(), 'auto.json');
  const network = new Numbered('first');
  const first = new ReplayTransport(path, { mode: 'auto', transport: network });
  t.equal(first.mode, 'record');
  t.strictSame(await ask(first, 'a', 'a'), ['first 1', 'first 2']);
  t.equal(network.closes, 1);
  t.equal(first.toString(), `ReplayTransport [${path}: 2 recorded]`);
  const second = new ReplayTransport(path, { mode: 'auto', transport: new Numbered('second') });
  t.equal(second.mode, 'replay');
  t.strictSame(await ask(second, 'a', 'a'), ['first 1', 'first 2']);
  await rejection(
    ask(new ReplayTransport(path, { mode: 'auto', transport: new Numbered('x') }), 'b'),
    ReplayError,
  );
  t.strictSame(urls(path), ['http://h/a', 'http://h/a']);
});

t.test('auto does not record in continuous integration', async (t) => {
  t.teardown(() => delete process.env['CI']);
  const path = join(t.testdir(), 'ci.json');
  for (const value of ['true', '1', 'yes']) {
    process.env['CI'] = value;
    const network = new Numbered('network');
    const guarded = new ReplayTransport(path, { mode: 'auto', transport: network });
    const error = await rejection(ask(guarded, 'a'), ReplayError);
    t.match(
      error.message,
      /there is no such file, and where CI is set the mode 'auto' does not record$/,
    );
    await guarded.close();
    t.strictSame(network.requests, []);
    t.notOk(existsSync(path));
  }
  await ask(
    new ReplayTransport(path, { mode: 'record', transport: new Numbered('asked for') }),
    'a',
  );
  t.ok(existsSync(path));
  for (const value of ['', '0', 'false']) {
    process.env['CI'] = value;
    await using open = new ReplayTransport(join(t.testdirName, 'other.json'), {
      mode: 'auto',
      transport: new Numbered('x'),
    });
    t.equal(open.mode, 'record');
  }
});

t.test('record makes the file anew', async (t) => {
  const path = join(t.testdir(), 'record.json');
  await ask(
    new ReplayTransport(path, { mode: 'record', transport: new Numbered('old') }),
    'a',
    'b',
  );
  const again = new ReplayTransport(path, { mode: 'record', transport: new Numbered('new') });
  t.strictSame(await ask(again, 'b'), ['new 1']);
  t.strictSame(urls(path), ['http://h/b']);
});

t.test('recording the same twice gives the same file', async (t) => {
  const path = join(t.testdir(), 'same.json');
  const record = (): Promise<string[]> =>
    ask(new ReplayTransport(path, { mode: 'record', transport: new Numbered('x') }), 'a', 'b');
  await record();
  const { mtimeMs } = statSync(path);
  await record();
  t.equal(statSync(path).mtimeMs, mtimeMs, 'which is not even written');
});

t.test('update adds what is missing, and keeps what is there', async (t) => {
  const path = join(t.testdir(), 'update.json');
  await ask(
    new ReplayTransport(path, { mode: 'record', transport: new Numbered('old') }),
    'a',
    'b',
  );
  const network = new Numbered('new');
  const update = new ReplayTransport(path, { mode: 'update', transport: network });
  t.strictSame(await ask(update, 'b', 'c', 'b'), ['old 2', 'new 1', 'new 2']);
  t.equal(update.toString(), `ReplayTransport [${path}: 1 of 2 replayed, 2 recorded]`);
  t.strictSame(urls(path), ['http://h/a', 'http://h/b', 'http://h/c', 'http://h/b']);

  const strict = new ReplayTransport(path, {
    mode: 'update',
    strict: true,
    transport: new Numbered('x'),
  });
  await ask(strict, 'b', 'c');
  t.strictSame(
    urls(path),
    ['http://h/b', 'http://h/c'],
    'with strict, nothing that was not asked for',
  );
});

t.test('update sends a body that could be read once as it would have been sent', async (t) => {
  const path = join(t.testdir(), 'upload.json');
  await using server = await okServer();
  await using update = new ReplayTransport(path, {
    mode: 'update',
    transport: new ConnectionPool(),
  });
  const body = async function* (): AsyncGenerator<string> {
    yield 'up';
    yield 'load';
  };
  const echo = await (
    await update.request('POST', server.url, { body: body() })
  ).json<{ body: string; rawHeaders: string[] }>();
  t.equal(echo.body, 'upload');
  t.ok(echo.rawHeaders.includes('chunked'));
  const memory = await update.request('POST', server.url, { json: { a: 1 } });
  t.match(await memory.json(), { body: '{"a":1}' });
});

t.test('a recording that is discarded changes nothing', async (t) => {
  const path = join(t.testdir(), 'discarded.json');
  await ask(new ReplayTransport(path, { mode: 'record', transport: new Numbered('kept') }), 'a');
  for (const mode of ['record', 'update'] as const) {
    const replay = new ReplayTransport(path, { mode, transport: new Numbered('x') });
    await replay.request('GET', 'http://h/b');
    replay.discard();
    await replay.close();
  }
  t.strictSame(urls(path), ['http://h/a']);
});

t.test('timing is recorded where it is asked for', async (t) => {
  const path = join(t.testdir(), 'timing.json');
  await using server = await okServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('one');
    setTimeout(() => response.end('two'), 30);
  });
  const text = async (options: ReplayOptions): Promise<string> => {
    await using replay = new ReplayTransport(path, { timing: true, ...options });
    return await (await replay.request('GET', server.url)).text();
  };
  t.equal(await text({ mode: 'record', transport: new ConnectionPool() }), 'onetwo');
  const [, after] =
    /"pieces": \[\s*\[\d+, 3\],\s*\[(\d+), 3\]\s*\]/.exec(readFileSync(path, 'utf8')) ?? [];
  t.ok(Number(after) >= 20, `the second piece, ${after} ms later`);
  const started = performance.now();
  t.equal(await text({}), 'onetwo');
  t.ok(performance.now() - started >= 20);
});
