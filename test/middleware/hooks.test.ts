import t from 'tap';
import { StatusError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { HooksMiddleware, type Hooks } from '../../src/middleware/hooks.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const URL = 'http://h.test/';

function send(
  inner: StubTransport,
  hooks: Hooks | false,
  init: RequestInit = {},
): Promise<Response> {
  return new HooksMiddleware(inner, hooks).send(new Request('GET', URL, init));
}

const open = (...pieces: string[]): StubTransport => {
  const inner: StubTransport = new StubTransport(() => inner.scoped(200, {}, ...pieces));
  return inner;
};

/** Lets what is decided now have its effect. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('without hooks a request goes through as it is', async (t) => {
  const inner = new StubTransport();
  for (const hooks of [{}, false, { request: [] }] as const) {
    const layer = new HooksMiddleware(inner, hooks);
    const request = new Request('GET', URL);
    await layer.send(request);
    t.equal(inner.requests.at(-1), request);
    t.equal(layer.toString(), 'StubTransport', 'it is not shown');
  }
});

t.test('hooks are called in the order in which they stand, requests first', async (t) => {
  const calls: string[] = [];
  const note = (name: string) => async () => {
    await settled();
    calls.push(name);
  };
  const inner = new StubTransport(() => {
    calls.push('send');
    return undefined;
  });
  await send(
    inner,
    { request: [note('a'), () => void calls.push('b')], response: [note('c'), note('d')] },
    { hooks: { request: [note('own')], response: [note('own')] } },
  );
  t.strictSame(calls, ['a', 'b', 'own', 'send', 'c', 'd', 'own']);
});

t.test(
  'a request hook may return another request, which the next one gets, and which is sent',
  async (t) => {
    const inner = new StubTransport();
    const seen: (string | null)[] = [];
    const response = await send(inner, {
      request: [
        (request) => request.with({ headers: request.headers.with('x-a', '1') }),
        (request) => void seen.push(request.headers.get('x-a')),
        async (request) => request.with({ headers: request.headers.with('x-b', '2') }),
      ],
      response: [(_, request) => void seen.push(request.headers.get('x-b'))],
    });
    t.same(inner.requests[0]?.headers.toJSON(), { 'x-a': '1', 'x-b': '2' });
    t.strictSame(seen, ['1', '2']);
    t.equal(response.status, 200);
  },
);

t.test('a response hook is called before the body is read, and can read it', async (t) => {
  const inner = open('abc');
  const read: boolean[] = [];
  const response = await send(inner, {
    response: [
      (each) => void read.push(each.isRead),
      async (each) => void (await each.text()),
      (each) => void read.push(each.isRead),
    ],
  });
  t.strictSame(read, [false, true]);
  t.equal(await response.text(), 'abc');
  t.equal(inner.bodies[0]?.cancels, 0);
});

t.test('a response hook may return another response, which the next one gets', async (t) => {
  const inner = open('abc');
  const statuses: number[] = [];
  const response = await send(inner, {
    response: [
      (each) => each.with({ status: 201 }),
      (each) => void statuses.push(each.status),
      async (each) => each.with({ headers: { 'x-a': '1' } }),
    ],
  });
  t.strictSame(statuses, [201]);
  t.equal(response.headers.get('x-a'), '1');
  t.equal(await response.text(), 'abc', 'the body goes with it');
});

t.test(
  'one in memory closes the one that it replaces; one that streams has taken it over',
  async (t) => {
    const replaced = open('abc');
    const response = await send(replaced, {
      response: [() => new Response(200, { text: 'from elsewhere' })],
    });
    t.equal(await response.text(), 'from elsewhere');
    t.equal(replaced.bodies[0]?.cancels, 1);

    const wrapped = open('abc', 'def');
    async function* loud(body: Response): AsyncGenerator<string> {
      for await (const text of body.iterText()) yield text.toUpperCase();
    }
    const made = await send(wrapped, {
      response: [(each) => new Response(200, { body: loud(each) })],
    });
    t.equal(await made.text(), 'ABCDEF');
  },
);

t.test(
  'what a request hook throws is what the call rejects with, and nothing is sent',
  async (t) => {
    const reason = new Error('no');
    for (const hook of [
      () => Promise.reject(reason),
      () => {
        throw reason;
      },
    ]) {
      const inner = new StubTransport();
      t.equal(await rejection(send(inner, { request: [hook] })), reason);
      t.equal(inner.requests.length, 0);
    }
  },
);

t.test(
  'what a response hook throws is what the call rejects with, and the response is closed',
  async (t) => {
    const inner: StubTransport = new StubTransport(() => inner.scoped(500));
    const later: number[] = [];
    await rejection(
      send(inner, {
        response: [(each) => void each.raiseForStatus(), () => void later.push(1)],
      }),
      StatusError,
    );
    t.equal(inner.bodies[0]?.cancels, 1);
    t.strictSame(later, []);

    const second = open('abc');
    const reason = new Error('no');
    const replaced = send(second, {
      response: [(each) => each.with({ status: 201 }), () => Promise.reject(reason)],
    });
    t.equal(await rejection(replaced), reason);
    t.equal(second.bodies[0]?.cancels, 1, 'the one that replaced it, too');
  },
);

t.test('an error from within is no response: response hooks are not called', async (t) => {
  const reason = new Error('refused');
  const called: number[] = [];
  const inner = new StubTransport(() => reason);
  t.equal(await rejection(send(inner, { response: [() => void called.push(1)] })), reason);
  t.strictSame(called, []);
});

t.test('an abort ends the wait for a hook with its reason, and closes the response', async (t) => {
  const reason = new Error('enough');
  for (const place of ['request', 'response'] as const) {
    const controller = new AbortController();
    const gate = deferred<Response | void>();
    const inner = open('abc');
    const started = deferred();
    const hook = (): Promise<never> => {
      started.resolve();
      return gate.promise as Promise<never>;
    };
    const sending = send(inner, { [place]: [hook] }, { signal: controller.signal });
    await started.promise;
    controller.abort(reason);
    t.equal(await rejection(sending), reason, place);
    t.equal(inner.bodies[0]?.cancels, place === 'request' ? undefined : 1);
    // What it makes of it too late is nobody's.
    const late = new StubSource('late');
    gate.resolve(new Response(200, { body: late }));
    await settled();
    if (place === 'response') t.equal(late.cancels, 1);
  }
  const controller = new AbortController();
  controller.abort(reason);
  const rejects = (): Promise<never> => Promise.reject(new Error('unheard'));
  const inner = new StubTransport();
  const aborted = send(inner, { request: [rejects] }, { signal: controller.signal });
  t.equal(await rejection(aborted), reason);
});

t.test('a signal that lives long gathers no listeners', async (t) => {
  const { signal } = new AbortController();
  let listeners = 0;
  const counted = {
    aborted: false,
    addEventListener: () => void listeners++,
    removeEventListener: () => void listeners--,
  } as unknown as AbortSignal;
  t.equal(signal.aborted, false);
  await send(
    new StubTransport(),
    { request: [() => {}], response: [() => {}] },
    { signal: counted },
  );
  t.equal(listeners, 0);
});

t.test('per request: hooks: false calls none', async (t) => {
  const called: number[] = [];
  const hooks = { request: [() => void called.push(1)] };
  await send(new StubTransport(), hooks, { hooks: false });
  t.strictSame(called, []);
});

t.test(
  'a hook that returns what it must not is a TypeError, and leaves nothing open',
  async (t) => {
    const inner = open('abc');
    const odd = await rejection(send(inner, { response: [() => 'done' as never] }), TypeError);
    t.equal(odd.message, 'hooks.response: expected a Response or nothing, got string');
    t.equal(inner.bodies[0]?.cancels, 1);
    const wrong = { request: [() => new Response(200) as never] };
    const error = await rejection(send(new StubTransport(), wrong), TypeError);
    t.equal(error.message, 'hooks.request: expected a Request or nothing, got Response');
  },
);

t.test('hooks are lists of functions', async (t) => {
  const bad: [unknown, RegExp][] = [
    [null, /hooks: expected \{ request, response \} or false, got null/],
    [{ request: () => {} }, /hooks\.request: expected a list of functions, got function/],
    [{ response: [3] }, /hooks\.response: expected functions, got number/],
  ];
  for (const [hooks, message] of bad) {
    t.throws(() => new HooksMiddleware(new StubTransport(), hooks as Hooks), {
      name: 'TypeError',
      message,
    });
    const error = await rejection(
      send(new StubTransport(), {}, { hooks: hooks as Hooks }),
      TypeError,
    );
    t.match(error.message, message);
  }
});

t.test('a list that grows later changes nothing', async (t) => {
  const called: number[] = [];
  const list: (() => void)[] = [];
  const layer = new HooksMiddleware(new StubTransport(), { request: list });
  list.push(() => void called.push(1));
  await layer.send(new Request('GET', URL));
  t.strictSame(called, []);
});

t.test('on sockets: a hook that fails leaves the connection free', async (t) => {
  await using server = await okServer((_, response) => response.end('x'.repeat(30_000)));
  await using pool = new ConnectionPool();
  const layer = new HooksMiddleware(pool, { response: [() => Promise.reject(new Error('no'))] });
  for (let i = 0; i < 3; i++) {
    await rejection(layer.send(new Request('GET', server.url)));
    t.equal(pool.snapshot().active, 0);
  }
});
