import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import type { AuthInit } from '../src/auth/auth.ts';
import { BearerAuth } from '../src/auth/bearer.ts';
import { NetrcAuth } from '../src/auth/netrc.ts';
import { Client } from '../src/client.ts';
import type { Request } from '../src/messages/request.ts';
import { Response } from '../src/messages/response.ts';
import { AuthMiddleware } from '../src/middleware/auth.ts';
import { BreakerMiddleware } from '../src/middleware/breaker.ts';
import { CacheMiddleware, MemoryStore } from '../src/middleware/cache.ts';
import { CookieMiddleware } from '../src/middleware/cookie.ts';
import { DeadlineMiddleware } from '../src/middleware/deadline.ts';
import { DecodeMiddleware } from '../src/middleware/decode.ts';
import { HstsMiddleware } from '../src/middleware/hsts.ts';
import { RedirectMiddleware } from '../src/middleware/redirect.ts';
import { RetryMiddleware } from '../src/middleware/retry.ts';
import { StatusMiddleware } from '../src/middleware/status.ts';
import { ThrottleMiddleware } from '../src/middleware/throttle.ts';
import { misplacedIn, WRONG_ORDERS, type LayerRole } from '../src/stack-order.ts';
import {
  labelOf,
  Middleware,
  middleware,
  shared,
  stack,
  type Layer,
  type Transport,
  type TransportLike,
} from '../src/transport.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { turn } from './support/clock.ts';
import { StubTransport } from './support/stub-transport.ts';

assertNoLeaks(t);

const STORE = new MemoryStore();
const RATE = { interval: 60_000, intervalCap: 2, maxQueue: 0 };
const KNOWN = { host: 'shop.test', includeSubDomains: false, expiresAt: Date.now() + 1e9 };

/** A layer for each role, as the package has it. */
const LAYERS: Readonly<Record<LayerRole, () => Layer>> = {
  deadline: () => DeadlineMiddleware.layer(100),
  'status errors': () => StatusMiddleware.layer(),
  credentials: () => AuthMiddleware.layer(['ada', 'secret']),
  redirects: () => RedirectMiddleware.layer({ allowDowngrade: true }),
  hsts: () => HstsMiddleware.layer({ entries: [KNOWN] }),
  retries: () => RetryMiddleware.layer({ attempts: 3, budget: null, backoff: { base: 0 } }),
  cookies: () => CookieMiddleware.layer(),
  decoding: () => DecodeMiddleware.layer(),
  cache: () => CacheMiddleware.layer({ store: STORE }),
  breaker: () => BreakerMiddleware.layer({ minimumRequests: 5 }),
  'rate limit': () => ThrottleMiddleware.layer(RATE),
};

/** `outer > inner`, each by its role. */
function found(...parts: object[]): string[] {
  return misplacedIn(parts).map(({ rule }) => `${rule.outside} > ${rule.inside}`);
}

/** By hand, where nothing looks at it. */
function nested(roles: readonly LayerRole[], bottom = new StubTransport()): Transport {
  return roles.reduceRight<Transport>((next, role) => LAYERS[role]()(next) as Transport, bottom);
}

// ── what is found ───────────────────────────────────────────────────────────────────────────────

t.test(
  'each wrong order is found in the layers of the package, and its reverse is right',
  async (t) => {
    for (const { outside, inside } of WRONG_ORDERS) {
      t.strictSame(found(nested([outside, inside])), [`${outside} > ${inside}`]);
      t.strictSame(found(nested([inside, outside])), []);
    }
  },
);

t.test('no two rules contradict one another, however many layers there are', async (t) => {
  // Each role after all those that belong outside of it: that there is such an order says that there is no circle.
  const left = new Set(Object.keys(LAYERS) as LayerRole[]);
  const order: LayerRole[] = [];
  while (left.size > 0) {
    const next = [...left].find((role) =>
      WRONG_ORDERS.every(({ outside, inside }) => outside !== role || !left.has(inside)),
    );
    if (next === undefined) break;
    left.delete(next);
    order.push(next);
  }
  t.strictSame([...left], []);
  t.strictSame(found(nested(order)), []);
  t.strictSame(
    found(nested(order.toReversed())).sort(),
    WRONG_ORDERS.map(({ outside, inside }) => `${outside} > ${inside}`).sort(),
  );
});

