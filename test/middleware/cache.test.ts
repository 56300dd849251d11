import { gzipSync } from 'node:zlib';
import { expectTypeOf } from 'expect-type';
import t from 'tap';
import type { CacheStatus } from '../../src/messages/cache-status.ts';
import { ConnectError, DeadlineError, ReadError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  CACHE_OPTION_NAMES,
  CacheMiddleware,
  MemoryStore,
  type CacheMode,
  type CacheOptions,
  type CacheStore,
  type StoredHead,
} from '../../src/middleware/cache.ts';
import { DecodeMiddleware } from '../../src/middleware/decode.ts';
import { arrival } from '../support/clock.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

// The layer loads its works with its first request: here, so that the tests can count turns of the event loop.
await new CacheMiddleware(new StubTransport()).request('GET', 'http://h.test/');

type Fields = Readonly<Record<string, string | readonly string[]>>;

const FRESH: Fields = { 'cache-control': 'max-age=60' };
const URL_ = 'http://h.test/';

/** A clock that is moved by hand, in seconds. */
class Clock {
  time = Date.UTC(2030, 0, 1);
  readonly now = (): number => this.time;

  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}

type Answer = Parameters<ConstructorParameters<typeof StubTransport>[0] & {}>;

function cached(
  answer: (...given: Answer) => Response | Error | Promise<Response | Error>,
  options: CacheOptions = {},
): { cache: CacheMiddleware; server: StubTransport; clock: Clock } {
  const server = new StubTransport(answer);
  const clock = new Clock();
  return { cache: new CacheMiddleware(server, { now: clock.now, ...options }), server, clock };
}

const text = (body: string, headers: Fields = FRESH, status = 200): Response =>
  new Response(status, { headers, body: new TextEncoder().encode(body) });

const streamed = (pieces: readonly (string | Error | Promise<string>)[], headers: Fields = FRESH) =>
  new Response(200, { headers, body: new StubSource(...pieces) });

async function got(cache: CacheMiddleware, init: RequestInit = {}, url = URL_): Promise<string> {
  return (await cache.request('GET', url, init)).text();
}

async function statusOf(
  cache: CacheMiddleware,
  init: RequestInit = {},
  method = 'GET',
  url = URL_,
): Promise<CacheStatus | undefined> {
  return (await cache.request(method, url, init)).extensions.cacheStatus;
}

t.test('a fresh response is used again, and says how old it is', async (t) => {
  const { cache, server, clock } = cached((_, n) => text(`body ${n}`));
  const first = await cache.request('GET', URL_);
  t.equal(
    first.headers.get('cache-status'),
    'strata-http; fwd=uri-miss; fwd-status=200; ttl=60; stored',
  );
  t.equal(first.headers.get('age'), null);
  clock.pass(10);
  const second = await cache.request('GET', URL_);
  t.equal(await second.text(), 'body 0');
  t.equal(second.headers.get('age'), '10');
  t.equal(second.headers.get('cache-status'), 'strata-http; hit; ttl=50');
  t.strictSame(second.extensions.cacheStatus, { hit: true, ttl: 50 });
  t.equal(second.url.href, URL_);
  clock.pass(51);
  t.equal(await got(cache), 'body 1');
  t.equal(server.requests.length, 2);
});

t.test('what caches before this one said stays in front in Cache-Status', async (t) => {
  const { cache } = cached(() => text('x', { ...FRESH, 'cache-status': 'cdn; hit' }));
  await got(cache);
  t.equal(
    (await cache.request('GET', URL_)).headers.get('cache-status'),
    'cdn; hit, strata-http; hit; ttl=60',
  );
});

t.test('what a reader does to the bytes does not change what is stored', async (t) => {
  const { cache } = cached(() => streamed(['body']));
  for (let i = 0; i < 3; i++) {
    const bytes = await (await cache.request('GET', URL_)).bytes();
    t.equal(Buffer.from(bytes).toString(), 'body');
    bytes.fill(0);
  }
});

t.test('bodies are kept as they came, and decoded each time', async (t) => {
  const body = gzipSync('hello '.repeat(1000));
  const headers = { ...FRESH, 'content-encoding': 'gzip', 'content-length': String(body.length) };
  const { cache, server } = cached(
    () => new Response(200, { headers, body: new StubSource(body) }),
  );
  const decode = new DecodeMiddleware(cache);
  for (let i = 0; i < 3; i++) {
    const response = await decode.request('GET', URL_);
    t.equal((await response.text()).length, 6000);
    t.equal(response.bytesDownloaded, body.length);
  }
  t.equal(server.requests.length, 1);
});

t.test('a body is stored while it is read, and there when it has been', async (t) => {
  const { cache, server } = cached(() => streamed(['one', 'two', 'three']));
  await using response = await cache.stream('GET', URL_);
  const pieces: string[] = [];
  for await (const piece of response) pieces.push(Buffer.from(piece).toString());
  t.strictSame(pieces, ['one', 'two', 'three']);
  t.equal(await got(cache), 'onetwothree');
  t.equal(server.requests.length, 1);
});

