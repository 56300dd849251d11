import t from 'tap';
import { Client } from '../../src/client.ts';
import { ConnectError, ReadTimeoutError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { defaultPolicy, RetryMiddleware, type RetryOptions } from '../../src/middleware/retry.ts';
import { Budget } from '../../src/budget.ts';
import { delayAsked } from '../../src/middleware/retry/retry-after.ts';
import { Headers } from '../../src/messages/headers.ts';
import { Transport } from '../../src/transport.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { connection, ok, repeat, reply, ScriptServer } from '../support/script-server.ts';

assertNoLeaks(t);

type Answer = number | Error | ((request: Request) => Response);

/** Answers with what it is given, one after the other, and keeps what it was asked. */
class Scripted extends Transport {
  readonly requests: Request[] = [];
  readonly responses: Response[] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    super();
    this.#answers = answers;
  }

  async send(request: Request): Promise<Response> {
    this.requests.push(request);
    const answer = this.#answers[this.requests.length - 1] ?? 200;
    if (answer instanceof Error) throw answer;
    const response =
      typeof answer === 'number'
        ? new Response(answer, { text: `answer ${this.requests.length}` })
        : answer(request);
    this.responses.push(response);
    return response;
  }
}

const AT_ONCE = { backoff: { base: 0 } };
const request = new Request('GET', 'http://h.test/');
const broken = (): Error => new ConnectError('refused', { request });

function send(
  transport: Scripted,
  options: RetryOptions | false = AT_ONCE,
  init: RequestInit & { method?: string } = {},
): Promise<Response> {
  const { method = 'GET', ...rest } = init;
  return new RetryMiddleware(transport, options).send(new Request(method, 'http://h.test/', rest));
}

t.test('a passing status is followed by another try', async (t) => {
  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    const transport = new Scripted(status, 200);
    t.equal((await send(transport)).status, 200);
    t.equal(transport.requests.length, 2, String(status));
  }
});

t.test('any other status is final', async (t) => {
  for (const status of [200, 304, 400, 401, 403, 404, 409, 501, 505]) {
    const transport = new Scripted(status, 200);
    t.equal((await send(transport)).status, status);
    t.equal(transport.requests.length, 1);
  }
});

t.test(
  'there are three tries, the first included, and the last response is returned unread',
  async (t) => {
    const transport = new Scripted(503, 503, 503, 200);
    const response = await send(transport);
    t.equal(response.status, 503);
    t.equal(transport.requests.length, 3);
    t.equal(await response.text(), 'answer 3');
  },
);

t.test(
  'a connection that broke is followed by another try; the last error has those before it',
  async (t) => {
    const errors = [broken(), broken(), broken()];
    const transport = new Scripted(...errors);
    const error = await rejection(send(transport), ConnectError);
    t.equal(error, errors[2]);
    t.strictSame((error as ConnectError & { earlier: unknown }).earlier, errors.slice(0, 2));
    t.equal((await send(new Scripted(broken(), 200))).status, 200);
  },
);

t.test('a timeout is final, unless asked otherwise', async (t) => {
  const timeout = new ReadTimeoutError('silence', { request });
  await rejection(send(new Scripted(timeout, 200)), ReadTimeoutError);
  t.equal((await send(new Scripted(timeout, 200), { ...AT_ONCE, timeouts: true })).status, 200);
});

t.test('an error that is no failure of the network is final', async (t) => {
  const transport = new Scripted(new TypeError('no'), 200);
  await rejection(send(transport), TypeError);
  t.equal(transport.requests.length, 1);
});

t.test(
  'only methods that are idempotent are sent again, or those with an Idempotency-Key',
  async (t) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'QUERY']) {
      t.equal((await send(new Scripted(503, 200), AT_ONCE, { method })).status, 200, method);
    }
    for (const method of ['POST', 'PATCH', 'PURGE']) {
      t.equal((await send(new Scripted(503, 200), AT_ONCE, { method })).status, 503, method);
      const headers = { 'Idempotency-Key': 'k' };
      t.equal((await send(new Scripted(503, 200), AT_ONCE, { method, headers })).status, 200);
    }
  },
);

t.test('idempotencyKey: one key is made, and every try has it', async (t) => {
  const transport = new Scripted(503, 503, 200);
  await send(transport, { ...AT_ONCE, idempotencyKey: true }, { method: 'POST', json: {} });
  const keys = transport.requests.map((each) => each.headers.get('idempotency-key'));
  t.equal(keys.length, 3);
  t.equal(new Set(keys).size, 1);
  t.match(keys[0], /^[0-9a-f-]{36}$/);
});

t.test('a body that can be had once is never sent twice', async (t) => {
  const body = (async function* () {
    yield 'x';
  })();
  const transport = new Scripted(503, 200);
  t.equal((await send(transport, AT_ONCE, { method: 'PUT', body })).status, 503);
  t.equal(transport.requests.length, 1);
});

t.test('the response that is given up is closed', async (t) => {
  let closed = 0;
  const open = (): Response =>
    new Response(503, {
      body: {
        pull: async () => null,
        cancel: async () => void closed++,
        bytesReceived: 0,
        trailers: null,
      },
    });
  await send(new Scripted(open, open, 200));
  t.equal(closed, 2);
});

t.test('layers inside are told which try it is', async (t) => {
  const transport = new Scripted(503, 503, 200);
  await send(transport);
  t.strictSame(
    transport.requests.map((each) => each.extensions.attempt),
    [undefined, 2, 3],
  );
});

