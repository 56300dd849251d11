import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import {
  ClosedError,
  ConnectError,
  DeadlineError,
  isRequestError,
  named,
  ReadError,
  StatusError,
  StreamConsumedError,
  TransportError,
  type RequestErrorInit,
} from '../../src/errors.ts';
import { Headers } from '../../src/messages/headers.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  DEDUPE_OPTION_NAMES,
  DedupeMiddleware,
  type DedupeOptions,
} from '../../src/middleware/dedupe.ts';
import { ownError } from '../../src/middleware/dedupe/own-error.ts';
import { Transport } from '../../src/transport.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { turn } from '../support/clock.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

/** Answers when it is told to, request by request; unless the request is aborted before. */
class Gated extends Transport {
  readonly requests: Request[] = [];
  readonly answers: Deferred<Response>[] = [];
  aborts = 0;

  async send(request: Request): Promise<Response> {
    request.signal?.throwIfAborted();
    const answer = deferred<Response>();
    this.requests.push(request);
    this.answers.push(answer);
    request.signal?.addEventListener('abort', () => {
      this.aborts++;
      answer.reject(request.signal?.reason);
    });
    const response = await answer.promise;
    return response.hasRequest ? response : response.with({ request });
  }

  async answer(place: number, response: Response = new Response(200)): Promise<void> {
    this.answers[place]?.resolve(response);
    await turn();
  }
}

const get = (init: RequestInit = {}, url = 'http://h.test/x'): Request =>
  new Request('GET', url, init);

function deduped(options: DedupeOptions = {}): {
  gate: Gated;
  layer: DedupeMiddleware;
  send: (request?: Request) => Promise<Response>;
} {
  const gate = new Gated();
  const layer = new DedupeMiddleware(gate, options);
  return {
    gate,
    layer,
    send(request = get()) {
      const sending = layer.send(request);
      sending.catch(() => {});
      return sending;
    },
  };
}

const open = (...pieces: (string | Error)[]): Response =>
  new Response(200, { body: new StubSource(...pieces) });

t.test(
  'requests that are the same are sent once, and each gets a response of its own',
  async (t) => {
    const { gate, layer, send } = deduped();
    const requests = [get(), get(), get()];
    const all = requests.map((request) => send(request));
    t.equal(gate.requests.length, 1);
    t.equal(gate.requests[0], requests[0], 'the first one, as it is');
    t.equal(layer.pending, 1);
    await gate.answer(0, new Response(203, { text: 'hello', headers: { 'x-a': '1' } }));
    const responses = await Promise.all(all);
    t.equal(layer.pending, 0);
    t.equal(new Set(responses).size, 3);
    for (const [place, response] of responses.entries()) {
      t.equal(response.request, requests[place]);
      t.equal(response.status, 203);
      t.equal(response.headers.get('x-a'), '1');
      t.equal(response.headers.get('content-type'), 'text/plain;charset=UTF-8');
      t.ok(response.isRead);
      t.equal(await response.text(), 'hello');
      t.equal(response.extensions.deduped, place === 0 ? undefined : true);
    }
    (await responses[0]?.bytes())?.fill(0);
    t.equal(
      await responses[1]?.text(),
      'hello',
      'what one does to the bytes, the others do not see',
    );
  },
);

t.test('one that nobody joins comes as it was sent', async (t) => {
  const { gate, send } = deduped();
  const sending = send();
  const response = open('x').with({ request: gate.requests[0] });
  await gate.answer(0, response);
  t.equal(await sending, response);
  await response.close();
});

t.test('who comes when there is an answer has an exchange of its own', async (t) => {
  const { gate, send } = deduped();
  const first = send();
  await gate.answer(0, open('old'));
  const second = send();
  t.equal(gate.requests.length, 2);
  await gate.answer(1, open('new'));
  t.equal(await (await second).text(), 'new');
  t.equal(await (await first).text(), 'old');
});

