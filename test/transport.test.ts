import { inspect } from 'node:util';
import t from 'tap';
import { ClosedError } from '../src/errors.ts';
import { Request } from '../src/messages/request.ts';
import { Response } from '../src/messages/response.ts';
import { RedirectMiddleware } from '../src/middleware/redirect.ts';
import {
  type Layer,
  Middleware,
  middleware,
  shared,
  stack,
  Transport,
  type TransportLike,
} from '../src/transport.ts';
import { ConnectionPool } from '../src/transports/connection-pool.ts';
import { deferred } from './support/deferred.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { rejection } from './support/rejection.ts';
import {
  connection,
  hang,
  head,
  lines,
  ok,
  repeat,
  ScriptServer,
  send,
} from './support/script-server.ts';
import { StubTransport } from './support/stub-transport.ts';

assertNoLeaks(t);

const request = new Request('GET', 'http://h/x');

/** A layer that notes when a request and its response pass. */
class Noting extends Middleware {
  readonly #name: string;
  readonly #log: string[];

  constructor(next: TransportLike, name: string, log: string[]) {
    super(next);
    this.#name = name;
    this.#log = log;
  }

  async send(request: Request): Promise<Response> {
    this.#log.push(`→ ${this.#name}`);
    const response = await this.next.send(request);
    this.#log.push(`← ${this.#name}`);
    return response;
  }
}

// ── stacks ──────────────────────────────────────────────────────────────────────────────────────

t.test(
  'a chain of five layers sees the request in the order written and the response in reverse',
  async (t) => {
    await using server = await ScriptServer.start(() => ok('hello'));
    const log: string[] = [];
    const bare: Layer = (next) => ({
      send: async (request) => {
        log.push('→ object');
        const response = await next.send(
          request.with({ headers: request.headers.withAppended('x-by', 'object') }),
        );
        log.push('← object');
        return response;
      },
      close: () => next.close(),
    });
    await using transport = stack(
      Noting.layer('class', log),
      middleware(async (request, next) => {
        log.push('→ function');
        const response = await next.send(
          request.with({ headers: request.headers.withAppended('x-by', 'function') }),
        );
        log.push('← function');
        return response.with({ headers: response.headers.with('x-seen', 'function') });
      }),
      bare,
      RedirectMiddleware.layer(),
      Noting.layer('innermost', log),
      new ConnectionPool(),
    );
    const response = await transport.request('GET', server.url);
    t.equal(await response.text(), 'hello');
    t.equal(response.headers.get('x-seen'), 'function');
    t.equal(server.requests[0]?.header('x-by'), 'function, object');
    t.same(log, [
      '→ class',
      '→ function',
      '→ object',
      '→ innermost',
      '← innermost',
      '← object',
      '← function',
      '← class',
    ]);
  },
);

t.test('a stack is the same nesting that constructors make by hand', async (t) => {
  const log: string[] = [];
  const bottom = new StubTransport();
  const byHand = new Noting(new Noting(bottom, 'b', log), 'a', log);
  const stacked = stack(Noting.layer('a', log), Noting.layer('b', log), bottom);
  t.equal(inspect(stacked), inspect(byHand));
  await byHand.send(request);
  await stacked.send(request);
  t.same(log.slice(0, 4), log.slice(4));
});

t.test(
  'a stack may be as low as a transport by itself, and be a part of another stack',
  async (t) => {
    const bottom = new StubTransport();
    t.equal(stack(bottom), bottom);
    const log: string[] = [];
    await stack(Noting.layer('a', log), stack(Noting.layer('b', log), bottom)).send(request);
    t.same(log, ['→ a', '→ b', '← b', '← a']);
  },
);

t.test('what a layer adds goes inward, and is not seen outside of it', async (t) => {
  const bottom = new StubTransport();
  const outside: Request[] = [];
  const transport = stack(
    middleware((request, next) => {
      outside.push(request);
      return next.send(request);
    }),
    middleware((request, next) =>
      next.send(request.with({ headers: request.headers.with('authorization', 's3cret') })),
    ),
    bottom,
  );
  await transport.send(request);
  t.equal(outside[0], request);
  t.equal(request.headers.has('authorization'), false);
  t.equal(bottom.requests[0]?.headers.get('authorization'), 's3cret');
});