t.test('per request: off, or other options; and on where the layer is dormant', async (t) => {
  t.equal((await send(new Scripted(503, 200), AT_ONCE, { retry: false })).status, 503);
  t.equal((await send(new Scripted(503, 200), AT_ONCE, { retry: { attempts: 1 } })).status, 503);
  t.equal((await send(new Scripted(503, 200), false)).status, 503);
  t.equal((await send(new Scripted(503, 200), false, { retry: AT_ONCE })).status, 200);
});

t.test('Retry-After is kept to, and one beyond maxRetryAfter makes the answer final', async (t) => {
  const asks = (value: string) => (): Response =>
    new Response(503, { headers: { 'retry-after': value } });
  const started = performance.now();
  t.equal((await send(new Scripted(asks('0.05'), 200), AT_ONCE)).status, 200);
  t.ok(performance.now() - started >= 49);
  t.equal((await send(new Scripted(asks('61'), 200), AT_ONCE)).status, 503);
});

t.test('the wait that a server asks for is read in all its forms', (t) => {
  const now = Date.parse('Sat, 21 Nov 2026 10:00:00 GMT');
  const asked = (headers: Record<string, string>): number | null =>
    delayAsked(new Headers(headers), now);
  t.equal(asked({ 'retry-after': '7' }), 7000);
  t.equal(asked({ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }), 30_000);
  t.equal(asked({ 'retry-after': 'Sat, 21 Nov 2026 09:00:00 GMT' }), 0);
  t.equal(asked({ 'retry-after': 'soon' }), null);
  t.equal(asked({ 'retry-after': '-1' }), null);
  t.equal(asked({ 'retry-after-ms': '120', 'retry-after': '7' }), 120);
  t.equal(asked({ 'ratelimit-reset': '3' }), 3000);
  t.equal(asked({ 'x-ratelimit-reset': String(now / 1000 + 4) }), 4000);
  t.equal(asked({}), null);
  t.end();
});

t.test('the backoff grows from base to cap, with full jitter', (t) => {
  const policy = defaultPolicy({ backoff: { base: 100, cap: 1000 } });
  const outcome = { response: new Response(503) };
  for (const [attempt, most] of [
    [1, 100],
    [2, 200],
    [3, 400],
    [5, 1000],
    [40, 1000],
  ] as const) {
    const waits = Array.from({ length: 200 }, () => policy(attempt, request, outcome) as number);
    t.ok(waits.every((each) => each >= 0 && each <= most));
    t.ok(Math.max(...waits) > most * 0.8 && Math.min(...waits) < most * 0.2, `attempt ${attempt}`);
  }
  t.end();
});

t.test('a policy of your own decides, and can ask the default one', async (t) => {
  const fallback = defaultPolicy(AT_ONCE);
  const policy: RetryOptions['policy'] = (attempt, sent, outcome) =>
    outcome.response?.status === 404 ? 0 : fallback(attempt, sent, outcome);
  t.equal((await send(new Scripted(404, 503, 200), { policy })).status, 200);
});

t.test(
  'a policy that fails, or says nothing, ends the call, and its response is closed',
  async (t) => {
    const oops = new Error('oops');
    const policies: [policy: RetryOptions['policy'], type: RegExp][] = [
      [
        () => {
          throw oops;
        },
        /oops/,
      ],
      [
        () => undefined as never,
        /retry\.policy: expected milliseconds from 0, or 'stop', got undefined/,
      ],
      [() => -1, /got -1/],
    ];
    for (const [policy, message] of policies) {
      const body = new StubSource('busy');
      const transport = new Scripted(() => new Response(503, { body }), 200);
      t.match(await rejection(send(transport, { policy }), Error), { message });
      t.equal(body.cancels, 1);
    }
  },
);

t.test('retries add a fifth to the load at most, once the reserve is used up', async (t) => {
  const transport = new Scripted(...Array.from({ length: 500 }, () => 503));
  const retry = new RetryMiddleware(transport, { ...AT_ONCE, budget: { ratio: 0.2, reserve: 5 } });
  for (let i = 0; i < 100; i++) await retry.send(request);
  t.ok(transport.requests.length <= 100 + 20 + 5, `${transport.requests.length} sent`);
  const budget = new Budget('budget', { ratio: 0.5, reserve: 1 });
  t.ok(budget.withdraw());
  t.notOk(budget.withdraw());
  budget.deposit();
  budget.deposit();
  t.ok(budget.withdraw());
});

t.test('a wait ends with the signal, and with its reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const transport = new Scripted(() => {
    setImmediate(() => controller.abort(reason));
    return new Response(503, { headers: { 'retry-after': '30' } });
  });
  const error = await rejection(send(transport, {}, { signal: controller.signal }), Error);
  t.equal(error, reason);
});

t.test('a wait that the deadline would not survive is not begun', async (t) => {
  const expiresAt = performance.now() + 1000;
  const asks = (): Response => new Response(503, { headers: { 'retry-after': '2' } });
  t.equal((await send(new Scripted(asks, 200), {}, { expiresAt })).status, 503);
});

t.test('options that make no sense are a TypeError', async (t) => {
  const bad: RetryOptions[] = [
    { attempts: 0 },
    { attempts: 1.5 },
    { backoff: { base: -1 } },
    { policy: 3 as never },
    { budget: { ratio: -1 } },
  ];
  for (const options of bad)
    t.throws(() => new RetryMiddleware(new Scripted(), options), TypeError);
  await rejection(send(new Scripted(), AT_ONCE, { retry: { attempts: 0 } }), TypeError);
});

t.test('on real sockets: a 503, a connection that is reset, then 200', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy')),
    connection((wire) => wire.reset()),
    repeat(connection(repeat(reply(ok('done'))))),
  ]);
  await using client = new Client({ retry: AT_ONCE });
  t.equal(await (await client.get(server.url)).text(), 'done');
  t.match(String(client), /RedirectMiddleware → RetryMiddleware → CookieMiddleware/);
});