t.test('what is not the same is not shared', async (t) => {
  const different: [string, Request][] = [
    ['another path', get({}, 'http://h.test/y')],
    ['another query', get({}, 'http://h.test/x?a')],
    ['another port', get({}, 'http://h.test:81/x')],
    ['HEAD', new Request('HEAD', 'http://h.test/x')],
    ['authorization', get({ headers: { authorization: 'Bearer a' } })],
    ['other authorization', get({ headers: { authorization: 'Bearer b' } })],
    ['cookie', get({ headers: { cookie: 'a=1' } })],
    ['accept', get({ headers: { accept: 'text/html' } })],
    ['accept-encoding', get({ headers: { 'accept-encoding': 'br' } })],
    ['range', get({ headers: { range: 'bytes=0-1' } })],
    ['if-none-match', get({ headers: { 'if-none-match': '"a"' } })],
    ['any other field', get({ headers: { 'x-tenant': '1' } })],
    [
      'its values in order',
      get({
        headers: [
          ['x-tenant', '1'],
          ['x-tenant', '2'],
        ],
      }),
    ],
    [
      'and in another',
      get({
        headers: [
          ['x-tenant', '2'],
          ['x-tenant', '1'],
        ],
      }),
    ],
    ['a timeout', get({ timeout: 7 })],
    ['a timeout in parts', get({ timeout: { read: 7 } })],
  ];
  const { gate, send } = deduped();
  void send();
  for (const [, request] of different) void send(request);
  t.equal(gate.requests.length, 1 + different.length);
  for (const [name, request] of different) {
    void send(
      new Request(request.method, request.destination, {
        headers: request.headers,
        timeout: request.timeout,
      }),
    );
    t.equal(gate.requests.length, 1 + different.length, `${name}: the same is`);
  }
});

t.test(
  'what makes no difference: order and case of names, the fragment, what traces',
  async (t) => {
    const { gate, send } = deduped();
    void send(get({ headers: { 'X-A': '1', accept: 'b', traceparent: '00-1' } }));
    void send(
      get({ headers: { Accept: 'b', 'x-a': '1', 'X-Request-Id': '7' } }, 'http://h.test/x#y'),
    );
    t.equal(gate.requests.length, 1);
  },
);

t.test('requests that are always alone', async (t) => {
  const alone: [string, () => Request][] = [
    ['a body', () => get({ body: 'x' })],
    ['POST', () => new Request('POST', 'http://h.test/x')],
    ['OPTIONS', () => new Request('OPTIONS', 'http://h.test/x')],
    ['dedupe: false', () => get({ dedupe: false })],
    ['an upgrade', () => get({ headers: { upgrade: 'websocket', connection: 'upgrade' } })],
    ['who listens to interim responses', () => get({ onInformational: () => {} })],
    ['a request-target of its own', () => get({ target: '*' })],
  ];
  for (const [name, request] of alone) {
    const { gate, send } = deduped();
    void send(request());
    void send(request());
    void send(get());
    t.equal(gate.requests.length, 3, name);
  }
});

t.test('a key of your own decides; null is alone; HEAD is never GET', async (t) => {
  const key = ({ target }: Request): string | null => (target === '/alone' ? null : 'k');
  const { gate, send } = deduped({ key });
  void send(get({ headers: { 'x-a': '1' } }));
  void send(get({}, 'http://h.test/y'));
  t.equal(gate.requests.length, 1);
  void send(new Request('HEAD', 'http://h.test/x'));
  void send(get({}, 'http://h.test/alone'));
  void send(get({}, 'http://h.test/alone'));
  t.equal(gate.requests.length, 4);
  const failure = new Error('no key');
  const throwing = deduped({
    key: () => {
      throw failure;
    },
  });
  t.equal(await rejection(throwing.send()), failure);
  t.match(await rejection(deduped({ key: () => 7 as never }).send(), TypeError), {
    message: /dedupe\.key: expected it to give a string or null, got number/,
  });
});

t.test('ignoreHeaders names what makes no difference, instead of the default', async (t) => {
  const { gate, send } = deduped({ ignoreHeaders: ['X-Trace'] });
  void send(get({ headers: { 'x-trace': '1' } }));
  void send(get({ headers: { 'x-trace': '2' } }));
  t.equal(gate.requests.length, 1);
  void send(get({ headers: { 'x-request-id': '1' } }));
  t.equal(gate.requests.length, 2);
});