t.test(
  'a layer may answer by itself, send several times, or turn a response into an error',
  async (t) => {
    const bottom = new StubTransport((_request, place) => new Response(place === 0 ? 503 : 200));
    const answering = stack(
      middleware(async () => new Response(204)),
      bottom,
    );
    t.equal((await answering.send(request)).status, 204);
    t.equal(bottom.requests.length, 0);

    const twice = stack(
      middleware(async (request, next) => {
        const first = await next.send(request);
        if (first.status !== 503) return first;
        await first.close();
        return await next.send(request);
      }),
      bottom,
    );
    t.equal((await twice.send(request)).status, 200);
    t.equal(bottom.requests.length, 2);

    const raising = stack(
      middleware(async (request, next) => (await next.send(request)).raiseForStatus()),
      new StubTransport(() => new Response(404)),
    );
    await t.rejects(raising.send(request), { name: 'StatusError', status: 404 });
  },
);

t.test('what does not fit into a stack is a TypeError that says where', async (t) => {
  const bottom = new StubTransport();
  const cases: [parts: unknown[], message: string][] = [
    [[], 'stack: expected a transport at the end, got undefined'],
    [[null], 'stack: expected a transport at the end, got null'],
    [[RedirectMiddleware.layer()], 'stack: expected a transport at the end, got a function'],
    [[{}], 'stack: expected a transport at the end, got an instance of Object'],
    [
      [bottom, bottom],
      'stack: expected a layer in place 1, (next) => transport, got an instance of StubTransport',
    ],
    [
      [RedirectMiddleware.layer(), undefined, bottom],
      'stack: expected a layer in place 2, (next) => transport, got undefined',
    ],
    [
      [() => undefined, bottom],
      'stack: expected a layer in place 1, (next) => transport, got a function',
    ],
    [
      [() => ({}), bottom],
      'stack: expected a layer in place 1, (next) => transport, got a function',
    ],
    [
      [Object.create(null), bottom],
      'stack: expected a layer in place 1, (next) => transport, got an instance of no class',
    ],
  ];
  for (const [parts, message] of cases) {
    t.throws(() => stack(...(parts as [TransportLike])), { name: 'TypeError', message });
  }
  t.throws(() => new RedirectMiddleware(undefined as never), {
    name: 'TypeError',
    message: 'RedirectMiddleware: expected the transport to wrap, got undefined',
  });
  t.throws(() => new RedirectMiddleware((() => bottom) as never), { message: /got a function$/ });
  t.throws(() => middleware({} as never), {
    name: 'TypeError',
    message:
      'middleware: expected a function (request, next) => Promise<Response>, got an instance of Object',
  });
});

t.test(
  'any object with send and close is a transport, and is lent request and stream',
  async (t) => {
    const made: TransportLike = {
      send: async () => new Response(200, { text: 'hello' }),
      close: async () => {},
    };
    const transport = stack(made);
    t.equal(await (await transport.request('GET', 'http://h/')).text(), 'hello');
    await using response = await transport.stream('GET', 'http://h/');
    t.equal(response.status, 200);
    await transport.close();
  },
);

// ── printing ────────────────────────────────────────────────────────────────────────────────────

t.test('a stack is printed outermost first, each by its own name', async (t) => {
  class Named implements TransportLike {
    send = async (): Promise<Response> => new Response(200);
    close = async (): Promise<void> => {};
  }
  class Labelled extends Named {
    override toString(): string {
      return '<Labelled [3]>';
    }
  }
  const transport = (bottom: TransportLike): string =>
    inspect(
      stack(
        RedirectMiddleware.layer(),
        middleware(async function addId(request, next) {
          return await next.send(request);
        }),
        middleware((request, next) => next.send(request)),
        bottom,
      ),
    );
  t.equal(transport(new Named()), '<RedirectMiddleware → addId → middleware → Named>');
  t.equal(transport(new Labelled()), '<RedirectMiddleware → addId → middleware → Labelled [3]>');
  t.equal(
    transport(shared(new Labelled())),
    '<RedirectMiddleware → addId → middleware → Labelled [3]>',
  );
  await using pool = new ConnectionPool();
  t.equal(
    inspect(stack(RedirectMiddleware.layer(), pool)),
    '<RedirectMiddleware → ConnectionPool [0 active, 0 idle]>',
  );
});

// ── a transport by itself ───────────────────────────────────────────────────────────────────────

t.test('request() reads the response to its end, stream() leaves it open', async (t) => {
  const bottom: StubTransport = new StubTransport(() => bottom.scoped(200));
  t.equal((await bottom.request('POST', 'http://h/x', { json: 1 })).isRead, true);
  const response = await bottom.stream('GET', 'http://h/x');
  t.equal(response.isRead, false);
  await response.close();
  t.same(bottom.log, ['POST http://h/x', 'GET http://h/x']);
  t.equal(bottom.requests[0]?.headers.get('content-type'), 'application/json');
});

