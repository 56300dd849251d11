import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { promisify } from 'node:util';
import PQueue from 'p-queue';
import t from 'tap';
import {
  ClosedError,
  ConnectError,
  DeadlineError,
  isTransportError,
  LocalProtocolError,
} from '../../src/errors.ts';
import { Headers } from '../../src/messages/headers.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  THROTTLE_CHOICE_NAMES,
  THROTTLE_OPTION_NAMES,
  ThrottleError,
  ThrottleMiddleware,
  type ThrottleChoice,
  type ThrottleOptions,
} from '../../src/middleware/throttle.ts';
import { Lanes } from '../../src/middleware/throttle/lanes.ts';
import { RankedQueue } from '../../src/middleware/throttle/ranked-queue.ts';
import { resolveSettings } from '../../src/middleware/throttle/settings.ts';
import { Transport } from '../../src/transport.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { turn } from '../support/clock.ts';
import { collect } from '../support/collect.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

// The layer loads p-queue with its first request: here, so that the tests can count turns of the event loop.
await new ThrottleMiddleware(new StubTransport(), { concurrency: 1 }).request('GET', 'http://h/');

/** Answers when it is told to, request by request. */
class Gated extends Transport {
  readonly requests: Request[] = [];
  readonly answers: Deferred<Response>[] = [];
  closes = 0;

  async send(request: Request): Promise<Response> {
    const answer = deferred<Response>();
    this.requests.push(request);
    this.answers.push(answer);
    return await answer.promise;
  }

  override async close(): Promise<void> {
    this.closes++;
  }

  /** The paths of what was sent, in order. */
  get log(): string {
    return this.requests.map(({ target }) => target.slice(1)).join(' ');
  }

  async answer(place: number, response: Response = new Response(200)): Promise<void> {
    this.answers[place]?.resolve(response);
    await turn();
  }
}

const request = (path: string, init: RequestInit = {}): Request =>
  new Request('GET', `http://h.test/${path}`, init);

/** A layer around a gate, and what is sent through it: `results` is what came of each, in order. */
function throttled(options: ThrottleOptions = { concurrency: 1 }): {
  gate: Gated;
  layer: ThrottleMiddleware;
  send: (path: string, init?: RequestInit) => Promise<Response>;
} {
  const gate = new Gated();
  const layer = new ThrottleMiddleware(gate, options);
  return {
    gate,
    layer,
    send(path, init) {
      const sending = layer.send(request(path, init));
      sending.catch(() => {});
      return sending;
    },
  };
}

t.test(
  'so many requests are under way at once, and the next one comes when one is over',
  async (t) => {
    const { gate, layer, send } = throttled({ concurrency: 2 });
    const all = ['a', 'b', 'c', 'd'].map((path) => send(path));
    await turn();
    t.equal(gate.log, 'a b');
    t.strictSame(layer.snapshot(), {
      running: 2,
      queued: 2,
      keys: [{ key: 'http://h.test', running: 2, queued: 2 }],
    });
    t.equal(String(layer), 'ThrottleMiddleware [2 running, 2 queued] → Gated');
    await gate.answer(1);
    t.equal(gate.log, 'a b c');
    await gate.answer(0);
    await gate.answer(2);
    await gate.answer(3);
    t.equal((await Promise.all(all)).length, 4);
    t.strictSame(layer.snapshot(), { running: 0, queued: 0, keys: [] });
  },
);

t.test('a request that fails makes way for the next one', async (t) => {
  const { gate, send } = throttled();
  const first = send('a');
  void send('b');
  await turn();
  const refused = new ConnectError('refused', { request: request('a') });
  gate.answers[0]?.reject(refused);
  t.equal(await rejection(first), refused);
  await turn();
  t.equal(gate.log, 'a b');
});