t.test('a body that fails, or is shorter or longer than promised, is not stored', async (t) => {
  const request = new Request('GET', URL_);
  const bodies = [
    () => streamed(['one', new ReadError('broke', { request })]),
    () => streamed(['one'], { ...FRESH, 'content-length': '4' }),
    () => streamed(['one, two'], { ...FRESH, 'content-length': '4' }),
    () => text('one', { ...FRESH, 'content-length': '4' }),
  ];
  for (const body of bodies) {
    const { cache, server } = cached(body);
    for (let i = 0; i < 2; i++) await got(cache).catch(() => {});
    t.equal(server.requests.length, 2);
  }
});

t.test('a reader that goes away leaves nothing in the store', async (t) => {
  const bodies: StubSource[] = [];
  const { cache, server } = cached(() => {
    bodies.push(new StubSource('one', 'two', 'three'));
    return new Response(200, { headers: FRESH, body: bodies.at(-1) });
  });
  for await (const _ of await cache.stream('GET', URL_)) break;
  t.equal(bodies[0]?.cancels, 1);
  t.equal(await got(cache), 'onetwothree');
  t.equal(server.requests.length, 2);
  t.equal(await got(cache), 'onetwothree');
  t.equal(server.requests.length, 2);
});

t.test('a reader that stops where Content-Length ends has read the whole body', async (t) => {
  const { cache, server } = cached(() =>
    streamed(['onetwo', 'x'].slice(0, 1), { ...FRESH, 'content-length': '6' }),
  );
  for await (const _ of await cache.stream('GET', URL_)) break;
  t.equal(await got(cache), 'onetwo');
  t.equal(server.requests.length, 1);
});

t.test('an entry of maxEntrySize is stored, one byte more is not', async (t) => {
  for (const said of [true, false]) {
    for (const [size, sent] of [
      [10, 1],
      [11, 2],
    ] as const) {
      const headers = said ? { ...FRESH, 'content-length': String(size) } : FRESH;
      const pieces = ['x'.repeat(5), 'x'.repeat(size - 5)];
      const { cache, server } = cached(() => streamed(pieces, headers), { maxEntrySize: 10 });
      t.equal((await got(cache)).length, size);
      t.equal((await got(cache)).length, size);
      t.equal(server.requests.length, sent, `${size} bytes, ${said ? 'said' : 'not said'}`);
    }
  }
});

t.test('a stale response is confirmed by its validators, and fresh again', async (t) => {
  const { cache, server, clock } = cached((request) =>
    request.headers.get('if-none-match') === '"v1"'
      ? new Response(304, { headers: { ...FRESH, 'x-seen': 'again' } })
      : streamed(['body'], {
          ...FRESH,
          etag: '"v1"',
          'last-modified': 'Sat, 01 Dec 2029 00:00:00 GMT',
        }),
  );
  await got(cache);
  clock.pass(61);
  const confirmed = await cache.request('GET', URL_);
  t.equal(confirmed.status, 200);
  t.equal(await confirmed.text(), 'body');
  t.equal(confirmed.headers.get('x-seen'), 'again');
  t.equal(
    confirmed.headers.get('cache-status'),
    'strata-http; fwd=stale; fwd-status=304; ttl=60; stored',
  );
  t.equal(server.requests[1]?.headers.get('if-modified-since'), 'Sat, 01 Dec 2029 00:00:00 GMT');
  clock.pass(59);
  t.equal((await statusOf(cache))?.hit, true);
  t.equal(server.requests.length, 2);
});

t.test(
  'a 304 about another response than the stored one is followed by a request without conditions',
  async (t) => {
    const { cache, server, clock } = cached((request) =>
      request.headers.has('if-none-match')
        ? new Response(304, { headers: { etag: '"v2"' } })
        : text('body', { ...FRESH, etag: '"v1"' }),
    );
    await got(cache);
    clock.pass(61);
    t.equal(await got(cache), 'body');
    t.equal(server.requests.length, 3);
  },
);

t.test('a response that is no longer to be stored removes the one before it', async (t) => {
  const { cache, server, clock } = cached((_, n) =>
    text(`body ${n}`, n === 0 ? FRESH : { 'cache-control': 'no-store' }),
  );
  await got(cache);
  clock.pass(61);
  t.equal(await got(cache), 'body 1');
  t.equal(await got(cache, { cache: 'force-cache' }), 'body 2');
  t.equal(server.requests.length, 3);
});

