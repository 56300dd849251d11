import { Writable } from 'node:stream';
import { pino } from 'pino';
import t from 'tap';
import { ReadTimeoutError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  LogMiddleware,
  type Logger,
  type LogLevel,
  type LogOptions,
  type LogRecord,
} from '../../src/middleware/log.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const URL = 'http://h.test/x?key=hunter2#hunter2';

type Line = LogRecord & { readonly level: LogLevel; readonly message: string };

/** A logger that keeps what it is given. */
function recording(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at = (level: LogLevel) => (record: LogRecord, message: string) =>
    void lines.push({ ...record, level, message });
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

async function linesOf(
  inner: StubTransport,
  options: Partial<LogOptions> = {},
  init: RequestInit = {},
): Promise<Line[]> {
  const { lines, logger } = recording();
  const layer = new LogMiddleware(inner, { logger, ...options });
  const response = await layer.send(new Request('GET', URL, init));
  await response.read();
  return lines;
}

const open = (status = 200): StubTransport => {
  const inner: StubTransport = new StubTransport(() =>
    inner.scoped(status, { 'set-cookie': 'a=hunter2', 'x-a': '1' }, 'abc', 'de'),
  );
  return inner;
};

/** What differs from run to run. */
function timed({ headMs, durationMs, ...line }: Line): object {
  for (const time of [headMs, durationMs])
    if (time !== undefined && !(Number.isInteger(time) && time >= 0 && time < 5000))
      throw new Error(`a time of ${time}`);
  return { ...line, message: line.message.replace(/\d+ ms/, 'N ms') };
}

t.test('a line when a request is sent, and one when its body has ended', async (t) => {
  const { lines, logger } = recording();
  const layer = new LogMiddleware(open(), { logger });
  const response = await layer.send(new Request('GET', URL));
  t.equal(lines.length, 1, 'the body is on its way still');
  t.equal(await response.text(), 'abcde');
  const about = { method: 'GET', url: 'http://h.test/x' };
  t.match(lines.map(timed), [
    { level: 'debug', event: 'request', ...about, message: 'GET http://h.test/x' },
    {
      level: 'info',
      event: 'response',
      ...about,
      status: 200,
      bytes: 5,
      message: 'GET http://h.test/x 200 in N ms',
    },
  ]);
  t.ok((lines[1]?.headMs ?? -1) <= (lines[1]?.durationMs ?? -2));
  t.notMatch(JSON.stringify(lines), /hunter2/);
});

t.test('a response that is in memory has its line at once', async (t) => {
  const { lines, logger } = recording();
  const inner = new StubTransport(() => new Response(200, { text: 'abc' }));
  await new LogMiddleware(inner, { logger }).send(new Request('GET', URL));
  t.match(lines[1], { status: 200, bytes: 3 });
});

t.test('a response that is closed early says so', async (t) => {
  const { lines, logger } = recording();
  const response = await new LogMiddleware(open(), { logger }).send(new Request('GET', URL));
  await response.close();
  await response.close();
  t.equal(lines.length, 2);
  t.match(lines[1], { event: 'response', closed: true, message: /closed early$/ });
});

t.test('a response that is read raw, or as lines, has its line too', async (t) => {
  for (const read of ['iterRaw', 'iterLines'] as const) {
    const { lines, logger } = recording();
    const wire = new StubSource('zzzz');
    const source = Object.assign(StubSource.around(wire, 'a'), {});
    const inner = new StubTransport(() => new Response(200, { body: source }));
    const response = await new LogMiddleware(inner, { logger }).send(new Request('GET', URL));
    for await (const piece of response[read]()) t.ok(piece.length > 0);
    t.match(lines.slice(1), [{ event: 'response', bytes: read === 'iterRaw' ? 4 : 0 }]);
  }
});

t.test(
  'a failure has its code, and its message where that is known to hold no secrets',
  async (t) => {
    const timeout = new ReadTimeoutError('silence', { request: new Request('GET', URL) });
    for (const [error, expected] of [
      [timeout, { code: 'ERR_READ_TIMEOUT', error: 'GET http://h.test/x: silence' }],
      [new RangeError('hunter2'), { error: 'RangeError' }],
      [Object.assign(new Error('hunter2'), { code: 'EPIPE' }), { code: 'EPIPE', error: 'Error' }],
    ] as const) {
      const { lines, logger } = recording();
      const layer = new LogMiddleware(new StubTransport(() => error), { logger });
      t.equal(await rejection(layer.send(new Request('GET', URL))), error);
      t.match(lines[1], { level: 'error', event: 'failure', method: 'GET', ...expected });
      t.type(lines[1]?.durationMs, 'number');
      t.notMatch(JSON.stringify(lines), /hunter2/);
    }
  },
);

t.test('an abort with what is no error is logged without it', async (t) => {
  const { lines, logger } = recording();
  const signal = AbortSignal.abort('hunter2');
  const inner = new StubTransport((request) => request.signal?.reason as never);
  inner.send = async (request) => {
    throw request.signal?.reason;
  };
  await rejection(new LogMiddleware(inner, { logger }).send(new Request('GET', URL, { signal })));
  t.match(lines[1], { event: 'failure', error: 'a string' });
});

t.test('a body that breaks is a failure', async (t) => {
  const { lines, logger } = recording();
  const timeout = new ReadTimeoutError('silence', { request: new Request('GET', URL) });
  const inner = new StubTransport(
    () => new Response(200, { body: new StubSource('abc', timeout) }),
  );
  const response = await new LogMiddleware(inner, { logger }).send(new Request('GET', URL));
  t.equal(await rejection(response.text()), timeout);
  t.equal(lines.length, 2);
  t.match(lines[1], { event: 'failure', status: 200, bytes: 3, code: 'ERR_READ_TIMEOUT' });
});

t.test('a status from 400 is a warning', async (t) => {
  const levels = await Promise.all(
    [200, 302, 400, 503].map(async (status) => (await linesOf(open(status)))[1]?.level),
  );
  t.strictSame(levels, ['info', 'info', 'warn', 'warn']);
});

t.test('level decides on each line; null: it is not written', async (t) => {
  const lines = await linesOf(open(503), {
    level: ({ event, status = 0 }) =>
      event === 'request' ? null : status > 500 ? 'error' : 'info',
  });
  t.match(lines, [{ event: 'response', level: 'error' }]);
  t.equal(lines.length, 1);
});

t.test('headers are logged where that is asked for, without credentials', async (t) => {
  const secrets = [
    'Authorization',
    'Proxy-Authorization',
    'Cookie',
    'X-Api-Key',
    'apikey',
    'X-Auth-User',
    'X-Csrf-Token',
    'X-Amz-Security-Token',
    'Client-Secret',
    'X-Goog-IAP-JWT-Assertion',
    'Ocp-Apim-Subscription-Key',
    'X-Own',
    'X-Other-1',
  ];
  const headers = {
    ...Object.fromEntries(secrets.map((name) => [name, 'hunter2'])),
    'Idempotency-Key': 'k1',
    Referer: 'http://h.test/page?code=hunter2',
    'X-Many': ['1', '2'],
  };
  const options = { headers: true, redact: ['x-own', /^x-other-\d$/g] };
  const lines = await linesOf(open(), options, { headers });
  t.notMatch(JSON.stringify(lines), /hunter2/);
  const { requestHeaders, responseHeaders } = lines[1] as Line;
  for (const name of secrets) t.equal(requestHeaders?.[name.toLowerCase()], 'REDACTED', name);
  t.match(requestHeaders, {
    'idempotency-key': 'k1',
    referer: 'http://h.test/page',
    'x-many': '1, 2',
  });
  t.same(responseHeaders, { 'set-cookie': 'REDACTED', 'x-a': '1' });
  t.match((await linesOf(open(), {}, { headers }))[1], { requestHeaders: undefined });
});

t.test('the place that a redirect leads to is logged without its query', async (t) => {
  const location = 'https://user:hunter2@h.test/back?code=hunter2';
  const inner = new StubTransport(() => new Response(302, { headers: { location } }));
  const lines = await linesOf(inner, { headers: true });
  t.equal(lines[1]?.responseHeaders?.['location'], 'https://h.test/back');
});

t.test('per request: log: false', async (t) => {
  const inner = open();
  t.same(await linesOf(inner, {}, { log: false }), []);
  t.equal((await linesOf(inner, {}, { log: true })).length, 2);
});

t.test('inside of retries it tells of every attempt', async (t) => {
  const { lines, logger } = recording();
  let sent = 0;
  const inner: StubTransport = new StubTransport(() => inner.scoped(++sent < 3 ? 503 : 200));
  const layer = new RetryMiddleware(new LogMiddleware(inner, { logger }), { backoff: { base: 0 } });
  await (await layer.send(new Request('GET', URL))).read();
  t.match(
    lines.filter(({ event }) => event === 'response'),
    [
      { status: 503, closed: true },
      { status: 503, closed: true, attempt: 2 },
      { status: 200, attempt: 3 },
    ],
  );
});

t.test('options that make no sense are a TypeError', async (t) => {
  const { logger } = recording();
  const bad: [unknown, RegExp][] = [
    [undefined, /log\.logger: expected an object with debug, info, warn, error; it has no debug/],
    [{ logger: { ...logger, warn: 1 } }, /it has no warn/],
    [{ logger, level: 'info' }, /log\.level: expected a function, got string/],
    [{ logger, headers: 1 }, /log\.headers: expected true or false, got number/],
    [{ logger, redact: 'x' }, /log\.redact: expected a list of names and patterns/],
    [{ logger, redact: [1] }, /log\.redact/],
  ];
  for (const [options, message] of bad) {
    t.throws(() => new LogMiddleware(open(), options as LogOptions), {
      name: 'TypeError',
      message,
    });
  }
});

t.test('pino takes it', async (t) => {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  await using server = await okServer((_, response) => response.end('hello'));
  await using pool = new ConnectionPool();
  const layer = new LogMiddleware(pool, {
    logger: pino({ level: 'debug' }, stream),
    headers: true,
  });
  await (await layer.send(new Request('GET', `${server.url}/a?b=c`))).text();
  const [sent, ended] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(sent, { level: 20, event: 'request', method: 'GET', msg: `GET ${server.url}/a` });
  t.match(ended, { level: 30, event: 'response', status: 200, bytes: 5, url: `${server.url}/a` });
});

t.test('the console takes it', async (t) => {
  const printed: unknown[][] = [];
  const { debug, info } = console;
  console.debug = (...values: unknown[]) => void printed.push(values);
  console.info = (...values: unknown[]) => void printed.push(values);
  try {
    const layer = new LogMiddleware(open(), { logger: console });
    await (await layer.send(new Request('GET', URL))).read();
  } finally {
    Object.assign(console, { debug, info });
  }
  t.match(printed, [
    [{ event: 'request' }, 'GET http://h.test/x'],
    [{ event: 'response', status: 200 }, /^GET http:\/\/h\.test\/x 200 in \d+ ms$/],
  ]);
});