t.test('each origin has a queue of its own', async (t) => {
  const { gate, layer } = throttled();
  for (const url of ['http://a.test/1', 'http://a.test/2', 'http://b.test/3'])
    void layer.send(new Request('GET', url));
  await turn();
  t.equal(gate.log, '1 3');
  t.strictSame(layer.snapshot().keys, [
    { key: 'http://a.test', running: 1, queued: 1 },
    { key: 'http://b.test', running: 1, queued: 0 },
  ]);
});

t.test('a key says what is limited together, and a request can bring its own', async (t) => {
  const key = ({ headers }: Request): string => headers.get('x-tenant') ?? 'none';
  const { gate, send } = throttled({ concurrency: 1, key });
  void send('a', { headers: { 'x-tenant': 'one' } });
  void send('b', { headers: { 'x-tenant': 'one' } });
  void send('c', { headers: { 'x-tenant': 'two' } });
  void send('d', { throttle: { key: 'one' } });
  void send('e', { throttle: { key: 'three' } });
  await turn();
  t.equal(gate.log, 'a c e');
});

t.test('throttle: false is sent at once, and counts for nothing', async (t) => {
  const { gate, layer, send } = throttled();
  void send('a');
  void send('b');
  void send('c', { throttle: false });
  t.equal(gate.log, 'c');
  await turn();
  t.equal(gate.log, 'c a');
  t.equal(layer.snapshot().running, 1);
});

t.test('a higher priority goes first, those of the same one in the order of arrival', async (t) => {
  const { gate, send } = throttled({ concurrency: 1, aging: null });
  const priorities: [string, number | undefined][] = [
    ['first', undefined],
    ['a', undefined],
    ['b', 1],
    ['c', -1],
    ['d', 1],
    ['e', 0],
    ['f', 0.5],
  ];
  for (const [path, priority] of priorities) void send(path, { throttle: { priority } });
  for (let place = 0; place < priorities.length; place++) {
    await turn();
    await gate.answer(place);
  }
  t.equal(gate.log, 'first b d f a e c');
});

t.test('a step of priority is worth so much waiting, and no more: nobody starves', async (t) => {
  const { gate, send } = throttled({ concurrency: 1, aging: 5 });
  void send('first');
  await turn();
  void send('patient');
  const came = performance.now();
  while (performance.now() - came < 6) await turn();
  void send('important', { throttle: { priority: 1 } });
  void send('urgent', { throttle: { priority: 1000 } });
  for (let place = 0; place < 4; place++) {
    await turn();
    await gate.answer(place);
  }
  t.equal(gate.log, 'first urgent patient important');
});

t.test('a request counts until its body has been read, or closed, or has failed', async (t) => {
  const ends: [string, (response: Response) => Promise<unknown>][] = [
    ['read', (response) => response.text()],
    ['iterated', (response) => collect(response)],
    ['closed', (response) => response.close()],
    ['disposed', async (response) => await response[Symbol.asyncDispose]()],
    [
      'left early',
      async (response) => {
        for await (const piece of response) return piece;
        return null;
      },
    ],
  ];
  for (const [name, end] of ends) {
    const { gate, layer, send } = throttled();
    const first = send('a');
    void send('b');
    await turn();
    await gate.answer(0, new Response(200, { body: new StubSource('one', 'two') }));
    const response = await first;
    await turn();
    t.equal(gate.log, 'a', `${name}: not before`);
    await end(response);
    await turn();
    t.equal(gate.log, 'a b', name);
    t.equal(layer.snapshot().running, 1);
  }
  const { gate, send } = throttled();
  const first = send('a');
  void send('b');
  await turn();
  const broken = new ConnectError('broke', { request: request('a') });
  await gate.answer(0, new Response(200, { body: new StubSource('one', broken) }));
  t.equal(await rejection((await first).text()), broken);
  await turn();
  t.equal(gate.log, 'a b', 'failed');
});