t.test('nobody joins an exchange across a write to the same origin', async (t) => {
  const { gate, send } = deduped();
  const before = send();
  const elsewhere = send(get({}, 'http://other.test/x'));
  const write = send(new Request('POST', 'http://h.test/x', { body: 'new' }));
  const during = send();
  t.equal(gate.requests.length, 3, 'while the write is under way, either answer is right');
  await gate.answer(2, new Response(204));
  await write;
  const after = send();
  t.equal(gate.requests.length, 4);
  const joined = send();
  void send(get({}, 'http://other.test/x'));
  t.equal(gate.requests.length, 4);
  await gate.answer(0, new Response(200, { text: 'old' }));
  t.equal(await (await before).text(), 'old');
  t.equal(await (await during).text(), 'old');
  const late = send();
  t.equal(gate.requests.length, 4, 'the one that ends is not the one that can be joined now');
  await gate.answer(3, new Response(200, { text: 'new' }));
  for (const each of [after, joined, late]) t.equal(await (await each).text(), 'new');
  await gate.answer(1);
  await elsewhere;
});

t.test(
  'each reads the whole body at its own pace, and closes without the others noticing',
  async (t) => {
    const { gate, send } = deduped();
    const all = [send(), send(), send()];
    const source = new StubSource('one ', 'two ', 'three');
    await gate.answer(0, new Response(200, { body: source }));
    const [a, b, c] = (await Promise.all(all)) as [Response, Response, Response];
    for await (const piece of a) {
      t.equal(new TextDecoder().decode(piece), 'one ');
      break;
    }
    t.equal(await b.text(), 'one two three');
    t.equal(b.bytesDownloaded, 13);
    t.equal(source.cancels, 0);
    await c.close();
    t.equal(source.cancels, 0, 'it has been read to its end');
  },
);

t.test('the exchange is cancelled when all have closed', async (t) => {
  const { gate, send } = deduped();
  const all = [send(), send()];
  const source = new StubSource('one', 'two');
  await gate.answer(0, new Response(200, { body: source }));
  const [a, b] = (await Promise.all(all)) as [Response, Response];
  await a.close();
  t.equal(source.cancels, 0);
  await b.close();
  t.equal(source.cancels, 1);
  await rejection(a.text(), ClosedError);
});

t.test('the first one is aborted, and the others get the response all the same', async (t) => {
  const { gate, send } = deduped();
  const controller = new AbortController();
  const first = send(get({ signal: controller.signal }));
  const second = send();
  t.not(gate.requests[0]?.signal, controller.signal);
  const reason = new Error('no more');
  controller.abort(reason);
  t.equal(await rejection(first), reason);
  t.equal(gate.aborts, 0);
  const third = send();
  t.equal(gate.requests.length, 1, 'it can still be joined');
  await gate.answer(0, open('x'));
  t.equal(await (await second).text(), 'x');
  t.equal((await second).extensions.deduped, true);
  t.equal(await (await third).text(), 'x');
});

t.test('one that has joined is aborted: it is told at once, and the others are not', async (t) => {
  const { gate, send } = deduped();
  const controller = new AbortController();
  const first = send();
  const second = send(get({ signal: controller.signal }));
  controller.abort(new Error('no more'));
  t.match(await rejection(second), { message: 'no more' });
  t.match(
    await rejection(send(get({ signal: controller.signal }))),
    { message: 'no more' },
    'nor does an aborted one join',
  );
  await gate.answer(0, open('x'));
  t.equal(await (await first).text(), 'x');
});

t.test('when all are aborted the exchange is, and nobody joins it any more', async (t) => {
  const { gate, layer, send } = deduped();
  const controllers = [new AbortController(), new AbortController()];
  const all = controllers.map(({ signal }) => send(get({ signal })));
  controllers[1]?.abort(new Error('b'));
  t.equal(gate.aborts, 0);
  controllers[0]?.abort(new Error('a'));
  t.equal(gate.aborts, 1);
  t.equal(layer.pending, 0);
  t.match(await rejection(all[0] as Promise<Response>), { message: 'a' });
  t.match(await rejection(all[1] as Promise<Response>), { message: 'b' });
  const next = send();
  t.equal(gate.requests.length, 2);
  await gate.answer(1, new Response(200));
  t.equal((await next).status, 200);
});

t.test('a response that comes when all have gone is closed', async (t) => {
  const answer = deferred<Response>();
  const layer = new DedupeMiddleware(new StubTransport(() => answer.promise));
  const controller = new AbortController();
  const sending = layer.send(get({ signal: controller.signal }));
  controller.abort(new Error('no'));
  await rejection(sending);
  const source = new StubSource('x');
  answer.resolve(new Response(200, { body: source }));
  await turn();
  t.equal(source.cancels, 1);
});

