import { inspect } from 'node:util';
import t from 'tap';
import { type Cookie, CookieJar, MemoryCookieStore, type SerializedCookieJar } from 'tough-cookie';
import { isRequestError, RequestError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { CookieMiddleware } from '../../src/middleware/cookie.ts';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import { stack } from '../../src/transport.ts';
import { turn } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

/** A server for all hosts: a request whose target is `/set?…` has each of its `cookie` params set. */
function cookieServer(): StubTransport {
  return new StubTransport(({ url }) => {
    const cookies = url.searchParams.getAll('cookie');
    return cookies.length === 0
      ? undefined
      : new Response(200, { headers: { 'set-cookie': cookies } });
  });
}

/** What is sent to the second URL after the first one has set its cookies. */
async function sentAfter(
  from: string,
  cookies: string[],
  to: string,
  init?: RequestInit,
): Promise<string | null> {
  const server = cookieServer();
  const layer = new CookieMiddleware(server);
  await layer.request('GET', from, { params: { cookie: cookies } });
  await layer.request('GET', to, init);
  return server.requests[1]?.headers.get('cookie') ?? null;
}

const HOME = 'https://h.test/';

t.test('a cookie that was set is sent back', async (t) => {
  t.equal(await sentAfter(HOME, ['a=1'], HOME), 'a=1');
  t.equal(await sentAfter(HOME, ['a=1; HttpOnly; SameSite=Strict; Priority=High'], HOME), 'a=1');
  t.equal(await sentAfter(HOME, ['a="x y"'], HOME), 'a="x y"');
  t.equal(await sentAfter(HOME, ['a=\xe9'], HOME), 'a=\xe9');
  t.equal(await sentAfter(HOME, [], HOME), null);
});

t.test('several are sent in one header, the longer paths first', async (t) => {
  t.equal(await sentAfter(HOME, ['a=1', 'b=2', 'c=3'], HOME), 'a=1; b=2; c=3');
  t.equal(
    await sentAfter(HOME, ['a=1', 'b=2; Path=/x/y', 'c=3; Path=/x'], `${HOME}x/y`),
    'b=2; c=3; a=1',
  );
  t.equal(await sentAfter(HOME, ['a=1', 'a=2; Path=/x'], `${HOME}x`), 'a=2; a=1');
});

t.test('a cookie goes where its domain, path and security let it', async (t) => {
  const cases: [from: string, cookie: string, to: string, sent: boolean][] = [
    // RFC 6265 §5.1.3: the domain
    ['http://h.test/', 'a=1', 'http://other.test/', false],
    ['http://h.test/', 'a=1', 'http://sub.h.test/', false],
    ['http://h.test/', 'a=1', 'http://h.test:81/', true],
    ['http://h.test/', 'a=1; Domain=h.test', 'http://sub.h.test/', true],
    ['http://h.test/', 'a=1; Domain=.h.test', 'http://x.sub.h.test/', true],
    ['http://h.test/', 'a=1; Domain=h.test', 'http://xh.test/', false],
    ['http://sub.h.test/', 'a=1; Domain=h.test', 'http://h.test/', true],
    ['http://sub.h.test/', 'a=1; Domain=other.test', 'http://other.test/', false],
    ['http://h.test/', 'a=1; Domain=sub.h.test', 'http://sub.h.test/', false],
    ['http://127.0.0.1/', 'a=1', 'http://127.0.0.1:8080/', true],
    ['http://127.0.0.1/', 'a=1; Domain=0.0.1', 'http://127.0.0.1/', false],
    ['http://localhost/', 'a=1', 'http://localhost:8080/', true],
    // public suffixes
    ['http://a.co.uk/', 'a=1; Domain=co.uk', 'http://b.co.uk/', false],
    ['http://a.co.uk/', 'a=1; Domain=com', 'http://a.co.uk/', false],
    ['http://a.co.uk/', 'a=1; Domain=a.co.uk', 'http://x.a.co.uk/', true],
    // RFC 6265 §5.1.4: the path
    ['http://h.test/x/y', 'a=1', 'http://h.test/x/z', true],
    ['http://h.test/x/y', 'a=1', 'http://h.test/', false],
    ['http://h.test/', 'a=1; Path=/x', 'http://h.test/x', true],
    ['http://h.test/', 'a=1; Path=/x', 'http://h.test/x/y?z', true],
    ['http://h.test/', 'a=1; Path=/x', 'http://h.test/xy', false],
    // Secure, and the prefixes of RFC 6265bis
    ['https://h.test/', 'a=1; Secure', 'https://h.test/', true],
    ['https://h.test/', 'a=1; Secure', 'http://h.test/', false],
    ['http://h.test/', 'a=1; Secure', 'https://h.test/', false],
    ['https://h.test/', 'a=1', 'http://h.test/', true],
    // the end of its life
    ['http://h.test/', 'a=1; Max-Age=60', 'http://h.test/', true],
    ['http://h.test/', 'a=1; Max-Age=0', 'http://h.test/', false],
    ['http://h.test/', 'a=1; Max-Age=-1', 'http://h.test/', false],
    ['http://h.test/', 'a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT', 'http://h.test/', true],
    ['http://h.test/', 'a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT', 'http://h.test/', false],
    [
      'http://h.test/',
      'a=1; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT',
      'http://h.test/',
      true,
    ],
  ];
  for (const [from, cookie, to, sent] of cases) {
    t.equal(
      await sentAfter(from, [cookie], to),
      sent ? 'a=1' : null,
      `${cookie}, from ${from} to ${to}`,
    );
  }
});

t.test(
  'a later cookie of the same name, domain and path replaces the earlier one, or ends it',
  async (t) => {
    t.equal(await sentAfter(HOME, ['a=1', 'a=2'], HOME), 'a=2');
    t.equal(await sentAfter(HOME, ['a=1', 'b=2', 'a=; Max-Age=0'], HOME), 'b=2');
  },
);

t.test('a cookie that is refused is no error, and keeps none of the others out', async (t) => {
  const bad = ['', ';', '=', '=x', 'no-equals-sign', 'a=1; Domain=other.test', 'a=1; Domain=test'];
  t.equal(await sentAfter(HOME, ['first=1', ...bad, 'last=2'], HOME), 'first=1; last=2');
});

t.test(
  'a Cookie header of the caller’s is joined with the jar’s, and counts where both have a name',
  async (t) => {
    const cases: [stored: string[], own: string | string[], sent: string][] = [
      [[], 'x=1', 'x=1'],
      [['a=1'], 'x=1', 'a=1; x=1'],
      [['a=1', 'b=2'], 'b=own', 'a=1; b=own'],
      [['a=1'], 'a=own', 'a=own'],
      [['a=1', 'b=2'], ' x=1 ;a=own;y', 'b=2; x=1 ;a=own;y'],
      [['a=1', 'b=2'], ['x=1', 'a=own'], 'b=2; x=1; a=own'],
      [['a=1; Path=/x', 'a=2'], 'a=own', 'a=own'],
      [['a=x=y'], 'a=own', 'a=own'],
      [['ab=1'], 'a=own', 'ab=1; a=own'],
    ];
    for (const [stored, own, sent] of cases) {
      const headers = { Cookie: own };
      t.equal(await sentAfter(HOME, stored, `${HOME}x`, { headers }), sent, JSON.stringify(own));
    }
  },
);

t.test('what the caller sends by hand is not kept', async (t) => {
  const server = cookieServer();
  const layer = new CookieMiddleware(server);
  await layer.request('GET', HOME, { headers: { cookie: 'x=1' }, params: { cookie: 'a=1' } });
  await layer.request('GET', HOME);
  t.equal(server.requests[1]?.headers.get('cookie'), 'a=1');
});

t.test('the request that was given is not changed', async (t) => {
  const server = cookieServer();
  const layer = new CookieMiddleware(server);
  const request = new Request('POST', HOME, {
    headers: { 'X-A': '1' },
    json: {},
    params: { cookie: 'a=1' },
    timeout: 7,
  });
  await layer.send(request);
  await layer.send(request);
  t.equal(server.requests[0], request, 'nothing is made where there is nothing to add');
  t.equal(request.headers.has('cookie'), false);
  const sent = server.requests[1] as Request;
  t.equal(sent.headers.toString(), '\r\nX-A: 1\r\ncontent-type: application/json\r\ncookie: a=1');
  t.same(
    [sent.method, sent.url.href, sent.content, sent.timeout],
    ['POST', request.url.href, request.content, 7],
  );
});

// ── jars and stores ─────────────────────────────────────────────────────────────────────────────

t.test('a jar of the caller’s is used, with what is in it, and can be shared', async (t) => {
  const jar = new CookieJar();
  await jar.setCookie('old=1', HOME);
  const [one, two] = [cookieServer(), cookieServer()];
  const layer = new CookieMiddleware(one, jar);
  t.equal(await layer.jar(), jar);
  await layer.request('GET', HOME, { params: { cookie: 'new=2' } });
  await new CookieMiddleware(two, jar).request('GET', HOME);
  t.equal(one.requests[0]?.headers.get('cookie'), 'old=1');
  t.equal(two.requests[0]?.headers.get('cookie'), 'old=1; new=2');
});

t.test('the jar that was made can be had, filled and kept', async (t) => {
  const server = cookieServer();
  const layer = new CookieMiddleware(server);
  const jar = await layer.jar();
  t.equal(await layer.jar(), jar);
  await jar.setCookie('a=1', HOME);
  await layer.request('GET', HOME, { params: { cookie: 'b=2' } });
  t.equal(server.requests[0]?.headers.get('cookie'), 'a=1');
  const saved = JSON.parse(JSON.stringify(jar)) as SerializedCookieJar;
  const later = cookieServer();
  await new CookieMiddleware(later, await CookieJar.deserialize(saved)).request('GET', HOME);
  t.equal(later.requests[0]?.headers.get('cookie'), 'a=1; b=2');
});

/** A store that is somewhere else: every answer takes a turn of the event loop, or fails. */
class RemoteStore extends MemoryCookieStore {
  override synchronous = false;
  readonly calls: string[] = [];
  fails = '';

  override findCookies(...args: unknown[]): never {
    return this.#ask('findCookies', args);
  }

  override findCookie(...args: unknown[]): never {
    return this.#ask('findCookie', args);
  }

  override putCookie(cookie: Cookie, ...args: unknown[]): never {
    return this.#ask('putCookie', [cookie, ...args]);
  }

  #ask(method: 'findCookies' | 'findCookie' | 'putCookie', args: unknown[]): never {
    this.calls.push(method);
    const done = args.pop() as (error: Error | null, ...result: unknown[]) => void;
    const answer = async (): Promise<unknown> => {
      await turn();
      if (this.fails === method) throw new Error('the store is down');
      return await (super[method] as (...args: unknown[]) => Promise<unknown>)(...args);
    };
    return answer().then(
      (result) => done(null, result),
      (error: unknown) => done(error as Error),
    ) as never;
  }
}