t.test("hold: 'head' counts it until the head is there", async (t) => {
  const { gate, send } = throttled({ concurrency: 1, hold: 'head' });
  const first = send('a');
  void send('b');
  await turn();
  await gate.answer(0, new Response(200, { body: new StubSource('one') }));
  t.equal(gate.log, 'a b');
  t.equal(await (await first).text(), 'one');
});

t.test('a body that is whole already makes way at once, and is handed on whole', async (t) => {
  const { gate, send } = throttled();
  const first = send('a');
  void send('b');
  await turn();
  await gate.answer(0, new Response(200, { text: 'whole' }));
  t.equal(gate.log, 'a b');
  t.ok((await first).isRead);
});

t.test('the body is handed on with all that its source can do', async (t) => {
  const wire = new StubSource('wire');
  const source = StubSource.around(wire, 'decoded');
  const { gate, layer, send } = throttled();
  const first = send('a');
  await turn();
  await gate.answer(0, new Response(200, { body: source }));
  const response = await first;
  t.equal(new TextDecoder().decode((await response.iterRaw().next()).value), 'wire');
  t.equal(response.bytesDownloaded, 4);
  t.equal(layer.snapshot().running, 1);
  await response.close();

  let taken = 0;
  const whole = Object.assign(new StubSource(), {
    trailers: new Headers({ 'x-sum': '1' }),
    rest: async () => {
      taken++;
      return new Uint8Array(3);
    },
    upgrade: () => 'the connection',
  });
  const second = send('b');
  await turn();
  await gate.answer(1, new Response(200, { body: whole as never }));
  t.equal((await (await second).bytes()).byteLength, 3);
  t.equal((await second).trailers?.get('x-sum'), '1');
  t.equal(taken, 1, 'rest');
  const third = send('c');
  await turn();
  await gate.answer(2, new Response(101, { body: whole as never }));
  t.equal((await third).upgrade(), 'the connection');
  await turn();
  t.equal(layer.snapshot().running, 0, 'a connection that is handed over is no request');
  const fourth = send('d');
  await turn();
  await gate.answer(3, new Response(200, { body: new StubSource('x') }));
  const plain = await fourth;
  t.throws(() => plain.upgrade(), TypeError, 'no connection where none was handed over');
  await plain.close();
});

t.test('the response says how long its request waited', async (t) => {
  const { gate, send } = throttled();
  const first = send('a');
  const second = send('b');
  await turn();
  const came = performance.now();
  while (performance.now() - came < 3) await turn();
  await gate.answer(0);
  await gate.answer(1, new Response(200, { extensions: { timings: undefined } }));
  const { queued } = (await second).extensions;
  t.ok(queued !== undefined && queued >= 3 && queued < 10_000, String(queued));
  t.ok(((await first).extensions.queued ?? Infinity) < (queued ?? 0));
});

t.test(
  'who is aborted leaves the queue at once, with the reason, and takes no place',
  async (t) => {
    const { gate, layer, send } = throttled();
    void send('a');
    const controller = new AbortController();
    const second = send('b', { signal: controller.signal });
    void send('c');
    await turn();
    const reason = new Error('not wanted any more');
    controller.abort(reason);
    t.equal(await rejection(second), reason);
    t.equal(layer.snapshot().queued, 1);
    await gate.answer(0);
    t.equal(gate.log, 'a c');
    t.equal(await rejection(send('d', { signal: controller.signal })), reason, 'aborted before');
    t.equal(gate.log, 'a c');
  },
);

t.test('a signal that many wait with is no cause for a warning, and is let go of', async (t) => {
  const { gate, layer, send } = throttled();
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  void send('first');
  const all = Array.from({ length: 50 }, (_, i) => send(String(i), { signal }));
  await turn();
  t.equal(listeners(), 1);
  await gate.answer(0);
  controller.abort(new Error('all'));
  for (const each of all.slice(1)) t.match(await rejection(each), { message: 'all' });
  t.equal(layer.snapshot().queued, 0);
  t.equal(listeners(), 0);
});