t.test('the deadline of each is its own', async (t) => {
  const { gate, send } = deduped();
  const first = send(get({ expiresAt: performance.now() + 10 }));
  const second = send();
  const third = send(get({ expiresAt: performance.now() + 60_000 }));
  t.equal(gate.requests[0]?.extensions.expiresAt, Infinity);
  const error = await rejection(first, DeadlineError);
  t.match(error.message, 'GET http://h.test/x: not done by its deadline');
  t.equal(gate.aborts, 0);
  await gate.answer(0, open('x'));
  t.equal(await (await second).text(), 'x');
  t.equal(await (await third).text(), 'x');
});

t.test(
  'in the middle of the body, too: one leaves, with its reason, and the others read on',
  async (t) => {
    for (const how of ['abort', 'deadline'] as const) {
      const { gate, send } = deduped();
      const controller = new AbortController();
      const first = send(
        how === 'abort'
          ? get({ signal: controller.signal })
          : get({ expiresAt: performance.now() + 20 }),
      );
      const second = send();
      const gap = deferred<string>();
      const source = new StubSource('one', gap.promise, 'three');
      await gate.answer(0, new Response(200, { body: source }));
      const reading = (await first).text();
      reading.catch(() => {});
      const other = (await second).text();
      await turn();
      controller.abort(new Error('abort'));
      if (how === 'abort') t.match(await rejection(reading), { message: 'abort' });
      else await rejection(reading, DeadlineError);
      gap.resolve('two');
      t.equal(await other, 'onetwothree');
      t.equal(source.cancels, 0);
    }
  },
);

t.test('alone, a signal ends the body as well, and what was read of it stays', async (t) => {
  const { gate, send } = deduped();
  const controller = new AbortController();
  const sending = send(get({ signal: controller.signal }));
  const source = new StubSource('one', 'two');
  await gate.answer(0, new Response(200, { body: source }));
  const pieces = (await sending)[Symbol.asyncIterator]();
  t.equal((await pieces.next()).done, false);
  controller.abort(new Error('enough'));
  t.match(await rejection(pieces.next()), { message: 'enough' });
  t.equal(source.cancels, 1);
  t.equal((await sending).request.signal, controller.signal);
});

t.test('alone, the body is handed on with all that its source can do', async (t) => {
  const { gate, send } = deduped();
  const signal = new AbortController().signal;
  const wire = new StubSource('wire');
  const sending = send(get({ signal }));
  await gate.answer(0, new Response(200, { body: StubSource.around(wire, 'decoded') }));
  const response = await sending;
  t.equal(new TextDecoder().decode((await response.iterRaw().next()).value), 'wire');
  t.equal(response.bytesDownloaded, 4);

  const whole = Object.assign(new StubSource(), {
    trailers: new Headers({ 'x-sum': '1' }),
    rest: async () => new Uint8Array(3),
    upgrade: () => 'the connection',
  });
  const second = send(get({ signal }));
  await gate.answer(1, new Response(200, { body: whole as never }));
  t.equal((await (await second).bytes()).byteLength, 3);
  t.equal((await second).trailers?.get('x-sum'), '1');
  const third = send(get({ signal }));
  await gate.answer(2, new Response(101, { body: whole as never }));
  t.equal((await third).upgrade(), 'the connection');
});

t.test('a failure comes to all, to each as an error of its own request', async (t) => {
  const { gate, send } = deduped();
  const requests = [get(), get({ signal: new AbortController().signal })] as const;
  const all = requests.map((request) => send(request));
  const cause = new Error('ECONNREFUSED');
  const original = new ConnectError('refused', {
    request: gate.requests[0] as Request,
    cause,
    phase: 'connect',
    elapsed: 7,
  });
  gate.answers[0]?.reject(original);
  const errors = await Promise.all(all.map((each) => rejection(each, ConnectError)));
  t.equal(errors[0], original, 'the first has the original: it is about its request');
  for (const [place, error] of errors.entries()) {
    t.equal(error.request, requests[place]);
    t.ok(isRequestError(error));
    t.equal(error.code, 'ERR_CONNECT');
    t.equal(error.message, 'GET http://h.test/x: refused');
    t.equal(error.stack, original.stack);
    t.equal(error.cause, cause);
    t.strictSame(Object.assign({}, error), { phase: 'connect', elapsed: 7 });
  }
});