t.test('any store of tough-cookie’s will do, also one that is elsewhere', async (t) => {
  const store = new RemoteStore();
  const server = cookieServer();
  const layer = new CookieMiddleware(server, new CookieJar(store));
  await layer.request('GET', HOME, { params: { cookie: ['a=1', 'b=2'] } });
  t.ok(store.calls.filter((call) => call === 'putCookie').length >= 2);
  await layer.request('GET', HOME);
  t.equal(
    server.requests[1]?.headers.get('cookie'),
    'a=1; b=2',
    'cookies are kept before the response is handed out',
  );
});

t.test(
  'a store that fails while a cookie is looked up is a RequestError, and nothing is sent',
  async (t) => {
    const store = Object.assign(new RemoteStore(), { fails: 'findCookies' });
    const server = cookieServer();
    const error = await rejection(
      new CookieMiddleware(server, new CookieJar(store)).request('GET', HOME),
      RequestError,
    );
    t.match(error, {
      message: 'GET https://h.test/: the cookie jar failed',
      cause: { message: 'the store is down' },
    });
    t.ok(isRequestError(error));
    t.equal(server.requests.length, 0);
  },
);

t.test(
  'a store that fails while a cookie is kept is a RequestError, and the response is closed',
  async (t) => {
    const store = Object.assign(new RemoteStore(), { fails: 'putCookie' });
    const server: StubTransport = new StubTransport(() =>
      server.scoped(200, { 'set-cookie': 'a=1' }),
    );
    const error = await rejection(
      new CookieMiddleware(server, new CookieJar(store)).stream('GET', HOME),
      RequestError,
    );
    t.match(error, {
      message: 'GET https://h.test/: the cookie jar failed',
      cause: { message: 'the store is down' },
    });
    t.equal(server.bodies[0]?.cancels, 1);
  },
);