t.test('the conditions of the caller are his own: the 304 goes to him', async (t) => {
  const { cache, server, clock } = cached((request) =>
    request.headers.get('if-none-match') === '"v1"'
      ? new Response(304, { headers: { ...FRESH, etag: '"v1"' } })
      : text('body', { ...FRESH, etag: '"v1"' }),
  );
  const init = { headers: { 'If-None-Match': '"v1"' } };
  t.equal((await cache.request('GET', URL_, init)).status, 304, 'nothing is stored');
  await got(cache);
  const hit = await cache.request('GET', URL_, init);
  t.equal(hit.status, 304, 'a fresh one is stored');
  t.equal(hit.extensions.cacheStatus?.hit, true);
  t.equal(await got(cache, { headers: { 'If-None-Match': '"v0"' } }), 'body', 'he has another one');
  clock.pass(61);
  t.equal((await cache.request('GET', URL_, init)).status, 304, 'a stale one is stored');
  t.equal(server.requests.length, 3);
  t.equal((await statusOf(cache))?.hit, true, 'and that has made it fresh');
});

t.test('parts, conditions for the server alone and upgrades pass by', async (t) => {
  const fields: Fields[] = [
    { range: 'bytes=0-1' },
    { 'if-match': '"v1"' },
    { 'if-unmodified-since': 'Sat, 01 Dec 2029 00:00:00 GMT' },
    { upgrade: 'websocket' },
  ];
  for (const headers of fields) {
    const { cache, server } = cached((request) =>
      request.headers.has('range') ? text('bo', FRESH, 206) : text('body'),
    );
    await got(cache);
    const response = await cache.request('GET', URL_, { headers });
    t.equal(response.headers.get('cache-status'), 'strata-http; fwd=bypass');
    t.equal(await got(cache), 'body');
    t.equal(server.requests.length, 2);
  }
  const { cache, server } = cached(() => text('body', FRESH, 206));
  await got(cache);
  await got(cache);
  t.equal(server.requests.length, 2, 'a part that nobody asked for is not stored');
});

t.test('HEAD is answered from what GET has stored', async (t) => {
  const { cache, server } = cached(() => text('body', { ...FRESH, 'content-length': '4' }));
  await got(cache);
  const head = await cache.request('HEAD', URL_);
  t.equal(head.headers.get('content-length'), '4');
  t.equal(await head.text(), '');
  t.equal(server.requests.length, 1);
});

t.test('a HEAD that speaks of another body removes what is stored', async (t) => {
  const { cache, server, clock } = cached((request, n) =>
    text(request.method === 'HEAD' ? '' : `body ${n}`, {
      ...FRESH,
      etag: n === 0 ? '"v1"' : '"v2"',
    }),
  );
  await got(cache);
  clock.pass(61);
  t.equal((await statusOf(cache, {}, 'HEAD'))?.fwdStatus, 200);
  t.equal(await got(cache, { cache: 'force-cache' }), 'body 2');
  t.equal(server.requests.length, 3);
});

t.test('several variants of a URL are kept', async (t) => {
  const { cache, server } = cached((request) =>
    text(request.headers.get('accept-language') ?? 'none', { ...FRESH, vary: 'Accept-Language' }),
  );
  const languages = ['de', 'en', 'fr'];
  for (const language of [...languages, ...languages])
    t.equal(await got(cache, { headers: { 'accept-language': language } }), language);
  t.equal(server.requests.length, 3);
  const miss = await cache.request('GET', URL_);
  t.match(miss.headers.get('cache-status'), 'fwd=vary-miss');
  await cache.request('POST', URL_);
  t.equal((await statusOf(cache, { headers: { 'accept-language': 'de' } }))?.fwd, 'uri-miss');
});

t.test('a private cache never gives a response to other credentials', async (t) => {
  const { cache, server } = cached((request) =>
    text(request.headers.get('authorization') ?? 'anyone'),
  );
  for (let i = 0; i < 2; i++) {
    for (const authorization of [null, 'Bearer one', 'Bearer two']) {
      const body = await got(cache, { headers: { authorization } });
      t.equal(body, authorization ?? 'anyone');
    }
  }
  t.equal(server.requests.length, 4, 'that for anyone anew, once credentials tell responses apart');
});

t.test('a shared cache stores a response with Set-Cookie only where it is public', async (t) => {
  for (const [directives, sent] of [
    ['max-age=60', 2],
    ['max-age=60, public', 1],
  ] as const) {
    const { cache, server } = cached(
      () => text('x', { 'cache-control': directives, 'set-cookie': ['a=1', 'b=2'] }),
      { mode: 'shared' },
    );
    t.strictSame((await cache.request('GET', URL_)).headers.getSetCookie(), ['a=1', 'b=2']);
    await got(cache);
    t.equal(server.requests.length, sent);
  }
});

t.test('a cookie is set by the response that set it, not by those from the store', async (t) => {
  const { cache } = cached(() => text('x', { ...FRESH, 'set-cookie': ['a=1', 'b=2'] }));
  t.equal((await cache.request('GET', URL_)).headers.getSetCookie().length, 2);
  t.equal((await cache.request('GET', URL_)).headers.getSetCookie().length, 0);
});

