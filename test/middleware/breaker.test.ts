import t from 'tap';
import { expectTypeOf } from 'expect-type';
import {
  ConnectError,
  DecodingError,
  isTransportError,
  LocalProtocolError,
  PoolTimeoutError,
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
} from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  BREAKER_OPTION_NAMES,
  BreakerMiddleware,
  BreakerOpenError,
  defaultIsFailure,
  type BreakerChange,
  type BreakerOptions,
  type BreakerState,
} from '../../src/middleware/breaker.ts';
import { RollingWindow } from '../../src/middleware/breaker/window.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import { stack } from '../../src/transport.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

type Answer = Response | Error | Promise<Response>;

/** A breaker over a transport that answers as `answer` is set to, and a clock that stands still until it is moved. */
class Bench {
  now = 0;
  answer: () => Answer = () => new Response(200);
  readonly changes: BreakerChange[] = [];
  readonly transport = new StubTransport(() => this.answer());
  readonly breaker: BreakerMiddleware;

  constructor(options: BreakerOptions = {}) {
    this.breaker = new BreakerMiddleware(this.transport, {
      minimumRequests: 4,
      clock: () => this.now,
      onStateChange: (change) => this.changes.push(change),
      ...options,
    });
  }

  get sent(): number {
    return this.transport.requests.length;
  }

  get state(): BreakerState | undefined {
    return this.breaker.snapshot()[0]?.state;
  }

  send(init: RequestInit & { url?: string } = {}): Promise<Response> {
    const { url = 'http://h.test/', ...rest } = init;
    return this.breaker.send(new Request('GET', url, rest));
  }

  async sendAll(times: number, answer: () => Answer): Promise<void> {
    this.answer = answer;
    for (let i = 0; i < times; i++) await this.send().catch(() => {});
  }

  /** As many failures as open it. */
  async trip(): Promise<void> {
    await this.sendAll(4, () => new Response(503));
    this.answer = () => new Response(200);
  }

  refused(): Promise<BreakerOpenError> {
    return rejection(this.send(), BreakerOpenError);
  }
}

const request = new Request('GET', 'http://h.test/');
const refused = (): Error => new ConnectError('refused', { request });

t.test(
  'an origin that fails too often gets no more requests, and the error says for how long',
  async (t) => {
    const bench = new Bench();
    await bench.sendAll(4, () => new Response(503));
    t.equal(bench.state, 'open');
    bench.now = 1000;
    const error = await rejection(
      bench.send({ url: 'http://h.test/x?token=secret' }),
      BreakerOpenError,
    );
    t.equal(bench.sent, 4);
    t.equal(error.code, 'ERR_BREAKER_OPEN');
    t.equal(error.name, 'BreakerOpenError');
    t.equal(error.retryAfter, 4000);
    t.equal(
      error.message,
      'GET http://h.test/x: not sent, the circuit is open: too many requests failed; the next one is let through in 4000 ms',
    );
    t.ok(isTransportError(error));
  },
);

t.test('below minimumRequests, and below failureRate, it stays closed', async (t) => {
  const bench = new Bench({ failureRate: 0.5, minimumRequests: 4 });
  await bench.sendAll(3, refused);
  t.equal(bench.state, 'closed');
  await bench.sendAll(4, () => new Response(200));
  t.equal(bench.state, 'closed', '3 of 7');
  await bench.sendAll(1, refused);
  t.equal(bench.state, 'open', '4 of 8');
});

t.test('what is older than the window does not count', async (t) => {
  const bench = new Bench({ window: 10_000 });
  await bench.sendAll(3, refused);
  bench.now = 9_999;
  t.match(bench.breaker.snapshot(), [{ requests: 3, failures: 3 }]);
  bench.now = 10_000;
  t.match(bench.breaker.snapshot(), [{ requests: 0, failures: 0 }]);
  await bench.sendAll(3, refused);
  t.equal(bench.state, 'closed');
});

t.test('the window forgets a tenth at a time, and a clock that goes back forgets nothing', (t) => {
  const window = new RollingWindow(1000);
  for (const at of [0, 250, 999]) window.add(at, 2, 1);
  t.equal(window.requests(999), 6);
  t.equal(window.requests(1000), 4);
  t.equal(window.requests(400), 4);
  t.equal(window.failures(1250), 1);
  t.equal(window.requests(50_000), 0);
  t.end();
});

