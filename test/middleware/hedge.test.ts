import { expectTypeOf } from 'expect-type';
import t from 'tap';
import { ConnectError, ReadError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response, type ResponseExtensions } from '../../src/messages/response.ts';
import {
  HEDGE_OPTION_NAMES,
  HedgeMiddleware,
  type HedgeOptions,
  type HedgeReport,
} from '../../src/middleware/hedge.ts';
import { Latencies } from '../../src/middleware/hedge/latencies.ts';
import { stack } from '../../src/transport.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

/** Attempts that are answered by hand, each after it has been sent. */
class Bench {
  readonly #answers: Deferred<Response>[] = [];
  readonly #sent: Deferred<Request>[] = [];
  readonly transport = new StubTransport((request, place) => {
    this.#sentAt(place).resolve(request);
    const { promise } = this.answer(place);
    // As the pool does it.
    request.signal?.addEventListener('abort', () =>
      this.answer(place).reject(request.signal?.reason),
    );
    return promise;
  });
  readonly hedge: HedgeMiddleware;

  constructor(options: HedgeOptions = {}) {
    this.hedge = new HedgeMiddleware(this.transport, { delay: 1, ...options });
  }

  get requests(): readonly Request[] {
    return this.transport.requests;
  }

  send(init: RequestInit & { method?: string } = {}): Promise<Response> {
    const { method = 'GET', ...rest } = init;
    return this.hedge.send(new Request(method, 'http://h.test/', rest));
  }

  /** The nth attempt, from 0, as soon as it has been sent. */
  sent(place: number): Promise<Request> {
    return this.#sentAt(place).promise;
  }