t.test('what is no jar is a TypeError', async (t) => {
  for (const jar of [null, {}, 'a=1', 7, true]) {
    t.throws(() => new CookieMiddleware(cookieServer(), jar as never), {
      name: 'TypeError',
      message: 'CookieMiddleware: expected a CookieJar of tough-cookie',
    });
  }
});

// ── among other layers ──────────────────────────────────────────────────────────────────────────

t.test(
  'inside of redirects every hop stores its cookies and sends its own, and no layer outside sees them',
  async (t) => {
    const server = new StubTransport(({ url }) => {
      if (url.pathname !== '/login') return undefined;
      return new Response(302, {
        headers: {
          location: url.host === 'h.test' ? 'https://other.test/login' : 'https://h.test/home',
          'set-cookie': `from=${url.host}`,
        },
      });
    });
    const seen: Request[] = [];
    const transport = stack(
      RedirectMiddleware.layer(),
      (next) => ({
        send: (request) => {
          seen.push(request);
          return next.send(request);
        },
        close: () => next.close(),
      }),
      CookieMiddleware.layer(),
      server,
    );
    const response = await transport.request('GET', 'https://h.test/login', {
      headers: { cookie: 'own=1' },
    });
    t.same(server.log, [
      'GET https://h.test/login',
      'GET https://other.test/login',
      'GET https://h.test/home',
    ]);
    t.same(
      server.requests.map(({ headers }) => headers.get('cookie')),
      ['own=1', null, 'from=h.test'],
    );
    t.same(
      seen.map(({ headers }) => headers.get('cookie')),
      ['own=1', null, null],
    );
    t.equal(response.history.length, 2);
  },
);