t.test(
  'when its time is over one request is let through; its success closes the circuit',
  async (t) => {
    const bench = new Bench();
    await bench.trip();
    bench.now = 4999;
    await bench.refused();
    bench.now = 5000;
    const answer = deferred<Response>();
    bench.answer = () => answer.promise;
    const probe = bench.send();
    t.equal(bench.state, 'half-open');
    const error = await bench.refused();
    t.match(error.message, 'half-open');
    t.equal(error.retryAfter, 5000);
    answer.resolve(new Response(200));
    t.equal((await probe).status, 200);
    t.equal(bench.state, 'closed');
    t.strictSame(
      bench.changes.map(({ key, from, to, retryAfter }) => [key, from, to, retryAfter]),
      [
        ['http://h.test', 'closed', 'open', 5000],
        ['http://h.test', 'open', 'half-open', 0],
        ['http://h.test', 'half-open', 'closed', 0],
      ],
    );
  },
);

t.test(
  'one failed probe is enough to open it again, for twice as long, up to maxOpenFor',
  async (t) => {
    const bench = new Bench({ openFor: 1000, maxOpenFor: 3000 });
    await bench.trip();
    for (const openFor of [1000, 2000, 3000, 3000]) {
      t.equal((await bench.refused()).retryAfter, openFor);
      bench.now += openFor;
      await bench.sendAll(1, refused);
      t.equal(bench.state, 'open');
    }
    bench.now += 3000;
    await bench.sendAll(1, () => new Response(204));
    t.equal(bench.state, 'closed');
    await bench.trip();
    t.equal((await bench.refused()).retryAfter, 1000, 'a circuit that was closed begins anew');
  },
);

t.test('of halfOpenRequests, all have to succeed', async (t) => {
  const bench = new Bench({ halfOpenRequests: 3 });
  await bench.trip();
  bench.now = 5000;
  await bench.sendAll(2, () => new Response(200));
  t.equal(bench.state, 'half-open');
  await bench.sendAll(1, () => new Response(200));
  t.equal(bench.state, 'closed');
  await bench.trip();
  bench.now = 10_000;
  await bench.sendAll(2, () => new Response(200));
  await bench.sendAll(1, refused);
  t.equal(bench.state, 'open');
});

t.test(
  'a probe of which nothing is heard gives its place to another, and still counts',
  async (t) => {
    const bench = new Bench();
    await bench.trip();
    bench.now = 5000;
    const lost = deferred<Response>();
    bench.answer = () => lost.promise;
    const probe = bench.send();
    bench.now = 9999;
    await bench.refused();
    bench.now = 10_000;
    const second = bench.send();
    await bench.refused();
    lost.resolve(new Response(200));
    t.equal((await probe).status, 200);
    t.equal(bench.state, 'closed');
    await second;
  },
);

t.test('a probe that the caller aborts frees its place', async (t) => {
  const bench = new Bench();
  await bench.trip();
  bench.now = 5000;
  const controller = new AbortController();
  bench.answer = async () => {
    controller.abort();
    throw controller.signal.reason;
  };
  await rejection(bench.send({ signal: controller.signal }));
  t.equal(bench.state, 'half-open');
  await bench.sendAll(1, () => new Response(200));
  t.equal(bench.state, 'closed');
});

t.test('what was sent before it opened says nothing when it comes back later', async (t) => {
  const bench = new Bench();
  const late = [deferred<Response>(), deferred<Response>()];
  const early = late.map(({ promise }) => {
    bench.answer = () => promise;
    return bench.send();
  });
  await bench.trip();
  bench.now = 5000;
  late[0]!.resolve(new Response(200));
  await early[0];
  t.equal(bench.state, 'open', 'a success does not close it');
  await bench.sendAll(1, () => new Response(200));
  t.equal(bench.state, 'closed');
  late[1]!.reject(refused());
  await rejection(early[1]!, ConnectError);
  t.match(bench.breaker.snapshot(), [{ requests: 0, failures: 0 }]);
});

t.test('each origin has a circuit of its own; key makes others', async (t) => {
  const bench = new Bench();
  await bench.trip();
  t.equal((await bench.send({ url: 'http://other.test/' })).status, 200);
  const byPath = new Bench({ key: ({ target }) => target.split('/')[1] ?? '' });
  await byPath.trip();
  t.equal((await byPath.send({ url: 'http://h.test/users/7' })).status, 200);
  t.strictSame(
    byPath.breaker.snapshot().map(({ key, state }) => [key, state]),
    [
      ['', 'open'],
      ['users', 'closed'],
    ],
  );
});

t.test('what the server cannot help counts for nothing', async (t) => {
  const own: Error[] = [
    new TypeError('bad input'),
    new LocalProtocolError('two lengths', { request }),
    new PoolTimeoutError('full', { request }),
    new DecodingError('no gzip', { request }),
    new BreakerOpenError('open', { request, retryAfter: 1 }),
  ];
  const bench = new Bench({ minimumRequests: 1 });
  for (const error of own) await bench.sendAll(1, () => error);
  t.match(bench.breaker.snapshot(), [{ state: 'closed', requests: 0 }]);
});

