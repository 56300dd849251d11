import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterUnion,
} from 'rate-limiter-flexible';
import t from 'tap';
import { DeadlineError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import type { Response } from '../../src/messages/response.ts';
import {
  FlexibleLimiter,
  ThrottleError,
  ThrottleMiddleware,
  type Limiter,
  type ThrottleOptions,
} from '../../src/middleware/throttle.ts';
import { turn } from '../support/clock.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

// The layer loads p-queue with its first request: here, so that the tests can count turns of the event loop.
await new ThrottleMiddleware(new StubTransport(), { concurrency: 1 }).request('GET', 'http://h/');

/** Answers when it is told to; notes who asked, and who has given back. */
class ScriptedLimiter implements Limiter {
  readonly asked: string[] = [];
  readonly given: string[] = [];
  readonly answers: Deferred<number>[] = [];

  take(key: string, request: Request): Promise<number> {
    this.asked.push(request.target.slice(1));
    t.equal(key, 'http://h.test');
    const answer = deferred<number>();
    this.answers.push(answer);
    return answer.promise;
  }

  give(_key: string, request: Request): void {
    this.given.push(request.target.slice(1));
    throw new Error('what it throws does not count');
  }

  async answer(place: number, delay: number): Promise<void> {
    this.answers[place]?.resolve(delay);
    await turn();
  }
}

function limited(
  limiter: Limiter,
  options: ThrottleOptions = {},
): {
  transport: StubTransport;
  layer: ThrottleMiddleware;
  send: (path: string, init?: RequestInit) => Promise<Response>;
} {
  const transport = new StubTransport();
  const layer = new ThrottleMiddleware(transport, { ...options, limiter });
  return {
    transport,
    layer,
    send(path, init) {
      const sending = layer.send(new Request('GET', `http://h.test/${path}`, init));
      sending.catch(() => {});
      return sending;
    },
  };
}

t.test('one request of a key asks at a time, and is sent when it is let through', async (t) => {
  const limiter = new ScriptedLimiter();
  const { transport, layer, send } = limited(limiter);
  const all = ['a', 'b', 'c'].map((path) => send(path));
  await turn();
  t.strictSame(limiter.asked, ['a']);
  t.match(layer.snapshot(), { running: 0, queued: 3 });
  await limiter.answer(0, 0);
  t.strictSame(limiter.asked, ['a', 'b']);
  t.equal((await all[0])?.status, 200);
  await limiter.answer(1, 0);
  await limiter.answer(2, 0);
  await Promise.all(all);
  t.equal(transport.requests.length, 3);
  t.strictSame(limiter.given, ['a', 'b', 'c']);
  t.match(layer.snapshot(), { running: 0, queued: 0 });
});

t.test('who is not let through asks again after as long as the limiter says', async (t) => {
  const limiter = new ScriptedLimiter();
  const { send } = limited(limiter);
  const first = send('a');
  void send('b');
  await turn();
  const asked = performance.now();
  await limiter.answer(0, 20);
  t.strictSame(limiter.asked, ['a'], 'and nobody asks meanwhile');
  while (limiter.asked.length === 1) await turn();
  t.ok(performance.now() - asked >= 19);
  t.strictSame(limiter.asked, ['a', 'a']);
  await limiter.answer(1, 0);
  const { queued } = (await first).extensions;
  t.ok(queued !== undefined && queued >= 19);
  t.strictSame(limiter.given, ['a']);
  await limiter.answer(2, 0);
});

t.test('those that wait for the limiter go by priority', async (t) => {
  const limiter = new ScriptedLimiter();
  const { send } = limited(limiter);
  for (const [path, priority] of [
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ] as const)
    void send(path, { throttle: { priority } });
  await turn();
  for (let place = 0; place < 3; place++) await limiter.answer(place, 0);
  t.strictSame(limiter.asked, ['a', 'c', 'b']);
});

t.test('who asks is aborted at once, and what it is given later goes back', async (t) => {
  const limiter = new ScriptedLimiter();
  const { transport, layer, send } = limited(limiter);
  const controller = new AbortController();
  const first = send('a', { signal: controller.signal });
  void send('b');
  await turn();
  const reason = new Error('no');
  controller.abort(reason);
  t.equal(await rejection(first), reason);
  await turn();
  t.strictSame(limiter.asked, ['a', 'b']);
  await limiter.answer(0, 0);
  t.strictSame(limiter.given, ['a']);
  await limiter.answer(1, 5);
  t.equal(transport.requests.length, 0);
  while (limiter.asked.length === 2) await turn();
  await layer.close();
  await limiter.answer(2, 0);
  t.strictSame(limiter.given, ['a', 'b'], 'of one that was refused by close, too');
});

t.test('the wait that a limiter asks for ends with the signal', async (t) => {
  const limiter = new ScriptedLimiter();
  const { send } = limited(limiter);
  const controller = new AbortController();
  const first = send('a', { signal: controller.signal });
  await turn();
  await limiter.answer(0, 1e12);
  controller.abort(new Error('no'));
  t.match(await rejection(first), { message: 'no' });
});

t.test('a wait beyond the deadline is not begun', async (t) => {
  const limiter = new ScriptedLimiter();
  const { layer, send } = limited(limiter);
  const first = send('a', { expiresAt: performance.now() + 5000 });
  await turn();
  await limiter.answer(0, 6000.2);
  const error = await rejection(first, DeadlineError);
  t.match(error.message, /the limiter asks to wait for 6001 ms/);
  t.match(layer.snapshot(), { running: 0, queued: 0 });
  const second = send('b', { expiresAt: performance.now() + 10 });
  await turn();
  await rejection(second, DeadlineError);
  t.strictSame(limiter.asked, ['a', 'b'], 'nor does it wait for a limiter that says nothing');
});

t.test('a limiter that fails, or refuses for ever, ends the request', async (t) => {
  const failure = new Error('the store is gone');
  const limiter: Limiter = { take: () => Promise.reject(failure) };
  const { send, layer } = limited(limiter);
  const error = await rejection(send('a?secret'), ThrottleError);
  t.equal(error.message, 'GET http://h.test/a: the limiter failed (throttle.limiter)');
  t.equal(error.cause, failure);
  const never = limited({ take: () => Infinity });
  t.match(await rejection(never.send('a'), ThrottleError), {
    message: /will never let it through/,
  });
  for (const wrong of [-1, Number.NaN, undefined, '5']) {
    const { send: sendWrong } = limited({ take: () => wrong as number });
    t.match(await rejection(sendWrong('a'), TypeError), { message: /expected take to give/ });
  }
  t.match(layer.snapshot(), { running: 0, queued: 0 });
});

t.test('concurrency and maxQueue hold beside a limiter', async (t) => {
  const limiter = new ScriptedLimiter();
  const { layer, send } = limited(limiter, { concurrency: 2, maxQueue: 2 });
  for (const path of ['a', 'b', 'c']) void send(path);
  await turn();
  t.match(layer.snapshot(), { running: 0, queued: 3 }, 'one asks, two wait');
  const error = await rejection(send('d'), ThrottleError);
  t.match(error, { queued: 2, running: 0 });
  t.match(error.message, 'is full: 2 requests wait, 0 are under way');
  await limiter.answer(0, 0);
  await limiter.answer(1, 0);
  await limiter.answer(2, 0);
  t.strictSame(limiter.given, ['a', 'b', 'c']);

  const patient = limited(new ScriptedLimiter(), { maxQueue: 0 });
  void patient.send('a');
  await rejection(patient.send('b'), ThrottleError);
});

t.test('limiters of rate-limiter-flexible say how long to wait', async (t) => {
  const points = (limit: number, keyPrefix: string): RateLimiterMemory =>
    new RateLimiterMemory({ points: limit, duration: 60, keyPrefix });
  const limiters = [
    points(1, 'one'),
    new RateLimiterUnion(points(2, 'two'), points(1, 'three')),
    new BurstyRateLimiter(points(0, 'rate'), points(1, 'burst')),
  ];
  for (const each of limiters) {
    const limiter = new FlexibleLimiter(each);
    t.equal(await limiter.take('k'), 0);
    const wait = await limiter.take('k');
    t.ok(wait > 50_000 && wait <= 60_000, String(wait));
    t.equal(await limiter.take('another'), 0);
  }
  const refusing = (refusal: unknown): FlexibleLimiter =>
    new FlexibleLimiter({ consume: () => Promise.reject(refusal) });
  t.equal(await refusing({ msBeforeNext: -1 }).take('k'), Infinity);
  t.equal(await refusing({ msBeforeNext: 0 }).take('k'), 1);
  const failure = new Error('gone');
  t.equal(await rejection(refusing(failure).take('k')), failure);
  t.equal(await rejection(refusing({ a: { msBeforeNext: 5 }, b: failure }).take('k')), failure);
  t.equal(await rejection(refusing('text').take('k')), 'text');
  t.throws(() => new FlexibleLimiter({} as never), TypeError);
});

/** A Redis of its own, at a socket in a directory of its own. */
async function startRedis(): Promise<{ path: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'strata-redis-'));
  const path = join(directory, 'redis.sock');
  const settings = ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory];
  const server = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(server.stdout))
    if (/ready to accept connections/i.test(line)) break;
  server.stdout.resume();
  return {
    path,
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'close');
      server.kill();
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