t.test('bad input is a rejection, and never a throw', async (t) => {
  const transport = stack(
    middleware((request, next) => next.send(request)),
    new StubTransport(),
  );
  const bad: (() => Promise<unknown>)[] = [
    () => transport.request('G T', 'http://h/'),
    () => transport.stream('G T', 'http://h/'),
    () => transport.request('GET', 'http://h/', { headers: { a: 'b\r\nc: d' } }),
    () => transport.stream('GET', 'http://h/', { headers: { a: 'b\r\nc: d' } }),
  ];
  for (const ask of bad) {
    let asked: Promise<unknown> | undefined;
    t.doesNotThrow(() => (asked = ask()));
    await t.rejects(asked as Promise<unknown>, TypeError);
  }
  for (const ask of [() => transport.request('GET', '/x'), () => transport.stream('GET', '/x')]) {
    let asked: Promise<unknown> | undefined;
    t.doesNotThrow(() => (asked = ask()));
    await t.rejects(asked as Promise<unknown>, { name: 'InvalidURLError' });
  }
});

t.test('a function that throws makes its middleware reject', async (t) => {
  const reason = new TypeError('no');
  const transport = stack(
    middleware(() => {
      throw reason;
    }),
    new StubTransport(),
  );
  let sent: Promise<Response> | undefined;
  t.doesNotThrow(() => (sent = transport.send(request)));
  t.equal(await rejection(sent as Promise<Response>), reason);
});

t.test('a class with send is a transport to use with `await using`, over any other', async (t) => {
  await using server = await ScriptServer.start((received) =>
    received.target === '/old'
      ? lines('HTTP/1.1 302 Found', 'Location: /new', 'Content-Length: 0', '', '')
      : ok(`${received.target} for ${received.header('x-app')}`),
  );
  class MyClient extends Transport {
    readonly #transport = new RedirectMiddleware(new ConnectionPool());

    send(request: Request): Promise<Response> {
      return this.#transport.send(request.with({ headers: request.headers.with('x-app', 'mine') }));
    }

    override close(): Promise<void> {
      return this.#transport.close();
    }
  }
  {
    await using client = new MyClient();
    const response = await client.request('GET', `${server.url}/old`);
    t.equal(await response.text(), '/new for mine');
  }
  await server.connectionClosed(1);
});

// ── who closes what ─────────────────────────────────────────────────────────────────────────────

t.test('to close a stack closes every layer, down to the bottom', async (t) => {
  const bottom = new StubTransport();
  const closed: string[] = [];
  class Closing extends Middleware {
    send(request: Request): Promise<Response> {
      return this.next.send(request);
    }

    override async close(): Promise<void> {
      closed.push('mine');
      await super.close();
    }
  }
  {
    await using transport = stack(
      RedirectMiddleware.layer(),
      Closing.layer(),
      middleware((request, next) => next.send(request)),
      bottom,
    );
    await transport.send(request);
    t.equal(bottom.closes, 0);
  }
  t.same(closed, ['mine']);
  t.equal(bottom.closes, 1);
});

t.test('what is shared outlives the stacks that use it', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  const pool = new ConnectionPool();
  for (let round = 0; round < 2; round++) {
    await using transport = stack(RedirectMiddleware.layer(), shared(pool));
    t.equal((await transport.request('GET', server.url)).status, 200);
  }
  t.equal(inspect(pool), '<ConnectionPool [0 active, 1 idle]>');
  t.equal(server.connections.count, 1, 'both stacks used one connection');
  await pool.close();
  await rejection(shared(pool).request('GET', server.url), ClosedError);
});

t.test('after close a stack rejects with ClosedError', async (t) => {
  const transport = stack(RedirectMiddleware.layer(), new ConnectionPool());
  await transport.close();
  await transport.close();
  const error = await rejection(transport.request('GET', 'http://127.0.0.1:9/'), ClosedError);
  t.equal(error.code, 'ERR_CLOSED');
});

// ── aborting ────────────────────────────────────────────────────────────────────────────────────

const REASONS: [what: string, reason: unknown][] = [
  ['an error', new Error('enough')],
  ['a string', 'enough'],
  ['a number', 0],
  ['an object', { enough: true }],
  ['the default', undefined],
];