t.test('what counts as a failure, unless asked otherwise', (t) => {
  const failed = (status: number): boolean | null =>
    defaultIsFailure({ response: new Response(status) });
  for (const status of [500, 502, 503, 504]) t.equal(failed(status), true, String(status));
  for (const status of [200, 304, 404, 408, 429, 501])
    t.equal(failed(status), false, String(status));
  t.equal(defaultIsFailure({ error: new ReadTimeoutError('silence', { request }) }), true);
  t.equal(defaultIsFailure({ error: new ReadError('broke', { request }) }), true);
  t.equal(defaultIsFailure({ error: undefined }), null);
  t.end();
});

t.test('isFailure of your own decides, and can ask the default one', async (t) => {
  const bench = new Bench({
    isFailure: (outcome) => outcome.response?.status === 429 || defaultIsFailure(outcome),
  });
  await bench.sendAll(3, () => new Response(429));
  await bench.sendAll(1, () => new Response(503));
  t.equal(bench.state, 'open');
});

t.test('what isFailure throws ends the request, and the response is closed', async (t) => {
  const oops = new Error('oops');
  const bench = new Bench({
    halfOpenRequests: 1,
    isFailure: (outcome) => {
      if (outcome.response?.status === 200) throw oops;
      return true;
    },
  });
  await bench.trip();
  bench.now = 5000;
  bench.answer = () => bench.transport.scoped(200);
  t.equal(await rejection(bench.send()), oops);
  t.equal(bench.transport.bodies[0]?.cancels, 1);
  t.equal(bench.state, 'half-open');
  bench.answer = () => new Response(200);
  t.equal(await rejection(bench.send()), oops, 'the place of the probe was free again');
});

t.test('a body that breaks off turns a success into a failure', async (t) => {
  const bench = new Bench();
  const broken = (): Response =>
    new Response(200, { body: new StubSource('some', new ReadError('broke', { request })) });
  bench.answer = broken;
  for (let i = 0; i < 4; i++) await rejection((await bench.send()).bytes(), ReadError);
  t.equal(bench.state, 'open');
  t.equal(bench.sent, 4);
});

t.test('a body that the caller gives up, or has whole, counts as it did by its head', async (t) => {
  const bench = new Bench({ minimumRequests: 1 });
  bench.answer = () => bench.transport.scoped(200, {}, 'one', 'two');
  const whole = await bench.send();
  t.equal(await whole.text(), 'onetwo');
  t.equal(whole.bytesDownloaded, 6);
  t.equal(whole.trailers, null);
  await (await bench.send()).close();
  t.equal(bench.transport.bodies[1]?.cancels, 1);
  const controller = new AbortController();
  bench.answer = () => new Response(200, { body: new StubSource('one', new Error('aborted')) });
  const response = await bench.send({ signal: controller.signal });
  controller.abort();
  await rejection(response.bytes());
  t.match(bench.breaker.snapshot(), [{ requests: 3, failures: 0, state: 'closed' }]);
});

t.test('a body reads through it as without it, raw and by way of rest() too', async (t) => {
  const bench = new Bench();
  const inner = new StubSource('raw');
  bench.answer = () => new Response(200, { body: StubSource.around(inner, 'decoded') });
  t.equal((await collect((await bench.send()).iterRaw())).toString(), 'raw');
  const whole = Object.assign(new StubSource(), {
    rest: async () => new TextEncoder().encode('whole'),
  });
  bench.answer = () => new Response(200, { body: whole });
  t.equal(await (await bench.send()).text(), 'whole');
});

t.test('a connection that is handed over stays one', async (t) => {
  const bench = new Bench();
  const duplex = {};
  const source = Object.assign(new StubSource(), { upgrade: () => duplex as never });
  bench.answer = () => new Response(101, { body: source });
  t.equal((await bench.send()).upgrade(), duplex);
});

t.test('per request: off, whatever the state, and without being counted', async (t) => {
  const bench = new Bench();
  await bench.trip();
  t.equal((await bench.send({ breaker: false })).status, 200);
  t.equal(bench.state, 'open');
  const other = new Bench({ minimumRequests: 1 });
  other.answer = () => new Response(503);
  await other.send({ breaker: false });
  t.strictSame(other.breaker.snapshot(), []);
});