t.test('who waits beyond its deadline leaves with a DeadlineError', async (t) => {
  const { gate, layer, send } = throttled();
  void send('a');
  const expiresAt = performance.now() + 15;
  const error = await rejection(send('b?secret', { expiresAt }), DeadlineError);
  t.ok(performance.now() >= expiresAt);
  t.equal(error.message, 'GET http://h.test/b: not done by its deadline');
  t.equal(error.phase, 'pool', 'nothing has been sent');
  t.equal(layer.snapshot().queued, 0);
  await gate.answer(0);
  t.equal(gate.log, 'a');
});

t.test('where the queue is full, a request is refused, which says how full', async (t) => {
  const { gate, layer, send } = throttled({ concurrency: 1, maxQueue: 2 });
  const waiting = ['a', 'b', 'c'].map((path) => send(path));
  const error = await rejection(send('d?token=secret'), ThrottleError);
  t.equal(
    error.message,
    'GET http://h.test/d: the queue of http://h.test is full: 2 requests wait, 1 are under way (throttle.maxQueue)',
  );
  t.match(error, { code: 'ERR_THROTTLE', key: 'http://h.test', queued: 2, running: 1 });
  t.ok(isTransportError(error));
  t.strictSame(layer.snapshot().queued, 2);
  await gate.answer(0);
  const next = send('e');
  await turn();
  await gate.answer(1);
  await gate.answer(2);
  await gate.answer(3);
  await Promise.all([...waiting, next]);
  t.equal(gate.log, 'a b c e');
});

t.test('a key of your own is in no message, and not shown', async (t) => {
  const { send } = throttled({ concurrency: 1, maxQueue: 0, key: () => 'secret token' });
  void send('a');
  const error = await rejection(send('b'), ThrottleError);
  t.match(error.message, /the queue of its key is full: 0 requests wait, 1 are under way/);
  t.equal(error.key, 'secret token');
  t.notMatch(JSON.stringify(error), 'secret');
});

t.test('with maxQueue 0 nobody waits, and whoever has a place is sent', async (t) => {
  const { gate, send } = throttled({ concurrency: 2, maxQueue: 0 });
  void send('a');
  void send('b');
  await rejection(send('c'), ThrottleError);
  t.equal(gate.log, 'a b');
  await gate.answer(0);
  void send('d');
  await turn();
  t.equal(gate.log, 'a b d');
});

t.test('after close, those that wait are refused, those under way end', async (t) => {
  const { gate, layer, send } = throttled();
  const [first, ...waiting] = ['a', 'b', 'c'].map((path) => send(path));
  await turn();
  const closing = layer.close();
  for (const each of waiting) await rejection(each, ClosedError);
  const error = await rejection(send('d?secret'), ClosedError);
  t.equal(error.message, '<Request [GET http://h.test/d]>: the throttle is closed');
  await gate.answer(0);
  t.equal((await first)?.status, 200);
  t.equal(gate.log, 'a');
  await closing;
  await layer.close();
  t.equal(gate.closes, 2, 'what it wraps is closed with it');
});

t.test('a request that comes after close is refused, and not sent', async (t) => {
  const { gate, layer, send } = throttled();
  await layer.close();
  await rejection(send('a'), ClosedError);
  t.equal(gate.log, '');
});

t.test('keys that nobody uses are forgotten', async (t) => {
  const settings = resolveSettings({ concurrency: 1 });
  const lanes = new Lanes(settings, PQueue);
  const count = (): number => Array.from(lanes).length;
  const enter = (key: string): Promise<() => void> => lanes.get(key).enter(request(''), 0, null);
  const leaving = await Promise.all(Array.from({ length: 1000 }, (_, i) => enter(String(i))));
  t.equal(count(), 1000);
  t.equal(lanes.get('7'), lanes.get('7'));
  for (const leave of leaving) leave();
  await turn();
  t.equal(count(), 0);
  const [leave, next] = [await enter('a'), lanes.get('a')];
  leave();
  t.equal(lanes.get('a'), next, 'not while somebody may still be in it');
  await turn();
  t.equal(count(), 0);
});