const redis = spawnSync('redis-server', ['--version']);
const skip = redis.error === undefined ? false : 'there is no redis-server';

t.test('two clients share one limit in Redis', { skip }, async (t) => {
  await using server = await startRedis();
  const stores = [new Redis({ path: server.path }), new Redis({ path: server.path })];
  const clients = stores.map((storeClient) =>
    limited(new FlexibleLimiter(new RateLimiterRedis({ storeClient, points: 3, duration: 1 }))),
  );
  const began: number[] = [];
  const note = (): void => void began.push(performance.now());
  const all = clients.flatMap(({ send }) =>
    Array.from({ length: 4 }, (_, i) => send(String(i)).then(note)),
  );
  await Promise.all(all);
  t.equal(began.length, 8, 'all are sent in the end');
  // Three at once, then what the next seconds allow: the window is of a second, whoever asks.
  const after = (place: number): number => (began[place] as number) - (began[0] as number);
  t.ok(after(2) < 900, `the first three do not wait: ${after(2)}`);
  t.ok(after(3) > 900, `the fourth waits for the next second: ${after(3)}`);
  t.ok(after(6) > 1900, `the seventh for the one after that: ${after(6)}`);
  for (const store of stores) await store.quit();

  const { send } = clients[0] as (typeof clients)[0];
  const error = await rejection(send('a'), ThrottleError);
  t.match(error.message, 'the limiter failed', 'a store that is gone lets nobody through');
});