  answer(place: number): Deferred<Response> {
    return (this.#answers[place] ??= deferred<Response>());
  }

  #sentAt(place: number): Deferred<Request> {
    return (this.#sent[place] ??= deferred<Request>());
  }
}

const request = new Request('GET', 'http://h.test/');
const broken = (): Error => new ReadError('broke', { request });

t.test('an answer that comes in time is the only one asked for', async (t) => {
  const bench = new Bench({ delay: 60_000 });
  bench.answer(0).resolve(new Response(200, { text: 'first' }));
  const response = await bench.send();
  t.equal(await response.text(), 'first');
  t.equal(bench.requests.length, 1);
  t.equal(response.extensions.hedge, undefined);
});

t.test(
  'after the delay it is sent once more; the first answer wins, and the other is called off',
  async (t) => {
    const bench = new Bench();
    const sending = bench.send();
    const hedge = await bench.sent(1);
    bench.answer(1).resolve(bench.transport.scoped(200, {}, 'second'));
    const response = await sending;
    t.strictSame(response.extensions.hedge, { sent: 1, answered: 1 });
    t.equal(await response.text(), 'second');
    t.equal(bench.requests[0]?.signal?.aborted, true);
    t.match(bench.requests[0]?.signal?.reason, { name: 'AbortError' });
    t.equal(hedge.signal?.aborted, false, 'the winner goes on');
  },
);

t.test('where the first one wins after all, the hedge is called off', async (t) => {
  const bench = new Bench();
  const sending = bench.send();
  const hedge = await bench.sent(1);
  bench.answer(0).resolve(new Response(200));
  t.strictSame((await sending).extensions.hedge, { sent: 1, answered: 0 });
  t.equal(hedge.signal?.aborted, true);
  t.equal(bench.requests[0]?.signal?.aborted, false);
});

t.test('an answer that comes in spite of that is closed', async (t) => {
  const bench = new Bench();
  // This transport looks at no signal.
  const late = deferred<Response>();
  const transport = new StubTransport((_, place) =>
    place === 0 ? late.promise : new Response(200, { text: 'hedge' }),
  );
  const response = await new HedgeMiddleware(transport, { delay: 1 }).send(request);
  t.equal(await response.text(), 'hedge');
  late.resolve(bench.transport.scoped(200));
  await late.promise;
  await new Promise(setImmediate);
  t.equal(bench.transport.bodies[0]?.cancels, 1);
});

t.test('one that fails waits for the other', async (t) => {
  for (const [failing, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const bench = new Bench();
    const sending = bench.send();
    await bench.sent(1);
    bench.answer(failing).reject(broken());
    await new Promise(setImmediate);
    bench.answer(other).resolve(new Response(200));
    t.strictSame((await sending).extensions.hedge, { sent: 1, answered: other });
  }
});

t.test('a server that refuses quickly does not win over one that answers slowly', async (t) => {
  for (const status of [429, 500, 503]) {
    const bench = new Bench();
    const sending = bench.send();
    await bench.sent(1);
    bench.answer(1).resolve(bench.transport.scoped(status));
    await new Promise(setImmediate);
    bench.answer(0).resolve(new Response(200));
    t.equal((await sending).status, 200);
    t.equal(bench.transport.bodies[0]?.cancels, 1, 'its response is closed');
  }
});

t.test('where all fail, it is what came of the first', async (t) => {
  const bench = new Bench();
  const sending = bench.send();
  await bench.sent(1);
  const first = broken();
  bench.answer(1).resolve(bench.transport.scoped(503));
  bench.answer(0).reject(first);
  t.equal(await rejection(sending), first);
  t.equal(bench.transport.bodies[0]?.cancels, 1);

  const refused = new Bench();
  const answered = refused.send();
  await refused.sent(1);
  refused.answer(1).reject(broken());
  refused.answer(0).resolve(new Response(503));
  t.equal((await answered).status, 503);
});

t.test('what fails before the delay has failed', async (t) => {
  const bench = new Bench({ delay: 60_000 });
  const error = new ConnectError('refused', { request });
  bench.answer(0).reject(error);
  t.equal(await rejection(bench.send()), error);
  const status = new Bench({ delay: 60_000 });
  status.answer(0).resolve(new Response(503));
  t.equal((await status.send()).status, 503);
  t.equal(status.requests.length, 1);
});

t.test('at most maxHedges are sent, each after another delay', async (t) => {
  const bench = new Bench({ maxHedges: 2 });
  const sending = bench.send();
  await bench.sent(2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(bench.requests.length, 3);
  bench.answer(2).resolve(new Response(200));
  t.strictSame((await sending).extensions.hedge, { sent: 2, answered: 2 });
  t.strictSame(
    bench.requests.map(({ signal }) => signal?.aborted),
    [true, true, false],
  );
});

t.test(
  'only safe methods, contents that can be replayed, and requests that do not say no',
  async (t) => {
    const stream = (async function* () {
      yield 'x';
    })();
    const alone: (RequestInit & { method?: string })[] = [
      { method: 'POST' },
      { method: 'PUT' },
      { method: 'QUERY', body: stream },
      { hedge: false },
    ];
    for (const init of alone) {
      const bench = new Bench();
      const sending = bench.send(init);
      t.equal((await bench.sent(0)).signal, null, 'it is sent as it is');
      bench.answer(0).resolve(new Response(200));
      await sending;
    }
    for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'QUERY']) {
      const bench = new Bench();
      const sending = bench.send({ method });
      await bench.sent(1);
      bench.answer(1).resolve(new Response(200));
      t.equal((await sending).extensions.hedge?.answered, 1, method);
    }
    const posting = new Bench({ methods: ['POST'] });
    const sending = posting.send({ method: 'POST', json: { a: 1 } });
    t.equal((await posting.sent(1)).content, posting.requests[0]?.content);
    posting.answer(0).resolve(new Response(200));
    await sending;
  },
);

t.test('hedges add a tenth to the load at most, once the reserve is used up', async (t) => {
  let sent = 0;
  let gate = deferred();
  const transport = new StubTransport(async () => {
    sent++;
    await gate.promise;
    return new Response(200);
  });
  const sendAll = async (hedge: HedgeMiddleware, times: number): Promise<void> => {
    gate = deferred();
    const sending = Array.from({ length: times }, () => hedge.send(request));
    // Behind all of the timers that are set by now.
    await new Promise((resolve) => setTimeout(resolve, 10));
    gate.resolve();
    await Promise.all(sending);
  };
  const hedge = new HedgeMiddleware(transport, { delay: 1, budget: { ratio: 0.1, reserve: 2 } });
  await sendAll(hedge, 50);
  t.equal(sent, 52);
  await sendAll(hedge, 10);
  t.equal(sent, 63, 'ten more have earned one');
  sent = 0;
  await sendAll(new HedgeMiddleware(transport, { delay: 1, budget: null }), 30);
  t.equal(sent, 60);
});

t.test('the caller’s abort ends all attempts, with its reason', async (t) => {
  const bench = new Bench();
  const controller = new AbortController();
  const sending = bench.send({ signal: controller.signal });
  await bench.sent(1);
  const reason = new Error('enough');
  controller.abort(reason);
  t.equal(await rejection(sending), reason);
  t.strictSame(
    bench.requests.map(({ signal }) => signal?.reason),
    [reason, reason],
  );
});

t.test('the body of the winner ends with the caller’s signal too', async (t) => {
  const bench = new Bench();
  const controller = new AbortController();
  const sending = bench.send({ signal: controller.signal });
  const { signal } = await bench.sent(1);
  bench.answer(1).resolve(new Response(200));
  await sending;
  t.equal(signal?.aborted, false);
  controller.abort();
  t.equal(signal?.aborted, true);
});

t.test('no hedge is sent when the deadline has passed, or the caller has gone', async (t) => {
  const late = new Bench();
  const sending = late.send({ expiresAt: performance.now() });
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(late.requests.length, 1);
  late.answer(0).reject(broken());
  await rejection(sending, ReadError);

  const deaf = new StubTransport(
    () => new Promise<Response>((resolve) => setTimeout(resolve, 10, new Response(200))),
  );
  const response = await new HedgeMiddleware(deaf, { delay: 1 }).send(
    new Request('GET', 'http://h.test/', { signal: AbortSignal.abort() }),
  );
  t.equal(response.status, 200);
  t.equal(deaf.requests.length, 1);
});

t.test('a percentile of the last answers, by nearest rank', (t) => {
  const latencies = new Latencies(95);
  for (let i = 1; i < 20; i++) latencies.add(i);
  t.equal(latencies.percentile, null, 'too few are known');
  latencies.add(20);
  t.equal(latencies.percentile, 19);
  for (let i = 0; i < 128; i++) latencies.add(100 + (i % 100));
  t.ok(latencies.percentile! >= 190, 'the old ones are forgotten');
  const lowest = new Latencies(0.1);
  for (let i = 20; i > 0; i--) lowest.add(i);
  t.equal(lowest.percentile, 1);
  t.end();
});

/** Answers at once; or, from when it is told to, the next request only when that is sent once more, or after so many milliseconds. */
class Fickle extends StubTransport {
  #slow: { readonly hedged: Deferred; readonly atMost: number } | null = null;