t.test('each request is sent in the async context of its caller', async (t) => {
  const context = new AsyncLocalStorage<string>();
  const seen: [string, string | undefined][] = [];
  const transport = new StubTransport(async ({ target }) => {
    seen.push([target, context.getStore()]);
    await turn();
    return undefined;
  });
  const layer = new ThrottleMiddleware(transport, { concurrency: 1 });
  await Promise.all(
    ['a', 'b', 'c'].map((path) => context.run(`/${path}`, () => layer.send(request(path)))),
  );
  t.strictSame(seen, [
    ['/a', '/a'],
    ['/b', '/b'],
    ['/c', '/c'],
  ]);
});

t.test('what the key throws, or a bad choice, ends the request and nothing else', async (t) => {
  const failure = new LocalProtocolError('no', { request: request('') });
  const broken = throttled({
    concurrency: 1,
    key: () => {
      throw failure;
    },
  });
  t.equal(await rejection(broken.send('a')), failure);
  const { send } = throttled({ concurrency: 1, key: () => 7 as never });
  t.match(await rejection(send('a'), TypeError), {
    message: /throttle\.key: expected a string, got number/,
  });
  for (const [choice, message] of [
    [{ priority: Number.NaN }, /throttle\.priority: expected a finite number, got NaN/],
    [{ priority: '1' }, /throttle\.priority: expected a finite number, got 1/],
    [{ key: 1 }, /throttle\.key: expected a string, got number/],
    [null, /throttle: expected \{ priority, key \} or false for a request, got null/],
    [true, /throttle: expected \{ priority, key \} or false for a request, got true/],
  ] as const) {
    const error = await rejection(throttled().send('a', { throttle: choice as never }), TypeError);
    t.match(error.message, message);
  }
});