t.test('a body that breaks off does so for all, behind what has come', async (t) => {
  const { gate, send } = deduped();
  const requests = [get(), get()];
  const all = requests.map((request) => send(request));
  const broken = new ReadError('broke', { request: requests[0] as Request });
  await gate.answer(0, open('one', broken));
  for (const [place, each] of all.entries()) {
    const pieces = (await each)[Symbol.asyncIterator]();
    t.equal((await pieces.next()).done, false);
    const error = await rejection(pieces.next(), ReadError);
    t.equal(error.request, requests[place]);
  }
});

t.test(
  'a response that has been read by somebody further in fails all, and nobody waits',
  async () => {
    const { gate, send } = deduped();
    const all = [send(), send()];
    const response = open('x').with({ request: gate.requests[0] });
    response[Symbol.asyncIterator]();
    await gate.answer(0, response);
    for (const each of all) await rejection(each, StreamConsumedError);
  },
);

t.test(
  'a transport that throws fails the request, and is asked again by the next one',
  async (t) => {
    const failure = new Error('no transport');
    const layer = new DedupeMiddleware({
      send: () => {
        throw failure;
      },
      close: async () => {},
    });
    t.equal(await rejection(layer.send(get())), failure);
    t.equal(layer.pending, 0);
  },
);

t.test('an error of any class can be made one of another request', async (t) => {
  class Own extends TransportError {
    readonly #secret: string;
    static {
      named(this, 'Own', 'ERR_THROTTLE');
    }
    constructor(init: RequestErrorInit & { secret: string }) {
      super('own', init);
      this.#secret = init.secret;
    }
    get secret(): string {
      return this.#secret;
    }
  }
  const [a, b] = [get(), get()];
  const original = new Own({ request: a, secret: 's' });
  const copy = ownError(original, b) as Own;
  t.type(copy, Own);
  t.equal(copy.secret, 's');
  t.equal(copy.request, b);
  t.equal(original.request, a);
  t.match(String(copy), 'Own: GET http://h.test/x: own');
  t.strictSame(Object.keys(copy), Object.keys(original));
  const response = new Response(500, { request: a });
  const status = new StatusError('500', { request: a, response });
  t.equal((ownError(status, b) as StatusError).response, response);
  const others = [new Error('x'), new ClosedError('closed'), 'text', null, undefined];
  for (const other of others) t.equal(ownError(other, b), other);
  t.equal(ownError(original, a), original);
});

t.test(
  'who does not read holds the others up for maxStall, then its body ends with an error',
  async (t) => {
    const { gate, send } = deduped({ maxBuffer: 4, maxStall: 10 });
    const all = [send(), send(get({ headers: {} }))];
    await gate.answer(0, open('1234', '5678', '9'));
    const [a, b] = (await Promise.all(all)) as [Response, Response];
    // One behind the other: without a bound on the wait, the first would wait for the second, and the second for the first.
    t.equal(await a.text(), '123456789');
    const error = await rejection(b.text(), TransportError);
    t.equal(
      error.message,
      'GET http://h.test/x: its body was not read, and held up others who share it for 10 ms (dedupe.maxStall) at 4 bytes (dedupe.maxBuffer)',
    );
    t.equal(error.request, b.request);
  },
);

t.test('the time of a response is that of its own request', async (t) => {
  const { gate, send } = deduped();
  const first = send();
  const began = performance.now();
  while (performance.now() - began < 5) await turn();
  const second = send();
  await gate.answer(0, new Response(200, { elapsed: 1234 }));
  t.equal((await first).elapsed, 1234);
  const { elapsed } = await second;
  t.ok(elapsed >= 0 && elapsed < 1234, String(elapsed));
});

