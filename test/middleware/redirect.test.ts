import { inspect } from 'node:util';
import t from 'tap';
import { ConnectError, RedirectError, TooManyRedirectsError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response, type ResponseInit } from '../../src/messages/response.ts';
import { RedirectMiddleware, type RedirectOptions } from '../../src/middleware/redirect.ts';
import { stack } from '../../src/transport.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

/** Where each URL leads: a status and a Location. Whatever is not there is a 200. */
type Map_ = Readonly<Record<string, readonly [status: number, location: string]>>;

/** A network of redirects. Every response is scoped, so that it shows which were closed. */
function network(map: Map_): StubTransport {
  const transport: StubTransport = new StubTransport(({ url }) => {
    const [status, location] = map[url.href.replace(/#.*/, '')] ?? [];
    return status === undefined
      ? transport.scoped(200)
      : transport.scoped(status, { Location: location });
  });
  return transport;
}

const cancels = (transport: StubTransport): number[] =>
  transport.bodies.map((body) => body.cancels);

function send(
  transport: StubTransport,
  url: string,
  { method = 'GET', ...init }: RequestInit & { method?: string } = {},
  options?: RedirectOptions | boolean,
): Promise<Response> {
  return new RedirectMiddleware(transport, options).send(new Request(method, url, init));
}

/** One redirect, and what is sent after it. */
async function second(
  status: number,
  [from, to]: readonly [from: string, to: string],
  init: RequestInit & { method?: string } = {},
  options?: RedirectOptions,
): Promise<Request> {
  const transport = network({ [from]: [status, to] });
  await send(transport, from, init, options);
  return transport.requests[1] ?? (t.fail('it was not followed') as never);
}

const HERE = ['http://h/a', '/b'] as const;
const ABROAD = ['http://h/a', 'http://other/b'] as const;

// ── methods and bodies ──────────────────────────────────────────────────────────────────────────

t.test(
  '303 turns any method but HEAD into GET, 301 and 302 only POST, 307 and 308 none; the body goes with the method',
  async (t) => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
    const becomesGet = (status: number, method: string): boolean =>
      status === 303 ? method !== 'HEAD' && method !== 'GET' : status < 303 && method === 'POST';
    for (const status of [301, 302, 303, 307, 308]) {
      for (const method of methods) {
        const headers = {
          'Content-Type': 'a/b',
          'Content-Encoding': 'gzip',
          'Content-Language': 'de',
          'Content-Location': '/x',
          'Content-Length': '3',
          Expect: '100-continue',
          Trailer: 'x-a',
          'X-A': '1',
        };
        const request = await second(status, HERE, { method, body: 'abc', headers });
        const what = `${method} on ${status}`;
        if (becomesGet(status, method)) {
          t.equal(request.method, 'GET', what);
          t.equal(request.content, null);
          t.same([...request.headers], [['X-A', '1']]);
        } else {
          t.equal(request.method, method, what);
          t.equal((await collect(request.content?.stream() ?? [])).toString(), 'abc');
          t.same([...request.headers], Object.entries(headers));
        }
      }
    }
  },
);

t.test('no other status is a redirect', async (t) => {
  for (const status of [200, 201, 300, 304, 305, 306, 309, 399, 404]) {
    const transport = network({ 'http://h/a': [status, '/b'] });
    const response = await send(transport, 'http://h/a');
    t.equal(response.status, status);
    t.same(transport.log, ['GET http://h/a']);
    t.same(cancels(transport), [0]);
    t.equal(response.nextRequest, null);
  }
});

t.test('a body that can be sent once is not sent twice', async (t) => {
  for (const status of [307, 308]) {
    const transport = network({ 'http://h/a': [status, '/b'] });
    const error = await rejection(
      send(transport, 'http://h/a', { method: 'PUT', body: ['abc'] }),
      RedirectError,
    );
    t.equal(
      error.message,
      `PUT http://h/a: redirected with ${status}, and the body is a stream that has been sent already`,
    );
    t.equal(error.code, 'ERR_REDIRECT');
    t.same(transport.log, ['PUT http://h/a']);
    t.same(cancels(transport), [1]);
  }
  t.equal(
    (await second(303, HERE, { method: 'POST', body: ['abc'] })).method,
    'GET',
    'it need not be where it is dropped',
  );
});

// ── where it leads ──────────────────────────────────────────────────────────────────────────────

t.test('Location is a reference to the URL that was asked for', async (t) => {
  const cases: [location: string, url: string][] = [
    ['/b', 'http://h:81/b'],
    ['b', 'http://h:81/x/b'],
    ['../b', 'http://h:81/b'],
    ['?c=d', 'http://h:81/x/y?c=d'],
    ['//other/b', 'http://other/b'],
    ['https://other', 'https://other/'],
    ['http://h:81/b#f', 'http://h:81/b#f'],
    ['/b c"', 'http://h:81/b%20c%22'],
    ['  /b\t', 'http://h:81/b'],
    ['/%zz', 'http://h:81/%zz'],
    ['/\\other', 'http://other/'],
    ['/\xc3\xa4', 'http://h:81/%C3%A4'],
    ['/\xe4', 'http://h:81/%C3%A4'],
    ['http://h\xc3\xa9/', 'http://xn--h-bga/'],
  ];
  for (const [location, url] of cases) {
    t.equal(
      (await second(302, ['http://h:81/x/y?a=b', location])).url.href,
      url,
      encodeURI(location),
    );
  }
});

t.test('the fragment is inherited, unless Location has one', async (t) => {
  const cases: [from: string, location: string, url: string][] = [
    ['http://h/a#f', '/b', 'http://h/b#f'],
    ['http://h/a#f', '/b#g', 'http://h/b#g'],
    ['http://h/a#f', '/b#', 'http://h/b#'],
    ['http://h/a#f', 'http://other/b', 'http://other/b#f'],
    ['http://h/a', '/b#g', 'http://h/b#g'],
  ];
  for (const [from, location, url] of cases) {
    const transport = network({ 'http://h/a': [302, location] });
    const response = await send(transport, from);
    t.equal(response.url.href, url, `${from} to ${location}`);
  }
  const twice = network({ 'http://h/a': [302, '/b'], 'http://h/b': [302, '/c'] });
  t.equal((await send(twice, 'http://h/a#f')).url.href, 'http://h/c#f');
});

t.test('a redirect without Location is a response like any other', async (t) => {
  const transport: StubTransport = new StubTransport(() => transport.scoped(302));
  const response = await send(transport, 'http://h/a');
  t.same([response.status, response.redirected, response.nextRequest], [302, false, null]);
  t.equal(await response.text(), 'body');
});

t.test('of several Locations the first one counts', async (t) => {
  const transport = new StubTransport((_request, place) =>
    place === 0 ? new Response(302, { headers: { location: ['/b', '/c'] } }) : undefined,
  );
  await send(transport, 'http://h/a');
  t.same(transport.log, ['GET http://h/a', 'GET http://h/b']);
});

t.test('what is no URL, or has another scheme, is a RedirectError', async (t) => {
  const cases: [location: string, message: string][] = [
    ['http://', 'redirected to what is no URL'],
    ['http://h:99999/', 'redirected to what is no URL'],
    ['mailto:a@b', 'redirected to what is no URL'],
    ['data:text/html,x', 'redirected to what is no URL'],
    ['file:///etc/passwd', 'redirected to what is no URL'],
    ['file://h/etc/passwd', 'redirected to file:, where only http: and https: are followed'],
    ['ftp://h/x', 'redirected to ftp:, where only http: and https: are followed'],
    ['ws://h/x', 'redirected to ws:, where only http: and https: are followed'],
  ];
  for (const [location, message] of cases) {
    const transport = network({ 'http://h/a': [302, location] });
    const error = await rejection(
      send(transport, 'http://h/a?key=s3cret'.replace('?key=s3cret', '')),
      RedirectError,
    );
    t.equal(error.message, `GET http://h/a: ${message}`);
    t.equal(error.request.url.href, 'http://h/a');
    t.same(cancels(transport), [1], 'the response is closed');
    t.equal(transport.requests.length, 1);
  }
});

t.test('from https to http is refused, unless it is allowed', async (t) => {
  const map: Map_ = { 'https://h/a': [302, 'http://h/b'] };
  const transport = network(map);
  const error = await rejection(send(transport, 'https://h/a'), RedirectError);
  t.equal(
    error.message,
    'GET https://h/a: redirected from https: to http://h (allowDowngrade is false)',
  );
  t.same(cancels(transport), [1]);
  t.equal(
    (await send(network(map), 'https://h/a', {}, { allowDowngrade: true })).url.href,
    'http://h/b',
  );
  t.equal(
    (await send(network(map), 'https://h/a', { redirect: { allowDowngrade: true } })).url.href,
    'http://h/b',
  );
  await rejection(
    send(
      network(map),
      'https://h/a',
      { redirect: { allowDowngrade: false } },
      { allowDowngrade: true },
    ),
    RedirectError,
  );
  t.equal(
    (await send(network({ 'http://h/a': [302, 'https://h/b'] }), 'http://h/a')).url.href,
    'https://h/b',
    'the other way is fine',
  );
});

// ── headers ─────────────────────────────────────────────────────────────────────────────────────

const SECRETS = {
  Authorization: 's',
  'Proxy-Authorization': 's',
  Cookie: 's',
  'X-API-Key': 's',
  'X-Auth-Token': 's',
  'X-Anything': 's',
  Origin: 's',
  Referer: 's',
  Host: 'h',
  From: 's',
  'Idempotency-Key': 's',
};
const HARMLESS = {
  Accept: 'a/b',
  'Accept-Encoding': 'gzip',
  'Accept-Language': 'de',
  'User-Agent': 'x',
  'Cache-Control': 'no-cache',
  Range: 'bytes=0-1',
  'If-None-Match': '"x"',
  'If-Modified-Since': 'x',
};

t.test(
  'Authorization, Cookie, x-api-key and all that is not known to be harmless stay home when the origin changes',
  async (t) => {
    const abroad: [from: string, to: string][] = [
      ['http://h/a', 'http://other/b'],
      ['http://h/a', 'http://sub.h/b'],
      ['http://h/a', 'http://h:81/b'],
      ['http://h/a', 'https://h/b'],
      ['http://h/a', 'https://h:80/b'],
      ['http://h/a', '//h.evil/b'],
      ['http://h/a', 'http://h@evil/b'],
    ];
    for (const status of [301, 302, 303, 307, 308]) {
      for (const places of abroad) {
        const request = await second(status, places, { headers: { ...SECRETS, ...HARMLESS } });
        const { authorization: credentials, ...sent } = request.headers.toJSON();
        t.same(
          sent,
          Object.fromEntries(
            Object.entries(HARMLESS).map(([name, value]) => [name.toLowerCase(), value]),
          ),
          places[1],
        );
        t.equal(credentials, places[1].includes('@') ? `Basic ${btoa('h:')}` : undefined);
      }
    }
  },
);

t.test('where the origin stays, so do all headers', async (t) => {
  for (const places of [
    HERE,
    ['http://h/a', 'http://h:80/b'],
    ['http://h/a', 'HTTP://H/b'],
    ['http://h/a', '//h/b'],
  ] as const) {
    const request = await second(307, places, { headers: { ...SECRETS, ...HARMLESS } });
    t.same([...request.headers], Object.entries({ ...SECRETS, ...HARMLESS }));
  }
});

t.test('what stayed home does not come back with the origin', async (t) => {
  const transport = network({
    'http://h/a': [302, 'http://other/b'],
    'http://other/b': [302, 'http://h/c'],
  });
  await send(transport, 'http://h/a', { headers: { Authorization: 's', Accept: 'a/b' } });
  t.same(transport.log, ['GET http://h/a', 'GET http://other/b', 'GET http://h/c']);
  t.same([...(transport.requests[2]?.headers ?? [])], [['Accept', 'a/b']]);
});

t.test('headers of one’s own may be named that travel too', async (t) => {
  const headers = { 'X-Trace': '1', 'X-Other': '2', Authorization: '3' };
  const travelling = async (init: RequestInit, options?: RedirectOptions): Promise<string[]> => [
    ...(await second(302, ABROAD, { headers, ...init }, options)).headers.keys(),
  ];
  t.same(await travelling({}, { crossOriginHeaders: ['x-trace'] }), ['X-Trace']);
  t.same(await travelling({}, { crossOriginHeaders: ['X-TRACE', 'authorization'] }), [
    'X-Trace',
    'Authorization',
  ]);
  t.same(
    await travelling(
      { redirect: { crossOriginHeaders: ['x-other'] } },
      { crossOriginHeaders: ['x-trace'] },
    ),
    ['X-Other'],
  );
  t.same(
    await travelling({ redirect: { maxRedirects: 1 } }, { crossOriginHeaders: ['x-trace'] }),
    ['X-Trace'],
    'what is not given keeps its value',
  );
});

t.test('the type of a body that travels travels with it', async (t) => {
  const request = await second(307, ABROAD, {
    method: 'POST',
    json: { a: 1 },
    headers: { 'Content-Length': '7' },
  });
  t.same([...request.headers], [['content-type', 'application/json']]);
  t.equal((await collect(request.content?.stream() ?? [])).toString(), '{"a":1}');
});

t.test('credentials in Location are used for where it leads', async (t) => {
  const request = await second(302, ['http://h/a', 'http://u:p@other/b'], {
    headers: { authorization: 'home' },
  });
  t.equal(request.headers.get('authorization'), `Basic ${btoa('u:p')}`);
  t.equal(request.url.href, 'http://other/b');
});

// ── how many ────────────────────────────────────────────────────────────────────────────────────

t.test('a chain is followed to its end; its history has every response, closed', async (t) => {
  const transport = network({
    'http://h/a': [301, '/b'],
    'http://h/b': [303, 'http://other/c'],
    'http://other/c': [307, '/d'],
  });
  const response = await send(transport, 'http://h/a', { method: 'POST', body: 'x' });
  t.same(transport.log, [
    'POST http://h/a',
    'GET http://h/b',
    'GET http://other/c',
    'GET http://other/d',
  ]);
  t.equal(response.status, 200);
  t.equal(response.url.href, 'http://other/d');
  t.equal(response.request, transport.requests[3]);
  t.equal(response.redirected, true);
  t.same(
    response.history.map(({ status, url }) => `${status} ${url.href}`),
    ['301 http://h/a', '303 http://h/b', '307 http://other/c'],
  );
  t.same(
    response.history.map((each) => each.history.length),
    [0, 0, 0],
  );
  t.same(cancels(transport), [1, 1, 1, 0], 'each redirect closes the response it discards, once');
  t.equal(await response.text(), 'body');
});

t.test('a redirect closes the response it discards before it sends on', async (t) => {
  const transport: StubTransport = new StubTransport((_request, place) => {
    t.same(cancels(transport), place === 0 ? [] : [1]);
    return place === 0 ? transport.scoped(302, { location: '/b' }) : transport.scoped(200);
  });
  await send(transport, 'http://h/a');
});

t.test('no more than maxRedirects are followed: that many are, one more is an error', async (t) => {
  const chain = (length: number): StubTransport =>
    network(
      Object.fromEntries(
        Array.from({ length }, (_, place) => [
          `http://h/${place}`,
          [302, `/${place + 1}`] as const,
        ]),
      ),
    );
  const cases: [
    options: RedirectOptions | undefined,
    own: RedirectOptions | undefined,
    most: number,
  ][] = [
    [undefined, undefined, 20],
    [{ maxRedirects: 0 }, undefined, 0],
    [{ maxRedirects: 3 }, undefined, 3],
    [{ maxRedirects: 3 }, { maxRedirects: 5 }, 5],
    [{ maxRedirects: 3 }, {}, 3],
  ];
  for (const [options, redirect, most] of cases) {
    const enough = chain(most);
    const response = await send(enough, 'http://h/0', { redirect }, options);
    t.equal(response.history.length, most);

    const tooMany = chain(most + 1);
    const error = await rejection(
      send(tooMany, 'http://h/0', { redirect }, options),
      TooManyRedirectsError,
    );
    t.equal(error.message, `GET http://h/${most}: more than ${most} redirects (maxRedirects)`);
    t.equal(error.code, 'ERR_TOO_MANY_REDIRECTS');
    t.equal(error.request, tooMany.requests.at(-1));
    t.equal(tooMany.requests.length, most + 1);
    t.same(new Set(cancels(tooMany)), new Set([1]), 'every response is closed, the last one too');
  }
});

t.test('a circle ends by maxRedirects', async (t) => {
  for (const location of ['/a', '', '#x', '?']) {
    const transport: StubTransport = new StubTransport(() => transport.scoped(302, { location }));
    await rejection(send(transport, 'http://h/a'), TooManyRedirectsError);
    t.equal(transport.requests.length, 21);
  }
});

// ── not following ───────────────────────────────────────────────────────────────────────────────

t.test(
  'where redirects are not followed, the response is handed out open, with the request that would follow',
  async (t) => {
    const given: [RequestInit, RedirectOptions | boolean | undefined][] = [
      [{ redirect: false }, undefined],
      [{}, false],
      [{ redirect: false }, { maxRedirects: 5 }],
    ];
    for (const [init, options] of given) {
      const transport = network({ 'http://h/a': [303, 'http://other/b'] });
      const response = await send(
        transport,
        'http://h/a#f',
        { method: 'POST', body: 'x', headers: { Cookie: 's' }, ...init },
        options,
      );
      t.equal(response.status, 303);
      t.same(transport.log, ['POST http://h/a#f']);
      t.same([response.redirected, response.history], [false, []]);
      const { nextRequest } = response;
      t.same(
        [nextRequest?.method, nextRequest?.url.href, nextRequest?.content],
        ['GET', 'http://other/b#f', null],
      );
      t.equal(nextRequest?.headers.has('cookie'), false);
      t.same(cancels(transport), [0]);
      t.equal(await response.text(), 'body');
    }
  },
);

t.test('a request that must not, or cannot, be sent is no nextRequest', async (t) => {
  const cases: [from: string, to: string, RequestInit][] = [
    ['http://h/a', 'http://', {}],
    ['http://h/a', 'mailto:a@b', {}],
    ['https://h/a', 'http://h/b', {}],
    ['http://h/a', '/b', { body: ['stream'] }],
  ];
  for (const [from, to, init] of cases) {
    const transport = network({ [from]: [307, to] });
    const response = await send(transport, from, { ...init, redirect: false });
    t.same([response.status, response.nextRequest], [307, null]);
    t.same(cancels(transport), [0]);
  }
});

t.test('a request may ask for what its transport does not do by itself', async (t) => {
  for (const redirect of [true, {}, { maxRedirects: 1 }]) {
    const transport = network({ 'http://h/a': [302, '/b'] });
    t.equal((await send(transport, 'http://h/a', { redirect }, false)).url.href, 'http://h/b');
  }
});

// ── options ─────────────────────────────────────────────────────────────────────────────────────

const WRONG: [options: unknown, message: RegExp][] = [
  [{ maxRedirects: -1 }, /^redirect\.maxRedirects: expected a whole number from 0, got -1$/],
  [{ maxRedirects: 1.5 }, /got 1\.5$/],
  [{ maxRedirects: NaN }, /got NaN$/],
  [{ maxRedirects: '3' }, /got 3$/],
  [{ maxRedirects: null }, /got null$/],
  [
    { crossOriginHeaders: 'x-a' },
    /^redirect\.crossOriginHeaders: expected a list of header names$/,
  ],
  [{ crossOriginHeaders: [7] }, /^redirect\.crossOriginHeaders: expected a list of header names$/],
  [{ allowDowngrade: 'yes' }, /^redirect\.allowDowngrade: expected true or false, got string$/],
  ['follow', /^redirect: expected true, false or options, got string$/],
  [null, /^redirect: expected true, false or options, got null$/],
  [7, /^redirect: expected true, false or options, got number$/],
];

t.test('an option that is not what it has to be is a TypeError', async (t) => {
  for (const [options, message] of WRONG) {
    t.throws(() => new RedirectMiddleware(new StubTransport(), options as RedirectOptions), {
      name: 'TypeError',
      message,
    });
  }
});

t.test('an option of a request’s that is wrong is a TypeError before a byte is sent', async (t) => {
  for (const [redirect, message] of WRONG) {
    const transport = network({ 'http://h/a': [302, '/b'] });
    t.match(
      await rejection(send(transport, 'http://h/a', { redirect: redirect as boolean }), TypeError),
      { message },
    );
    t.equal(transport.requests.length, 0);
  }
});

// ── the contract of a transport ─────────────────────────────────────────────────────────────────

t.test('a request goes on as it is: its signal, its timeout and its options', async (t) => {
  const { signal } = new AbortController();
  const redirect = { maxRedirects: 3 };
  const request = await second(302, HERE, {
    signal,
    timeout: 7,
    redirect,
    defaultEncoding: 'latin1',
  });
  t.equal(request.signal, signal);
  t.equal(request.timeout, 7);
  t.same(request.extensions, { redirect, defaultEncoding: 'latin1' });
});

t.test('a target of the first request’s own is not that of the next', async (t) => {
  const transport = new StubTransport(({ extensions }) =>
    extensions.target === '/a//../a'
      ? new Response(302, { headers: { location: '/b' } })
      : undefined,
  );
  const response = await send(transport, 'http://h/a', { target: '/a//../a' });
  t.equal(response.url.href, 'http://h/b');
  t.equal(transport.requests.length, 2);
  t.ok([undefined, '/b'].includes(transport.requests[1]?.extensions.target));
});

t.test('the request that was given is not changed', async (t) => {
  const transport = network({ 'http://h/a': [303, 'http://other/b'] });
  const request = new Request('POST', 'http://h/a', { body: 'x', headers: { Authorization: 's' } });
  await new RedirectMiddleware(transport).send(request);
  t.equal(transport.requests[0], request);
  t.same(
    [request.method, request.url.href, request.headers.get('authorization')],
    ['POST', 'http://h/a', 's'],
  );
});

t.test('what is no redirect is handed on as it came', async (t) => {
  const request = new Request('GET', 'http://h/a');
  const response = new Response(200, { request });
  t.equal(await new RedirectMiddleware(new StubTransport(() => response)).send(request), response);
});

t.test(
  'an error from within passes as it is, at the first request and at a later one',
  async (t) => {
    const reason = new ConnectError('refused', { request: new Request('GET', 'http://h/b') });
    for (const place of [0, 1]) {
      const transport: StubTransport = new StubTransport((_request, at) =>
        at === place ? reason : transport.scoped(302, { location: '/b' }),
      );
      t.equal(await rejection(send(transport, 'http://h/a')), reason);
      t.same(
        cancels(transport),
        Array.from({ length: place }, () => 1),
      );
    }
  },
);

t.test('requests that are under way at the same time do not meet', async (t) => {
  const gates = new Map(['/a', '/b', '/c'].map((path) => [path, deferred()]));
  const transport = new StubTransport(async ({ target }) => {
    const [, path = '', hop] = /^(\/.)(.*)$/.exec(target) ?? [];
    if (hop !== '') return new Response(200, { text: target });
    await gates.get(path)?.promise;
    return new Response(302, { headers: { location: `${path}-done` } });
  });
  const layer = new RedirectMiddleware(transport);
  const answers = [...gates.keys()].map((path) => layer.request('GET', `http://h${path}`));
  for (const path of ['/c', '/a', '/b']) gates.get(path)?.resolve();
  t.same(await Promise.all(answers.map(async (answer) => (await answer).text())), [
    '/a-done',
    '/b-done',
    '/c-done',
  ]);
  t.same(
    (await Promise.all(answers)).map(({ history }) => history.length),
    [1, 1, 1],
  );
});

t.test('it closes what it wraps, and shows in a stack', async (t) => {
  const transport = new StubTransport();
  const layered = stack(RedirectMiddleware.layer({ maxRedirects: 3 }), transport);
  t.equal(inspect(layered), '<RedirectMiddleware → StubTransport>');
  await layered.close();
  t.equal(transport.closes, 1);
});

t.test('made responses, whole in memory, are followed too', async (t) => {
  const answer: ResponseInit = { headers: { location: '/b' }, text: 'moved' };
  const transport = new StubTransport((_request, place) =>
    place === 0 ? new Response(302, answer) : new Response(200, { text: 'here' }),
  );
  const response = await send(transport, 'http://h/a');
  t.equal(await response.text(), 'here');
  t.equal(await response.history[0]?.text(), 'moved');
});