t.test('an option that is not what it has to be is a TypeError that says so', (t) => {
  const next = new StubTransport();
  const bad: [ThrottleOptions, RegExp][] = [
    [{}, /throttle: expected something that limits/],
    [{ maxQueue: 5 }, /throttle: expected something that limits/],
    [null as never, /throttle: expected an object of options, got null/],
    [{ concurrency: 0 }, /throttle\.concurrency: expected a whole number from 1, got 0/],
    [{ concurrency: 1.5 }, /throttle\.concurrency: expected a whole number from 1, got 1\.5/],
    [{ concurrency: '3' as never }, /throttle\.concurrency/],
    [{ interval: 100 }, /expected interval and intervalCap together, got interval alone/],
    [{ intervalCap: 3 }, /expected interval and intervalCap together, got intervalCap alone/],
    [{ interval: 0, intervalCap: 1 }, /throttle\.interval: expected milliseconds above 0/],
    [
      { interval: 2 ** 31, intervalCap: 1 },
      /throttle\.interval: expected milliseconds above 0 and/,
    ],
    [{ interval: 1, intervalCap: 0 }, /throttle\.intervalCap: expected a whole number from 1/],
    [
      { concurrency: 1, maxQueue: -1 },
      /throttle\.maxQueue: expected a whole number from 0, got -1/,
    ],
    [
      { concurrency: 1, hold: 'tail' as never },
      /throttle\.hold: expected 'body' or 'head', got tail/,
    ],
    [{ concurrency: 1, aging: 0 }, /throttle\.aging: expected milliseconds above 0/],
    [{ concurrency: 1, key: 'x' as never }, /throttle\.key: expected a function, got string/],
    [{ limiter: {} as never }, /throttle\.limiter: expected an object with a method take/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new ThrottleMiddleware(next, options), { name: 'TypeError', message });
  t.doesNotThrow(() => new ThrottleMiddleware(next, { concurrency: 1, maxQueue: null }));
  const options: Record<keyof ThrottleOptions, true> = {
    concurrency: true,
    interval: true,
    intervalCap: true,
    limiter: true,
    maxQueue: true,
    key: true,
    hold: true,
    aging: true,
  };
  t.strictSame(THROTTLE_OPTION_NAMES, Object.keys(options));
  const choices: Record<keyof ThrottleChoice, true> = { priority: true, key: true };
  t.strictSame(THROTTLE_CHOICE_NAMES, Object.keys(choices));
  t.end();
});

t.test('over sockets: no more connections than places, also while bodies are read', async (t) => {
  let open = 0;
  let most = 0;
  await using server = await okServer(async (_request, response) => {
    most = Math.max(most, ++open);
    response.write('x'.repeat(100_000));
    await turn();
    open--;
    response.end('y');
  });
  await using layer = new ThrottleMiddleware(new ConnectionPool(), { concurrency: 3 });
  const bodies = await Promise.all(
    Array.from({ length: 20 }, () => layer.request('GET', server.url)),
  );
  t.ok(bodies.every((response) => response.isRead));
  t.ok(most <= 3, `at most 3: ${most}`);
  t.equal(server.connections, 3);
});

t.test('a response that is dropped gives its place back when it is garbage', async (t) => {
  const program = `
    import { ThrottleMiddleware } from ${JSON.stringify(new URL('../../src/middleware/throttle.js', import.meta.url))};
    import { Request } from ${JSON.stringify(new URL('../../src/messages/request.js', import.meta.url))};
    import { Response } from ${JSON.stringify(new URL('../../src/messages/response.js', import.meta.url))};
    const next = {
      async send() {
        let left = 2;
        return new Response(200, { body: {
          pull: async () => left-- > 0 ? new Uint8Array(1) : null,
          cancel: async () => {}, bytesReceived: 0, trailers: null,
        } });
      },
      async close() {},
    };
    const { signal } = new AbortController();
    const layer = new ThrottleMiddleware(next, { concurrency: 1 });
    const drop = async (i) => void (await layer.send(new Request('GET', 'http://h.test/' + i, { signal })));
    const collecting = setInterval(gc, 5);
    for (let i = 0; i < 10; i++) await drop(i);
    while (layer.snapshot().running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(collecting);
    console.log('all dropped');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--input-type=module',
    '--eval',
    program,
  ]);
  t.equal(stdout, 'all dropped\n');
});

t.test('the queue keeps its order whoever leaves it', (t) => {
  const queue = new RankedQueue();
  const runs = new Map<string, () => Promise<unknown>>();
  const enqueue = (id: string, priority?: number): void => {
    const run = async (): Promise<string> => id;
    runs.set(id, run);
    queue.enqueue(run, priority === undefined ? { id } : { id, priority });
  };
  for (let i = 0; i < 1000; i++) enqueue(String(i), i % 10);
  for (let i = 0; i < 1000; i++) if (i % 10 !== 3 && i % 7 !== 0) queue.remove(String(i));
  queue.remove('not there');
  queue.setPriority('0', 100);
  queue.setPriority('not there', 100);
  t.equal(queue.filter({ priority: 3 }).length, 100);
  const order: string[] = [];
  const idOf = (run: unknown): string =>
    Array.from(runs).find(([, each]) => each === run)?.[0] ?? '?';
  const { size } = queue;
  for (let run = queue.dequeue(); run !== undefined; run = queue.dequeue()) order.push(idOf(run));
  t.equal(order.length, size);
  const expected = Array.from({ length: 1000 }, (_, i) => i)
    .filter((i) => i !== 0 && (i % 10 === 3 || i % 7 === 0))
    .sort((a, b) => (b % 10) - (a % 10) || a - b)
    .map(String);
  t.strictSame(order, ['0', ...expected]);
  t.equal(queue.size, 0);
  queue.enqueue(async () => {});
  t.equal(queue.size, 1);
  t.end();
});