  constructor() {
    super(async () => {
      const slow = this.#slow;
      this.#slow = null;
      if (slow === null) {
        this.#waiting?.resolve();
      } else {
        this.#waiting = slow.hedged;
        const timer = setTimeout(slow.hedged.resolve, slow.atMost);
        await slow.hedged.promise;
        clearTimeout(timer);
      }
      return new Response(200);
    });
  }

  #waiting: Deferred | null = null;

  slowDown(atMost: number): void {
    this.#slow = { hedged: deferred(), atMost };
  }
}

t.test('the delay follows the times of the origin', async (t) => {
  const transport = new Fickle();
  const hedge = new HedgeMiddleware(transport, { delay: { percentile: 90, initial: 60_000 } });
  for (let i = 0; i < 20; i++) await hedge.send(request);
  transport.slowDown(10_000);
  t.equal((await hedge.send(request)).extensions.hedge?.sent, 1, 'ten seconds are slow here');
  transport.slowDown(30);
  const other = new Request('GET', 'http://other.test/');
  t.equal((await hedge.send(other)).extensions.hedge, undefined, 'nothing is known there');
});

t.test(
  'times are kept of a thousand origins: the first one’s are forgotten for another',
  async (t) => {
    const transport = new Fickle();
    const hedge = new HedgeMiddleware(transport, { delay: { percentile: 90, initial: 60_000 } });
    for (let i = 0; i < 20; i++) await hedge.send(request);
    for (let i = 1; i < 1000; i++) await hedge.send(new Request('GET', `http://h${i}.test/`));
    transport.slowDown(10_000);
    t.equal((await hedge.send(request)).extensions.hedge?.sent, 1);
    await hedge.send(new Request('GET', 'http://h1000.test/'));
    transport.slowDown(30);
    t.equal((await hedge.send(request)).extensions.hedge, undefined);
  },
);

t.test('options that make no sense are a TypeError that says what was expected', (t) => {
  const bad: [HedgeOptions, RegExp][] = [
    [{ delay: -1 }, /hedge\.delay: expected milliseconds from 0, got -1/],
    [{ delay: '5' as never }, /hedge\.delay: .* got 5/],
    [{ delay: null as never }, /hedge\.delay: .* got null/],
    [
      { delay: { percentile: 100 } },
      /hedge\.delay\.percentile: expected a number above 0 and below 100, got 100/,
    ],
    [{ delay: { percentile: 95, initial: NaN } }, /hedge\.delay\.initial/],
    [{ maxHedges: 0 }, /hedge\.maxHedges: expected a whole number from 1, got 0/],
    [{ methods: 'GET' as never }, /hedge\.methods: expected a list of methods/],
    [{ budget: { ratio: -1 } }, /hedge\.budget: expected ratio and reserve from 0/],
    [null as never, /hedge: expected an object of options, got null/],
    [5 as never, /hedge: expected an object of options, got number/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new HedgeMiddleware(new StubTransport(), options), {
      name: 'TypeError',
      message,
    });
  const names: Required<{ [Name in keyof HedgeOptions]: 1 }> = {
    delay: 1,
    methods: 1,
    maxHedges: 1,
    budget: 1,
  };
  t.strictSame([...HEDGE_OPTION_NAMES].sort(), Object.keys(names).sort());
  expectTypeOf<ResponseExtensions['hedge']>().toEqualTypeOf<HedgeReport | undefined>();
  t.end();
});

t.test('on real sockets: the slow one’s connection is closed, the other’s is kept', async (t) => {
  const gone = deferred();
  let calls = 0;
  await using server = await okServer((incoming, response) => {
    if (++calls > 1) response.end('quick');
    else incoming.socket.once('close', () => gone.resolve());
  });
  await using pool = new ConnectionPool();
  const transport = stack(HedgeMiddleware.layer({ delay: 5 }), pool);
  const controller = new AbortController();
  const response = await transport.request('GET', server.url, { signal: controller.signal });
  t.equal(await response.text(), 'quick');
  await gone.promise;
  t.equal(String(pool), 'ConnectionPool [0 active, 1 idle]');
  const again = await transport.request('GET', server.url, { hedge: false });
  t.equal(await again.text(), 'quick');
  t.equal(server.connections, 2);
});