t.test('a signal’s reason passes every layer unchanged, wherever the request is', async (t) => {
  await using server = await ScriptServer.start([
    repeat(
      connection(
        repeat(async (wire) => {
          const { target } = await wire.request();
          if (target === '/head') await wire.hang();
          await wire.send(lines('HTTP/1.1 200 OK', 'Content-Length: 1000000', '', 'start'));
          await wire.hang();
        }),
      ),
    ),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 } });
  const transport = stack(
    Noting.layer('a', []),
    RedirectMiddleware.layer(),
    middleware((request, next) => next.send(request)),
    pool,
  );
  for (const [what, given] of REASONS) {
    const aborted = AbortSignal.abort(given);
    const before = await rejection(transport.request('GET', server.url, { signal: aborted }));
    t.equal(before, aborted.reason, `${what}, before it was sent`);

    const inHead = new AbortController();
    const [count] = [server.requests.length];
    const waiting = transport.request('GET', `${server.url}/head`, { signal: inHead.signal });
    await server.request(count + 1);
    const inQueue = new AbortController();
    const queued = transport.request('GET', `${server.url}/queued`, { signal: inQueue.signal });
    inQueue.abort(given);
    t.equal(await rejection(queued), inQueue.signal.reason, `${what}, in the queue`);
    inHead.abort(given);
    t.equal(await rejection(waiting), inHead.signal.reason, `${what}, before the head`);

    for (const read of [
      (response: Response) => response.bytes(),
      (response: Response) => response.text(),
      async (response: Response) => {
        for await (const piece of response.iterRaw())
          t.equal(Buffer.from(piece).toString(), 'start');
      },
      async (response: Response) => await new globalThis.Response(response.body).text(),
    ]) {
      const inBody = new AbortController();
      const response = await transport.stream('GET', `${server.url}/body`, {
        signal: inBody.signal,
      });
      const reading = read(response);
      setImmediate(() => setImmediate(() => inBody.abort(given)));
      t.equal(await rejection(reading), inBody.signal.reason, `${what}, in the body`);
    }
    t.equal(inspect(pool), '<ConnectionPool [0 active, 0 idle]>', 'nothing is held on to');
  }
});

t.test('to abort what is over changes nothing', async (t) => {
  await using server = await ScriptServer.start(() => ok('hello'));
  await using pool = new ConnectionPool();
  const controller = new AbortController();
  const response = await pool.request('GET', server.url, { signal: controller.signal });
  controller.abort();
  t.equal(await response.text(), 'hello');
  t.equal(inspect(pool), '<ConnectionPool [0 active, 1 idle]>');
});

// ── at the same time ────────────────────────────────────────────────────────────────────────────

t.test('a stack serves any number of requests at once, each its own response', async (t) => {
  await using server = await ScriptServer.start(({ target }) =>
    target.startsWith('/old')
      ? lines('HTTP/1.1 302 Found', `Location: /new${target.slice(4)}`, 'Content-Length: 0', '', '')
      : ok(target),
  );
  await using transport = stack(
    Noting.layer('a', []),
    RedirectMiddleware.layer(),
    new ConnectionPool({ limits: { maxConnections: 5 } }),
  );
  const targets = Array.from(
    { length: 200 },
    (_, place) => `/${place % 2 === 0 ? 'old' : 'new'}/${place}`,
  );
  const texts = await Promise.all(
    targets.map(
      async (target) => await (await transport.request('GET', server.url + target)).text(),
    ),
  );
  t.same(
    texts,
    targets.map((target) => target.replace('old', 'new')),
  );
  t.ok(server.connections.count <= 5);
});

t.test('requests wait for one another only where a layer makes them', async (t) => {
  const gate = deferred();
  const bottom = new StubTransport(async ({ target }) => {
    if (target === '/slow') await gate.promise;
    return undefined;
  });
  const transport = stack(
    middleware((request, next) => next.send(request)),
    bottom,
  );
  const slow = transport.request('GET', 'http://h/slow');
  t.equal((await transport.request('GET', 'http://h/fast')).status, 200);
  gate.resolve();
  t.equal((await slow).status, 200);
});

t.test('a response that was handed out is closed by leaving its scope', async (t) => {
  await using server = await ScriptServer.start([
    repeat(
      connection(
        head(),
        send(lines('HTTP/1.1 200 OK', 'Content-Length: 9000000', '', 'x')),
        hang(),
      ),
    ),
  ]);
  await using transport = stack(RedirectMiddleware.layer(), new ConnectionPool());
  {
    await using response = await transport.stream('GET', server.url);
    t.equal(response.status, 200);
    t.match(inspect(transport), '1 active');
  }
  t.match(inspect(transport), '0 active');
  await server.connectionClosed(1);
});