t.test('the cookies of a 304 are for the jar, once', async (t) => {
  const { cache, clock } = cached((request) =>
    request.headers.has('if-none-match')
      ? new Response(304, { headers: { ...FRESH, 'set-cookie': ['a=1', 'b=2'] } })
      : text('x', { ...FRESH, etag: '"v1"' }),
  );
  await got(cache);
  clock.pass(61);
  t.strictSame((await cache.request('GET', URL_)).headers.getSetCookie(), ['a=1', 'b=2']);
  t.strictSame((await cache.request('GET', URL_)).headers.getSetCookie(), []);
});

t.test('an unsafe request outdates its URL, and what is on its way from there', async (t) => {
  const gate = deferred<string>();
  const { cache, server } = cached((request, n) =>
    request.method === 'GET' ? streamed([n === 0 ? gate.promise : 'new']) : text(''),
  );
  const early = await cache.stream('GET', URL_);
  await cache.request('POST', URL_);
  gate.resolve('old');
  t.equal(await early.text(), 'old');
  t.equal(await got(cache), 'new');
  t.equal(await got(cache), 'new');
  t.equal(server.requests.length, 3);
});

t.test(
  'an answer that was asked for before an unsafe request, and comes after it, is not stored',
  async (t) => {
    const gate = deferred<Response>();
    const { cache } = cached((request, n) =>
      n === 0 ? gate.promise : text(request.method === 'GET' ? 'new' : ''),
    );
    const early = got(cache);
    await arrival();
    await cache.request('DELETE', URL_);
    gate.resolve(text('old'));
    t.equal(await early, 'old');
    t.equal(await got(cache), 'new');
  },
);

t.test('an unsafe request outdates what Location names, at the same origin only', async (t) => {
  const { cache } = cached((request) =>
    request.method === 'GET'
      ? text(request.url.href)
      : text('', { location: '/made', 'content-location': 'http://other.test/x' }, 201),
  );
  const stored = ['http://h.test/made', 'http://other.test/x', 'http://h.test/apart'];
  for (const url of stored) await got(cache, {}, url);
  await cache.request('POST', URL_);
  const hits = await Promise.all(
    stored.map(async (url) => (await statusOf(cache, {}, 'GET', url))?.hit),
  );
  t.strictSame(hits, [false, true, true]);
});

t.test('safe methods that it does not know pass by, and outdate nothing', async (t) => {
  const { cache } = cached(() => text('body'));
  await got(cache);
  for (const method of ['OPTIONS', 'QUERY'])
    t.strictSame(await statusOf(cache, {}, method), { hit: false, fwd: 'method' });
  t.equal((await statusOf(cache))?.hit, true);
});

t.test('a request says how it uses the cache, as with fetch', async (t) => {
  const STALE = -1;
  // What is stored, the mode, and what comes of it: the store's body or the server's, and what the server is sent.
  const rows: [age: number | null, mode: CacheMode | false, from: string, sent: string | null][] = [
    [0, 'default', 'stored', null],
    [STALE, 'default', 'new', null],
    [0, 'no-store', 'new', null],
    [0, 'reload', 'new', 'no-cache'],
    [0, 'no-cache', 'new', 'max-age=0'],
    [0, 'force-cache', 'stored', null],
    [STALE, 'force-cache', 'stored', null],
    [null, 'force-cache', 'new', null],
    [STALE, 'only-if-cached', 'stored', null],
    [null, 'only-if-cached', '504', null],
    [0, false, 'new', null],
  ];
  for (const [age, mode, from, sent] of rows) {
    const name = `${mode}, ${age === null ? 'nothing' : age === 0 ? 'fresh' : 'stale'}`;
    const { cache, server, clock } = cached((_, n) =>
      text(n === 0 && age !== null ? 'stored' : 'new'),
    );
    if (age !== null) await got(cache);
    if (age === STALE) clock.pass(61);
    const before = server.requests.length;
    const response = await cache.request('GET', URL_, { cache: mode });
    t.equal(response.status === 200 ? await response.text() : String(response.status), from, name);
    const last = server.requests[before];
    t.equal(last?.headers.get('cache-control') ?? null, sent, name);
    t.equal(last !== undefined, from === 'new', name);
    t.equal(response.headers.has('cache-status'), mode !== false, name);
  }
});

t.test('no-store stores nothing, reload and no-cache do', async (t) => {
  for (const [mode, hit] of [
    ['no-store', false],
    ['reload', true],
    ['no-cache', true],
  ] as const) {
    const { cache } = cached(() => text('body'));
    await got(cache, { cache: mode });
    t.equal((await statusOf(cache))?.hit, hit, mode);
  }
  const { cache } = cached(() => text('body'));
  await got(cache, { headers: { 'cache-control': 'no-store' } });
  t.equal((await statusOf(cache))?.hit, false, 'nor does a request that says so in its headers');
});