t.test('a layer that does nothing by itself stands wherever it stands', async (t) => {
  const bottom = new StubTransport();
  t.strictSame(found(new RetryMiddleware(new RedirectMiddleware(bottom), false)), []);
  t.strictSame(found(new RetryMiddleware(new RedirectMiddleware(bottom, false))), []);
  t.strictSame(found(new RetryMiddleware(new DeadlineMiddleware(bottom))), []);
  t.strictSame(found(new RetryMiddleware(new StatusMiddleware(bottom, false))), []);
  t.strictSame(found(new RedirectMiddleware(new AuthMiddleware(bottom))), []);
});

t.test('a throttle that counts no requests in a time may stand anywhere', async (t) => {
  const wrong = (options: ConstructorParameters<typeof ThrottleMiddleware>[1]) =>
    found(new ThrottleMiddleware(new RetryMiddleware(new StubTransport()), options));
  t.strictSame(wrong({ concurrency: 4 }), []);
  t.strictSame(wrong({ concurrency: 4, ...RATE }), ['rate limit > retries']);
  t.strictSame(wrong({ limiter: { take: () => 0 } }), ['rate limit > retries']);
});

t.test(
  'credentials that may be others for another origin may stand inside of redirects',
  async (t) => {
    const inside = (auth: AuthInit) =>
      found(new RedirectMiddleware(new AuthMiddleware(new StubTransport(), auth)));
    t.strictSame(
      inside((request) => request),
      [],
    );
    t.strictSame(inside(new NetrcAuth()), []);
    t.strictSame(inside(new BearerAuth('t')), ['redirects > credentials']);
  },
);

t.test('where there are several of a kind, one that stands right is enough', async (t) => {
  t.strictSame(
    found(nested(['deadline', 'retries', 'deadline'])),
    [],
    'the call, and each attempt',
  );
  t.strictSame(found(nested(['rate limit', 'retries', 'rate limit'])), [], 'calls, and requests');
  t.strictSame(found(nested(['retries', 'deadline', 'deadline'])), ['retries > deadline']);
});

t.test('what has no role in between changes nothing', async (t) => {
  const plain = middleware((request, next) => next.send(request));
  const inner = plain(shared(new RedirectMiddleware(plain(new StubTransport()))));
  t.strictSame(found(plain(new RetryMiddleware(inner))), ['retries > redirects']);
});

t.test('layers of others are known by their role, whatever class they are of', async (t) => {
  class Again extends Middleware {
    override readonly role = 'retries';
    send(request: Request): Promise<Response> {
      return this.next.send(request);
    }
  }
  const bottom = new StubTransport();
  t.strictSame(found(new Again(new RedirectMiddleware(bottom))), ['retries > redirects']);
  t.strictSame(found(new RedirectMiddleware(new Again(bottom))), []);
  const bare = { role: 'retries', next: new RedirectMiddleware(bottom) };
  t.strictSame(found(bare), ['retries > redirects']);
  t.strictSame(found({ ...bare, role: 'something else' }), []);
  t.strictSame(found({ ...bare, role: 7 }), []);
});

t.test('what leads in a circle is looked at once', async (t) => {
  const circle: { role: string; next?: object } = { role: 'retries' };
  circle.next = { role: 'redirects', next: circle };
  t.strictSame(found(circle), ['retries > redirects']);
  t.strictSame(found({ next: null }, { next: 'nowhere' }, { next: () => {} }), []);
});

// ── the client ──────────────────────────────────────────────────────────────────────────────────

// This file runs as build/test/stack-order.test.js.
const root = new URL('../../', import.meta.url);
const PAGE = readFileSync(new URL('docs/order.md', root), 'utf8');

const yours = middleware(function yours(request, next) {
  return next.send(request);
});

/** A client with every layer that there is. */
function everything(): Client {
  return new Client({
    transport: new StubTransport(),
    middleware: [yours],
    networkMiddleware: [yours],
    auth: ['ada', 'secret'],
    breaker: true,
    cache: true,
    deadline: 1000,
    dedupe: true,
    hedge: true,
    hsts: true,
    log: { logger: console },
    retry: true,
    status: true,
    telemetry: true,
    throttle: RATE,
    trace: true,
  });
}