t.test('an option that is not what it has to be is a TypeError that says so', (t) => {
  const next = new StubTransport();
  const bad: [DedupeOptions, RegExp][] = [
    [null as never, /dedupe: expected an object of options, got null/],
    [true as never, /dedupe: expected an object of options, got boolean/],
    [{ key: 'x' as never }, /dedupe\.key: expected a function, got string/],
    [{ ignoreHeaders: 'x' as never }, /dedupe\.ignoreHeaders: expected a list of field names/],
    [{ ignoreHeaders: [1] as never }, /dedupe\.ignoreHeaders: expected a list of field names/],
    [{ maxBuffer: 0 }, /dedupe\.maxBuffer: expected bytes from 1, or null, got 0/],
    [{ maxBuffer: '1' as never }, /dedupe\.maxBuffer/],
    [{ maxStall: 0 }, /dedupe\.maxStall: expected milliseconds above 0, or null, got 0/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new DedupeMiddleware(next, options), { name: 'TypeError', message });
  for (const name of [
    'Authorization',
    'cookie',
    'accept',
    'accept-language',
    'range',
    'host',
    'if-match',
  ])
    t.throws(() => new DedupeMiddleware(next, { ignoreHeaders: [name] }), {
      message: `dedupe.ignoreHeaders: expected fields that no response depends on, got ${name.toLowerCase()}`,
    });
  t.doesNotThrow(() => new DedupeMiddleware(next, { maxBuffer: null, maxStall: null }));
  const options: Record<keyof DedupeOptions, true> = {
    ignoreHeaders: true,
    key: true,
    maxBuffer: true,
    maxStall: true,
  };
  t.strictSame(DEDUPE_OPTION_NAMES, Object.keys(options));
  t.end();
});

t.test('over sockets: a burst of the same request is one exchange', async (t) => {
  const answer = deferred();
  let times = 0;
  const body = Buffer.alloc(3_000_000, 'strata');
  await using server = await okServer(async (request, response) => {
    times++;
    await answer.promise;
    request.socket.setNoDelay();
    response.end(body);
  });
  await using layer = new DedupeMiddleware(new ConnectionPool(), { maxBuffer: 100_000 });
  const all = Array.from({ length: 10 }, () => layer.request('GET', server.url));
  while (times === 0) await turn();
  answer.resolve();
  const bodies = await Promise.all(all.map(async (each) => (await each).bytes()));
  t.equal(times, 1);
  t.ok(bodies.every((bytes) => body.equals(bytes)));
  t.equal(new Set(bodies.map(({ buffer }) => buffer)).size, 10);
});

t.test('over sockets: all go, and the connection is closed', async (t) => {
  const closed = deferred();
  await using server = await okServer((request, response) => {
    request.socket.on('close', () => closed.resolve());
    response.write('x'.repeat(1000));
  });
  await using layer = new DedupeMiddleware(new ConnectionPool());
  const controller = new AbortController();
  const all = [
    layer.send(get({ signal: controller.signal }, server.url)),
    layer.send(get({ signal: controller.signal }, server.url)),
  ];
  const responses = await Promise.all(all);
  const reading = responses.map((response) => rejection(response.text()));
  controller.abort(new Error('all'));
  for (const each of reading) t.match(await each, { message: 'all' });
  await closed.promise;
  t.equal(server.connections, 1);
});

t.test(
  'a response that is dropped holds nobody up, and the last one frees the exchange',
  async (t) => {
    const program = `
    import { DedupeMiddleware } from ${JSON.stringify(new URL('../../src/middleware/dedupe.js', import.meta.url))};
    import { Request } from ${JSON.stringify(new URL('../../src/messages/request.js', import.meta.url))};
    import { Response } from ${JSON.stringify(new URL('../../src/messages/response.js', import.meta.url))};
    let cancels = 0;
    const next = {
      send: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        let left = 5;
        return new Response(200, { body: {
          pull: async () => left-- > 0 ? new Uint8Array(10) : null,
          cancel: async () => void cancels++, bytesReceived: 0, trailers: null,
        } });
      },
      async close() {},
    };
    const { signal } = new AbortController();
    const layer = new DedupeMiddleware(next, { maxBuffer: 10, maxStall: null });
    const send = () => layer.send(new Request('GET', 'http://h.test/', { signal }));
    const collecting = setInterval(gc, 5);
    const read = async () => {
      const [kept] = await Promise.all([send(), send(), send()]);
      return (await kept.bytes()).byteLength;
    };
    console.log(await read());
    const drop = async () => void (await Promise.all([send(), send()]));
    await drop();
    while (cancels === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(collecting);
    console.log('cancelled', cancels);
  `;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '--input-type=module',
      '--eval',
      program,
    ]);
    t.equal(stdout, '50\ncancelled 1\n');
  },
);