t.test('only-if-cached in the headers wants a fresh one', async (t) => {
  const { cache, clock } = cached(() => text('body'));
  const init = { headers: { 'cache-control': 'only-if-cached' } };
  t.equal(
    (await cache.request('GET', URL_, init)).headers.get('cache-status'),
    'strata-http; detail=only-if-cached',
  );
  await got(cache);
  t.equal(await got(cache, init), 'body');
  clock.pass(61);
  t.equal((await cache.request('GET', URL_, init)).status, 504);
});

t.test('a mode that is none is a TypeError', async (t) => {
  const { cache } = cached(() => text('body'));
  const error = await rejection(
    cache.request('GET', URL_, { cache: 'never' as 'default' }),
    TypeError,
  );
  t.equal(
    error.message,
    'cache: expected false or one of default, no-store, reload, no-cache, force-cache, only-if-cached, got never',
  );
  expectTypeOf<RequestInit['cache']>().toEqualTypeOf<false | CacheMode | undefined>();
});

t.test(
  'stale-while-revalidate: a stale response is used while one request fetches it anew',
  async (t) => {
    const gate = deferred();
    const headers = { 'cache-control': 'max-age=10, stale-while-revalidate=30' };
    const { cache, server, clock } = cached(async (_, n) => {
      if (n > 0) await gate.promise;
      return streamed([`body ${n}`], headers);
    });
    await got(cache);
    clock.pass(15);
    const signal = new AbortController();
    for (let i = 0; i < 3; i++) {
      const response = await cache.request('GET', URL_, { signal: signal.signal });
      t.equal(await response.text(), 'body 0');
      t.equal(
        response.headers.get('cache-status'),
        'strata-http; hit; ttl=-5; detail=stale-while-revalidate',
      );
    }
    await arrival();
    t.equal(server.requests.length, 2);
    t.equal(server.requests[1]?.signal, null, 'who asked first may go');
    signal.abort();
    gate.resolve();
    await cache.close();
    t.equal(await got(cache), 'body 1');
    t.equal(server.requests.length, 2);
  },
);

t.test('a refresh that fails harms nobody, and is tried again', async (t) => {
  const headers = { 'cache-control': 'max-age=10, stale-while-revalidate=30' };
  const { cache, server, clock } = cached((request, n) =>
    n === 1
      ? new ConnectError('refused', { request })
      : n === 2
        ? text('', {}, 500)
        : text(`body ${n}`, headers),
  );
  await got(cache);
  clock.pass(15);
  for (let i = 0; i < 3; i++) {
    t.equal(await got(cache), 'body 0');
    await arrival();
  }
  t.equal(await got(cache), 'body 3');
  t.equal(server.requests.length, 4);
});

t.test('stale-if-error: where the server fails, the stale response stands in', async (t) => {
  const bodies: StubSource[] = [];
  const failures: ((request: Request) => Response | Error)[] = [
    (request) => new ConnectError('refused', { request }),
    () => {
      bodies.push(new StubSource('failed'));
      return new Response(503, { body: bodies.at(-1) });
    },
  ];
  for (const failure of failures) {
    const { cache, clock } = cached((request, n) =>
      n === 0
        ? text('body', { 'cache-control': 'max-age=10, stale-if-error=30' })
        : failure(request),
    );
    await got(cache);
    clock.pass(20);
    const response = await cache.request('GET', URL_);
    t.equal(await response.text(), 'body');
    t.match(response.headers.get('cache-status'), /fwd=stale;.* ttl=-10; detail=stale-if-error$/);
    clock.pass(30);
    const late = await cache.request('GET', URL_).catch((error: unknown) => error);
    t.ok(
      late instanceof ConnectError || (late as Response).status === 503,
      'not for longer than it says',
    );
  }
  t.equal(bodies[0]?.cancels, 1, 'the failure that nobody gets is closed');

  const { cache } = cached((_, n) =>
    text('body', { 'cache-control': 'max-age=10, stale-if-error=30' }, n === 0 ? 200 : 503),
  );
  await got(cache);
  for (const mode of ['reload', 'no-cache'] as const)
    t.equal((await cache.request('GET', URL_, { cache: mode })).status, 503, `not with ${mode}`);
});

t.test(
  'a request may ask for stale-if-error itself; an abort, and a deadline, are no failures of the server',
  async (t) => {
    const reasons: [Error, boolean][] = [
      [new ReadError('broke', { request: new Request('GET', URL_) }), true],
      [new DeadlineError('late', { request: new Request('GET', URL_) }), false],
      [new Error('aborted'), false],
    ];
    for (const [reason, replaced] of reasons) {
      const { cache, clock } = cached((_, n) => (n === 0 ? text('body') : reason));
      await got(cache);
      clock.pass(70);
      const headers = { 'cache-control': 'stale-if-error=30' };
      const outcome = await got(cache, { headers }).catch((error: unknown) => error);
      t.equal(outcome, replaced ? 'body' : reason);
    }
  },
);