/** The names of the layers, outermost first, the bottom left out. */
function namesIn(outermost: TransportLike): string[] {
  if (!('next' in outermost)) return [];
  const [own = ''] = labelOf(outermost).split(/ [→[]/);
  const { name } = outermost.constructor;
  return [name === 'FunctionMiddleware' ? own : name, ...namesIn(outermost.next as TransportLike)];
}

t.test('the order that docs/order.md gives is the one of the client', async (t) => {
  const rows = PAGE.matchAll(/^\| (\d+) \| (.*?) \|/gm);
  const listed = Array.from(rows, ([, number, layer = '']) => {
    const [, name] = /`([A-Z]\w+Middleware)`/.exec(layer) ?? [];
    return `${number} ${name ?? (layer.startsWith('yours') ? 'yours' : layer)}`;
  });
  const names = [...namesIn(everything().transport), 'the network'];
  t.strictSame(
    listed,
    names.map((name, place) => `${place + 1} ${name}`),
  );
});

t.test('docs/order.md tells of each wrong order, and of each role', async (t) => {
  const rows = PAGE.matchAll(/^\| `([a-z ]+)` \| `([a-z ]+)` \|/gm);
  t.strictSame(
    Array.from(rows, ([, outside, inside]) => ({ outside, inside })),
    WRONG_ORDERS.map(({ outside, inside }) => ({ outside, inside })),
  );
  const [, sentence = ''] = /^`role` is one of (.*?); `null`/m.exec(PAGE) ?? [];
  const roles = Array.from(sentence.matchAll(/`([a-z ]+)`/g), ([, role = '']) => role);
  t.strictSame(roles.sort(), Object.keys(LAYERS).sort());
});

t.test('that client has every layer that client.ts names', async (t) => {
  const source = readFileSync(new URL('src/client.ts', root), 'utf8');
  const named = Array.from(source.matchAll(/\b(\w+Middleware)\.layer\(/g), ([, name]) => name);
  const there = namesIn(everything().transport).filter((name) => name !== 'yours');
  t.strictSame(there, named);
});

t.test('the order of the client is right', async (t) => {
  t.strictSame(found(everything().transport), []);
});

// ── warnings ────────────────────────────────────────────────────────────────────────────────────

/** What the process is warned of by `work`. */
function warningsOf(t: Test, work: () => void): string[] {
  const calls = t.capture(process, 'emitWarning');
  work();
  calls.restore();
  return calls().map(({ args: [message, options] }) => {
    t.strictSame(options, { code: 'STRATA_LAYER_ORDER' });
    return String(message);
  });
}

t.test('a stack that is right, and what is nested by hand, is no warning', async (t) => {
  const nothing = warningsOf(t, () => {
    nested(['retries', 'redirects']);
    stack(LAYERS.redirects(), LAYERS.retries(), new StubTransport());
    everything();
  });
  t.strictSame(nothing, []);
});

t.test('a stack that is wrong is a warning with the reason, once for each', async (t) => {
  const bottom = new StubTransport();
  const repeated = (next: TransportLike): Transport =>
    stack(LAYERS.retries(), LAYERS.redirects(), next);
  t.strictSame(
    warningsOf(t, () => repeated(bottom)),
    [
      'stack: RetryMiddleware stands outside of RedirectMiddleware, and belongs inside: a hop that fails is tried again with all of ' +
        'those before it, and after a POST it is not tried again at all.',
    ],
  );
  t.strictSame(
    warningsOf(t, () => repeated(bottom)),
    [],
  );
});

t.test(
  'a stack looks into what is nested by hand, and past what does not say what it holds',
  async (t) => {
    const bottom = new StubTransport();
    const opaque: Layer = (next) => ({
      send: (request) => next.send(request),
      close: () => next.close(),
    });
    const byHand: Layer = (next) => new CookieMiddleware(new RedirectMiddleware(next));
    t.strictSame(
      warningsOf(t, () => stack(opaque, byHand, bottom)).map((each) => each.slice(0, 62)),
      ['stack: CookieMiddleware stands outside of RedirectMiddleware, '],
    );
    const bare: Layer = (next) => ({ ...opaque(next), role: 'cache' });
    t.strictSame(
      warningsOf(t, () => stack(bare, opaque, LAYERS.redirects(), bottom)).map((each) =>
        each.slice(0, 51),
      ),
      ['stack: cache stands outside of RedirectMiddleware, '],
    );
  },
);

t.test('a client warns of the layers that it is given', async (t) => {
  const [warning, ...more] = warningsOf(
    t,
    () =>
      new Client({
        transport: new StubTransport(),
        retry: true,
        redirect: false,
        middleware: [LAYERS['rate limit']()],
      }),
  );
  t.match(warning, /ThrottleMiddleware stands outside of RetryMiddleware/);
  t.strictSame(more, []);
});

t.test('where there is no process to warn, a stack is made all the same', async (t) => {
  const { process } = globalThis;
  try {
    Object.assign(globalThis, { process: undefined });
    stack(LAYERS.breaker(), LAYERS['status errors'](), new StubTransport());
  } finally {
    Object.assign(globalThis, { process });
  }
  t.equal(globalThis.process, process);
});

// ── what comes of them ──────────────────────────────────────────────────────────────────────────

/** Sends through two layers, in one order or the other, and says what came of it. */
type Trial = (transport: Transport, server: StubTransport) => Promise<unknown>;

interface Consequence {
  readonly server: () => StubTransport;
  readonly trial: Trial;
  readonly right: unknown;
  readonly wrong: unknown;
}

const ADDRESS = 'http://h.test/';
const busy = (): StubTransport => new StubTransport(() => new Response(503));
const text = async (transport: Transport, url: string, init = {}): Promise<string> =>
  await (await transport.request('GET', url, init)).text();
const kept = (text: string, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(200, { text, headers: { 'cache-control': 'max-age=60', ...headers } });

/** How many requests it takes until there is an answer, and which. */
const sent: Trial = async (transport, server) => {
  const answer = await transport.request('GET', ADDRESS).then(
    ({ status }) => status,
    ({ code }) => code,
  );
  return [server.requests.length, answer];
};

const PLAIN = 'granite, basalt, gneiss. '.repeat(4000);
const GZIPPED = gzipSync(PLAIN);

/** By rule. */
const CONSEQUENCES: Readonly<Record<string, Consequence>> = {
  'retries > deadline': {
    server: () => new StubTransport(() => turn().then(() => new Response(503))),
    trial: async (transport, server) => {
      await transport.request('GET', ADDRESS);
      return new Set(server.requests.map(({ extensions }) => extensions.expiresAt)).size;
    },
    right: 1,
    wrong: 3,
  },
  'retries > status errors': {
    server: busy,
    trial: sent,
    right: [3, 'ERR_STATUS'],
    wrong: [1, 'ERR_STATUS'],
  },
  'breaker > status errors': {
    server: busy,
    trial: async (transport, server) => {
      for (let call = 0; call < 50; call++) await sent(transport, server);
      return server.requests.length;
    },
    right: 5,
    wrong: 50,
  },
  'cache > status errors': {
    server: () => {
      const headers = { 'cache-control': 'max-age=0, stale-if-error=600', etag: '"1"' };
      return new StubTransport((_, place) => new Response(place === 0 ? 200 : 503, { headers }));
    },
    trial: async (transport, server) => [
      await sent(transport, server),
      await sent(transport, server),
    ],
    right: [
      [1, 200],
      [2, 200],
    ],
    wrong: [
      [1, 200],
      [2, 'ERR_STATUS'],
    ],
  },
  'redirects > credentials': {
    server: () =>
      new StubTransport(({ origin }) =>
        origin === 'http://h.test'
          ? new Response(302, { headers: { location: 'http://other.test/' } })
          : undefined,
      ),
    trial: async (transport, server) => {
      await transport.request('GET', ADDRESS);
      return server.requests.map(({ headers }) => headers.has('authorization'));
    },
    right: [true, false],
    wrong: [true, true],
  },
  'retries > redirects': {
    server: () =>
      new StubTransport(({ target }) =>
        target === '/20'
          ? new Response(503)
          : new Response(302, { headers: { location: `/${Number(target.slice(1)) + 1}` } }),
      ),
    trial: sent,
    right: [23, 503],
    wrong: [63, 503],
  },
  'hsts > redirects': {
    server: () =>
      new StubTransport(({ target }) =>
        target === '/'
          ? new Response(302, { headers: { location: 'http://shop.test/x' } })
          : undefined,
      ),
    trial: async (transport, server) => {
      await transport.request('GET', ADDRESS);
      return server.log[1];
    },
    right: 'GET https://shop.test/x',
    wrong: 'GET http://shop.test/x',
  },
  'cookies > redirects': {
    server: () =>
      new StubTransport(({ target, headers }) =>
        target === '/'
          ? new Response(302, { headers: { location: '/me', 'set-cookie': 'user=ada' } })
          : new Response(headers.get('cookie') === 'user=ada' ? 200 : 401),
      ),
    trial: sent,
    right: [2, 200],
    wrong: [2, 401],
  },
  'cache > redirects': {
    server: () =>
      new StubTransport(({ target }, place) =>
        target === '/'
          ? new Response(302, { headers: { location: `/${place}`, 'cache-control': 'no-store' } })
          : kept(target),
      ),
    trial: async (transport) => [await text(transport, ADDRESS), await text(transport, ADDRESS)],
    right: ['/0', '/2'],
    wrong: ['/0', '/0'],
  },
  'cookies > hsts': {
    server: () =>
      new StubTransport(({ headers }) =>
        kept(headers.get('cookie') ?? 'nobody', { 'set-cookie': 'user=ada; Secure' }),
      ),
    trial: async (transport) => {
      await text(transport, 'https://shop.test/');
      return await text(transport, 'http://shop.test/');
    },
    right: 'user=ada',
    wrong: 'nobody',
  },
  'rate limit > retries': {
    server: busy,
    trial: sent,
    // The third one would have to wait, and none may.
    right: [2, 'ERR_THROTTLE'],
    wrong: [3, 503],
  },
  'cache > cookies': {
    server: () =>
      new StubTransport(({ method, headers }) =>
        method === 'POST'
          ? new Response(204, { headers: { 'set-cookie': 'user=ada; Path=/' } })
          : kept(headers.get('cookie') ?? 'nobody', { vary: 'cookie' }),
      ),
    trial: async (transport) => {
      const before = await text(transport, ADDRESS);
      await transport.request('POST', 'http://h.test/login');
      return [before, await text(transport, ADDRESS)];
    },
    right: ['nobody', 'user=ada'],
    wrong: ['nobody', 'nobody'],
  },
  'cache > decoding': {
    server: () => {
      const length = `${GZIPPED.byteLength}`;
      const headers = { 'content-encoding': 'gzip', 'cache-control': 'max-age=60' };
      return new StubTransport(
        ({ target }) =>
          new Response(200, {
            headers: target === '/' ? { ...headers, 'content-length': length } : headers,
            body: GZIPPED,
          }),
      );
    },
    trial: async (transport, server) => {
      await text(transport, ADDRESS);
      await text(transport, ADDRESS);
      await text(transport, `${ADDRESS}of-no-length`);
      const others = stack(LAYERS.decoding(), LAYERS.cache(), server);
      const read = await text(others, `${ADDRESS}of-no-length`).catch(({ code }) => code);
      return [server.requests.length, read === PLAIN ? 'read' : read];
    },
    right: [2, 'read'],
    wrong: [3, 'ERR_DECODING'],
  },
};

t.test('no rule is without a reason', async (t) => {
  const rules = WRONG_ORDERS.map(({ outside, inside }) => `${outside} > ${inside}`);
  t.strictSame(Object.keys(CONSEQUENCES).sort(), rules.sort());
});

for (const { outside, inside, because } of WRONG_ORDERS) {
  t.test(`${outside} outside of ${inside}: ${because}`, async (t) => {
    const { server, trial, right, wrong } = CONSEQUENCES[`${outside} > ${inside}`] as Consequence;
    const sentThrough = async (...roles: LayerRole[]): Promise<unknown> => {
      STORE.clear();
      const bottom = server();
      await using transport = nested(roles, bottom);
      return await trial(transport, bottom);
    };
    t.strictSame(await sentThrough(inside, outside), right);
    t.strictSame(await sentThrough(outside, inside), wrong);
  });
}