t.test('responses that come at the same time fill one jar', async (t) => {
  const gates = [deferred(), deferred(), deferred()];
  const server = new StubTransport(async (_request, place) => {
    await gates[place]?.promise;
    return new Response(200, { headers: { 'set-cookie': `c${place}=1` } });
  });
  const layer = new CookieMiddleware(server);
  const answers = gates.map(() => layer.request('GET', HOME));
  for (const gate of gates.toReversed()) gate.resolve();
  await Promise.all(answers);
  await layer.request('GET', HOME);
  t.same(server.requests.at(-1)?.headers.get('cookie')?.split('; ').sort(), [
    'c0=1',
    'c1=1',
    'c2=1',
  ]);
});

t.test('a response, or an error, is handed on as it is', async (t) => {
  const request = new Request('GET', HOME);
  const response = new Response(200, { request, headers: { 'set-cookie': 'a=1' } });
  t.equal(await new CookieMiddleware(new StubTransport(() => response)).send(request), response);
  const reason = new RequestError('no', { request });
  t.equal(
    await rejection(new CookieMiddleware(new StubTransport(() => reason)).send(request)),
    reason,
  );
});

t.test('it closes what it wraps, and shows in a stack', async (t) => {
  const server = cookieServer();
  const layer = stack(CookieMiddleware.layer(), server);
  t.equal(inspect(layer), '<CookieMiddleware → StubTransport>');
  await layer.close();
  t.equal(server.closes, 1);
});