t.test('requests at one time for one thing share one fetch', async (t) => {
  const gate = deferred<string>();
  const { cache, server } = cached(() => streamed([gate.promise, '!']));
  const all = Array.from({ length: 10 }, () => cache.request('GET', URL_));
  await arrival();
  gate.resolve('body');
  const responses = await Promise.all(all);
  for (const response of responses) t.equal(await response.text(), 'body!');
  t.equal(server.requests.length, 1);
  t.equal(
    responses.filter(({ extensions }) => extensions.cacheStatus?.collapsed === true).length,
    9,
  );
  t.equal(
    responses[9]?.headers.get('cache-status'),
    'strata-http; fwd=uri-miss; ttl=60; collapsed',
  );
});

t.test('a confirmation is shared too', async (t) => {
  const gate = deferred<Response>();
  const { cache, server, clock } = cached((_, n) =>
    n === 0 ? text('body', { ...FRESH, etag: '"v1"' }) : gate.promise,
  );
  await got(cache);
  clock.pass(61);
  const statuses: unknown[] = [];
  const all = Array.from({ length: 5 }, async () => {
    const response = await cache.request('GET', URL_);
    statuses.push(response.extensions.cacheStatus);
    return response.text();
  });
  await arrival();
  gate.resolve(new Response(304, { headers: { ...FRESH, etag: '"v1"' } }));
  t.strictSame(
    await Promise.all(all),
    Array.from({ length: 5 }, () => 'body'),
  );
  t.equal(server.requests.length, 2);
});

t.test(
  'what turns out not to be for sharing holds nobody up: all go at once, and the next time at the start',
  async (t) => {
    for (const headers of [
      { 'cache-control': 'no-store' },
      { 'cache-control': 'no-cache', etag: '"v1"' },
    ]) {
      const gates = Array.from({ length: 10 }, () => deferred<string>());
      const heads = [deferred(), deferred()];
      const { cache, server } = cached(async (_, n) => {
        if (n === 0) await heads[0]!.promise;
        if (n >= 5) await heads[1]!.promise;
        return streamed([gates[n]!.promise], headers);
      });
      const all = Array.from({ length: 5 }, () => got(cache));
      await arrival();
      t.equal(server.requests.length, 1);
      heads[0]!.resolve();
      await arrival();
      t.equal(server.requests.length, 5, 'at once, when the head says so');
      for (const [n, gate] of gates.entries()) gate.resolve(`body ${n}`);
      t.equal(new Set(await Promise.all(all)).size, 5);
      const again = Array.from({ length: 5 }, () => got(cache));
      await arrival();
      t.equal(server.requests.length, 10, 'at the start');
      heads[1]!.resolve();
      await Promise.all(again);
    }
  },
);

t.test(
  'where the server fails, or the store keeps nothing, those who waited go at once too',
  async (t) => {
    const keepsNothing = proxied(new MemoryStore(), { get: () => undefined });
    const ways: [CacheOptions, (request: Request) => Response | Error][] = [
      [{}, (request) => new ConnectError('refused', { request })],
      [{ store: keepsNothing }, () => text('body')],
    ];
    for (const [options, answer] of ways) {
      const gates = Array.from({ length: 5 }, () => deferred());
      const { cache, server } = cached(async (request, n) => {
        await gates[n]?.promise;
        return answer(request);
      }, options);
      const all = gates.map(() => got(cache).catch(() => {}));
      await arrival();
      t.equal(server.requests.length, 1);
      gates[0]!.resolve();
      await arrival();
      t.equal(server.requests.length, 5);
      for (const gate of gates) gate.resolve();
      await Promise.all(all);
      t.equal(server.requests.length, 5);
    }
  },
);

t.test(
  'where the first caller gives up, another takes its place, and the rest still wait',
  async (t) => {
    const gates = [deferred<Response>(), deferred<Response>()];
    const { cache, server } = cached((request, n) => {
      const aborted = new Promise<never>((_, reject) => {
        request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
      });
      return Promise.race([gates[n]!.promise, aborted]);
    });
    const first = new AbortController();
    const given = rejection(got(cache, { signal: first.signal }));
    await arrival();
    const others = Array.from({ length: 4 }, () => got(cache));
    await arrival();
    first.abort(new Error('enough'));
    t.equal(((await given) as Error).message, 'enough');
    await arrival();
    t.equal(server.requests.length, 2);
    gates[1]?.resolve(text('body'));
    t.strictSame(await Promise.all(others), ['body', 'body', 'body', 'body']);
  },
);

t.test('those who wait do not wait for whoever reads slowly, or not at all', async (t) => {
  const { cache, server } = cached(() => streamed(['one', 'two']));
  const slow = await cache.stream('GET', URL_);
  t.equal(await got(cache), 'onetwo');
  t.equal(server.requests.length, 1);
  t.equal(await slow.text(), 'onetwo');

  const gate = deferred();
  const { cache: other } = cached(async () => {
    await gate.promise;
    return streamed(['one', 'two']);
  });
  const idle = other.stream('GET', URL_);
  const waiting = got(other);
  await arrival();
  gate.resolve();
  t.equal(await waiting, 'onetwo', 'whoever waited before the head came does not either');
  await (await idle).close();
});