t.test(
  'so many circuits are kept; the closed one that was used the longest ago goes first',
  async (t) => {
    const bench = new Bench({ maxCircuits: 3 });
    await bench.trip();
    for (const name of ['a', 'b', 'a', 'c']) await bench.send({ url: `http://${name}.test/` });
    t.strictSame(
      bench.breaker.snapshot().map(({ key }) => key),
      ['http://h.test', 'http://a.test', 'http://c.test'],
    );
    const allOpen = new Bench({ maxCircuits: 1, minimumRequests: 1 });
    allOpen.answer = () => new Response(503);
    await allOpen.send();
    await allOpen.send({ url: 'http://other.test/' });
    t.match(allOpen.breaker.snapshot(), [{ key: 'http://other.test' }]);
  },
);

t.test('what a listener throws is nothing to the request', async (t) => {
  const oops = new Error('oops');
  const uncaught = deferred<Error>();
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', uncaught.resolve);
  const bench = new Bench({
    minimumRequests: 1,
    onStateChange: () => {
      throw oops;
    },
  });
  bench.answer = () => new Response(503);
  t.equal((await bench.send()).status, 503);
  t.equal(bench.state, 'open');
  t.equal(await uncaught.promise, oops);
  for (const listener of listeners) process.on('uncaughtException', listener);
});

t.test(
  'a retry outside waits until a request is let through, and its wait has a bound',
  async (t) => {
    const started = performance.now();
    const bench = new Bench({ openFor: 50, clock: () => performance.now() });
    await bench.trip();
    const retry = new RetryMiddleware(bench.breaker, { backoff: { base: 0 } });
    t.equal((await retry.send(new Request('POST', 'http://h.test/', { body: 'x' }))).status, 200);
    t.ok(performance.now() - started >= 50, 'it waited');
    t.equal(bench.sent, 5, 'and knocked once');

    const impatient = new Bench({ openFor: 20 });
    await impatient.trip();
    const bounded = new RetryMiddleware(impatient.breaker, { maxRetryAfter: 10 });
    await rejection(bounded.send(request), BreakerOpenError);
  },
);

t.test('options that make no sense are a TypeError that says what was expected', async (t) => {
  const bad: [BreakerOptions, RegExp][] = [
    [{ failureRate: 0 }, /breaker\.failureRate: expected a share above 0 and up to 1, got 0/],
    [{ failureRate: 50 }, /got 50/],
    [
      { minimumRequests: 1.5 },
      /breaker\.minimumRequests: expected a whole number from 1, got 1\.5/,
    ],
    [{ window: -1 }, /breaker\.window: expected milliseconds above 0, got -1/],
    [{ openFor: Infinity }, /breaker\.openFor/],
    [
      { openFor: 100, maxOpenFor: 50 },
      /breaker\.maxOpenFor: expected milliseconds from openFor, 100, got 50/,
    ],
    [{ halfOpenRequests: 0 }, /breaker\.halfOpenRequests/],
    [{ maxCircuits: 0 }, /breaker\.maxCircuits/],
    [{ key: 'origin' as never }, /breaker\.key: expected a function, got string/],
    [{ onStateChange: 1 as never }, /breaker\.onStateChange/],
    [null as never, /breaker: expected an object of options, got null/],
    [5 as never, /breaker: expected an object of options, got number/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new BreakerMiddleware(new StubTransport(), options), {
      name: 'TypeError',
      message,
    });
  const bench = new Bench({ key: () => 7 as never });
  t.match(await rejection(bench.send(), TypeError), { message: /breaker\.key: .* got number/ });
  new BreakerMiddleware(new StubTransport(), { openFor: 120_000 });
});

t.test('the names of the options are those of the type', (t) => {
  const all: Required<{ [Name in keyof BreakerOptions]: 1 }> = {
    failureRate: 1,
    minimumRequests: 1,
    window: 1,
    openFor: 1,
    maxOpenFor: 1,
    halfOpenRequests: 1,
    key: 1,
    maxCircuits: 1,
    isFailure: 1,
    onStateChange: 1,
    clock: 1,
  };
  t.strictSame([...BREAKER_OPTION_NAMES].sort(), Object.keys(all).sort());
  expectTypeOf<RequestInit['breaker']>().toEqualTypeOf<boolean | undefined>();
  t.end();
});

t.test('on real sockets: a server that goes away and comes back', async (t) => {
  let healthy = false;
  let now = 0;
  await using server = await okServer((_, response) => {
    if (healthy) response.end('here');
    else response.destroy();
  });
  await using transport = stack(
    BreakerMiddleware.layer({ minimumRequests: 3, clock: () => now }),
    new ConnectionPool(),
  );
  for (let i = 0; i < 3; i++)
    await rejection(transport.request('GET', server.url), RemoteProtocolError);
  const { retryAfter } = await rejection(transport.request('GET', server.url), BreakerOpenError);
  healthy = true;
  now += retryAfter;
  t.equal(await (await transport.request('GET', server.url)).text(), 'here');
});