t.test(
  'nobody waits for a body of which more than a MiB would have to be read ahead',
  async (t) => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const { cache, server } = cached(() => streamed([megabyte, megabyte]));
    await using slow = await cache.stream('GET', URL_);
    t.equal((await got(cache)).length, 2 * megabyte.length);
    t.equal(server.requests.length, 2);
    t.equal((await slow.text()).length, 2 * megabyte.length);
  },
);

t.test('a wait ends with the signal, and with the deadline', async (t) => {
  const gate = deferred<Response>();
  const { cache } = cached(() => gate.promise);
  const first = got(cache);
  await arrival();
  const controller = new AbortController();
  const aborted = rejection(got(cache, { signal: controller.signal }));
  const expired = rejection(got(cache, { expiresAt: performance.now() + 5 }), DeadlineError);
  await arrival();
  controller.abort(new Error('enough'));
  t.equal(((await aborted) as Error).message, 'enough');
  await expired;
  gate.resolve(text('body'));
  t.equal(await first, 'body');
});

t.test('variants that are asked for at one time each come once', async (t) => {
  const { cache, server } = cached(async (request) => {
    await arrival();
    return text(request.headers.get('accept-language') ?? '', {
      ...FRESH,
      vary: 'accept-language',
    });
  });
  const languages = ['de', 'en', 'fr', 'de', 'en', 'fr'];
  const bodies = languages.map((language) =>
    got(cache, { headers: { 'accept-language': language } }),
  );
  t.strictSame(await Promise.all(bodies), languages);
  t.equal(server.requests.length, 3);
});

t.test('a store that fails is an empty cache', async (t) => {
  const fail = (): never => {
    throw new Error('no store');
  };
  const late = (): Promise<never> => Promise.reject(new Error('no store'));
  const never = (): Promise<never> => new Promise(() => {});
  for (const way of [fail, late, never]) {
    const errors: unknown[] = [];
    const { cache, server } = cached(() => streamed(['body'], { ...FRESH, etag: '"v1"' }), {
      store: { get: way, set: way, update: way, delete: way },
      storeTimeout: 5,
      onError: (error) => {
        errors.push(error);
        throw error;
      },
    });
    t.equal(await got(cache), 'body');
    await cache.request('POST', URL_);
    t.equal(await got(cache), 'body');
    t.equal(server.requests.length, 3);
    t.equal(errors.length, 5);
  }
});

t.test(
  'a store that fails later: while it is written to, at its end, or when the body is read',
  async (t) => {
    const fail = (): never => {
      throw new Error('no store');
    };
    const failing: ((store: MemoryStore) => CacheStore)[] = [
      (store) => proxied(store, { set: (...given) => ({ ...store.set(...given), write: fail }) }),
      (store) => proxied(store, { set: (...given) => ({ ...store.set(...given), commit: fail }) }),
      (store) =>
        proxied(store, {
          get: (key) => {
            const entry = store.get(key);
            return entry === undefined ? undefined : { head: entry.head, body: fail };
          },
        }),
    ];
    for (const make of failing) {
      const errors: unknown[] = [];
      const { cache } = cached(() => streamed(['body', 'body']), {
        store: make(new MemoryStore()),
        onError: (error) => errors.push(error),
      });
      const all = [got(cache), got(cache), got(cache)];
      t.strictSame(await Promise.all(all), ['bodybody', 'bodybody', 'bodybody']);
      t.ok(errors.length > 0);
    }
  },
);

function proxied(store: MemoryStore, own: Partial<CacheStore>): CacheStore {
  return {
    get: (key) => store.get(key),
    set: (key, head) => store.set(key, head),
    update: (key, head) => store.update(key, head),
    delete: (key) => store.delete(key),
    ...own,
  };
}

t.test('what a store gives that is no entry counts as nothing', async (t) => {
  const whole = {
    kind: 'response',
    id: 'one',
    status: 200,
    statusText: '',
    httpVersion: '1.1',
    headers: [],
    time: 0,
    age: 0,
  };
  const heads: unknown[] = [
    undefined,
    null,
    {},
    { kind: 'response', id: 'one' },
    { kind: 'vary', id: 'one' },
    { ...whole, headers: [['not a token', 'x']] },
    { ...whole, headers: 'x' },
    { ...whole, status: '200' },
    { ...whole, kind: 'other' },
  ];
  for (const head of heads) {
    const errors: unknown[] = [];
    const store = proxied(new MemoryStore(), {
      get: () => ({ head: head as StoredHead, body: () => new Uint8Array(0) }),
    });
    const { cache } = cached(() => text('body'), { store, onError: (error) => errors.push(error) });
    t.equal(await got(cache), 'body');
    t.match(errors, [{ message: "the cache's store gave something that is no entry" }]);
  }
});

t.test('what a store gives too late is closed', async (t) => {
  const writer = deferred();
  let aborted = 0;
  const memory = new MemoryStore();
  const store = proxied(memory, {
    set: async () => {
      await writer.promise;
      return { write: () => {}, commit: () => {}, abort: () => void aborted++ };
    },
  });
  const { cache } = cached(() => text('body'), { store, storeTimeout: 5 });
  t.equal(await got(cache), 'body');
  writer.resolve();
  await arrival();
  t.equal(aborted, 1);
});

t.test('key: what is kept apart, or together, is the caller’s to say', async (t) => {
  const { cache, server } = cached((request) => text(request.url.search), {
    key: ({ url }) => url.origin + url.pathname,
  });
  t.equal(await got(cache, {}, 'http://h.test/?utm=1'), '?utm=1');
  t.equal(await got(cache, {}, 'http://h.test/?utm=2'), '?utm=1');
  await cache.request('POST', 'http://h.test/?utm=3');
  t.equal(await got(cache, {}, 'http://h.test/?utm=4'), '?utm=4');
  t.equal(server.requests.length, 3);
  const { cache: odd } = cached(() => text(''), { key: () => 7 as unknown as string });
  t.equal(
    (await rejection(got(odd), TypeError)).message,
    'cache.key: expected it to return a string, got number',
  );
});

t.test('a GET with a body passes by', async (t) => {
  const { cache, server } = cached(() => text('body'));
  for (let i = 0; i < 2; i++) await got(cache, { body: 'query' });
  t.equal(server.requests.length, 2);
});

t.test(
  'immutable says that it does not change while it is fresh, and nothing of how long that is',
  async (t) => {
    const { cache, server } = cached(() => text('body', { 'cache-control': 'immutable' }));
    for (let i = 0; i < 2; i++) await got(cache);
    t.equal(server.requests.length, 2);
  },
);

t.test('heuristic: 0 keeps nothing fresh that does not say how long', async (t) => {
  for (const [heuristic, sent] of [
    [0.1, 1],
    [0, 2],
  ] as const) {
    const headers = { 'last-modified': 'Sat, 01 Dec 2029 00:00:00 GMT' };
    const { cache, server, clock } = cached(() => text('body', headers), { heuristic });
    await got(cache);
    clock.pass(3600);
    await got(cache);
    t.equal(server.requests.length, sent);
  }
});

t.test('an option that is not what it has to be is a TypeError that says so', async (t) => {
  const next = new StubTransport();
  const refused: [CacheOptions, string][] = [
    [{ mode: 'public' as 'shared' }, `cache.mode: expected 'private' or 'shared', got "public"`],
    [
      { store: {} as CacheStore },
      'cache.store: expected a CacheStore, got an object without get()',
    ],
    [{ store: '/tmp' as unknown as CacheStore }, 'cache.store: expected a CacheStore, got "/tmp"'],
    [{ maxEntrySize: -1 }, 'cache.maxEntrySize: expected a whole number of bytes from 0, got -1'],
    [{ heuristic: 2 }, 'cache.heuristic: expected a number from 0 to 1, got 2'],
    [{ storeTimeout: 0 }, 'cache.storeTimeout: expected milliseconds above 0, got 0'],
    [{ key: 'url' as unknown as () => string }, 'cache.key: expected a function, got "url"'],
    [{ now: 0 as unknown as () => number }, 'cache.now: expected a function, got 0'],
  ];
  for (const [options, message] of refused)
    t.throws(() => new CacheMiddleware(next, options), { name: 'TypeError', message });
  const all: Required<{ [Name in keyof CacheOptions]: true }> = {
    mode: true,
    store: true,
    maxEntrySize: true,
    heuristic: true,
    key: true,
    storeTimeout: true,
    onError: true,
    now: true,
  };
  t.strictSame(CACHE_OPTION_NAMES, Object.keys(all));
});

t.test('cache: false is the next layer, and nothing else', async (t) => {
  const { cache, server } = cached(() => text('body'));
  const promise = Promise.resolve(new Response(200));
  server.send = () => promise;
  t.equal(cache.send(new Request('GET', URL_, { cache: false })), promise);
});

t.test('a response whose body is empty is stored as well', async (t) => {
  const { cache, server } = cached(() => new Response(204, { headers: FRESH }));
  for (let i = 0; i < 2; i++) t.equal((await cache.request('GET', URL_)).status, 204);
  t.equal(server.requests.length, 1);
});

t.test('a response that is not stored keeps its stream untouched', async (t) => {
  const { cache, server } = cached(() =>
    server_.scoped(200, { 'cache-control': 'no-store' }, 'a', 'b'),
  );
  const server_ = server;
  const response = await cache.stream('GET', URL_);
  t.equal(server.bodies[0]?.pulls, 0);
  t.equal((await collect(response)).toString(), 'ab');
});
