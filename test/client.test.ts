import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import t from 'tap';
import { CookieJar } from 'tough-cookie';
import { Client, type ClientOptions, type ClientRequestOptions } from '../src/client.ts';
import { ClosedError, LocalProtocolError } from '../src/errors.ts';
import type { Request } from '../src/messages/request.ts';
import { Response } from '../src/messages/response.ts';
import { middleware, shared } from '../src/transport.ts';
import { ConnectionPool } from '../src/transports/connection-pool.ts';
import { VERSION } from '../src/version.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { type Echo, okServer } from './support/ok-server.ts';
import { rejection } from './support/rejection.ts';
import { lines, ok, type ReceivedRequest, ScriptServer } from './support/script-server.ts';
import { StubTransport } from './support/stub-transport.ts';
import { ca, identities } from './support/tls.ts';

assertNoLeaks(t);

/** What a client with these options makes of a request. */
function build(
  client: ClientOptions,
  options: ClientRequestOptions = {},
  url = 'http://h/x',
  method = 'GET',
): Request {
  return new Client({ transport: new StubTransport(), ...client }).buildRequest(
    method,
    url,
    options,
  );
}

const redirectTo = (location: string, ...fields: string[]): string =>
  lines('HTTP/1.1 302 Found', `Location: ${location}`, 'Content-Length: 0', ...fields, '', '');

// ── what it adds to a request ───────────────────────────────────────────────────────────────────

t.test('a plain GET says what is accepted and who asks, and nothing else', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using client = new Client();
  await client.get(`${server.url}/x`);
  const [received] = server.requests;
  t.equal(received?.header('user-agent'), `strata-http/${VERSION}`);
  t.equal(received?.header('accept'), '*/*');
  t.same(received?.headers.map(([name]) => name.toLowerCase()).sort(), [
    'accept',
    'accept-encoding',
    'host',
    'user-agent',
  ]);
});

t.test(
  'headers of client and request combine, the request winning and null removing',
  async (t) => {
    const given = { headers: { 'X-A': '1', 'X-B': ['2', '3'], Accept: 'a/b' }, decode: false };
    const headersOf = (options: ClientRequestOptions): Record<string, unknown> => {
      const { 'user-agent': agent, ...others } = build(given, options).headers.toJSON();
      t.ok(agent === undefined || agent === `strata-http/${VERSION}`);
      return others;
    };
    t.same(headersOf({}), { accept: 'a/b', 'x-a': '1', 'x-b': '2, 3' });
    t.same(headersOf({ headers: { 'x-a': 'own', 'X-C': '4' } }), {
      accept: 'a/b',
      'x-b': '2, 3',
      'x-a': 'own',
      'x-c': '4',
    });
    t.same(headersOf({ headers: { 'X-B': null, accept: null, 'user-agent': null } }), {
      'x-a': '1',
    });
    t.same(headersOf({ headers: [['x-b', 'own']] }), { accept: 'a/b', 'x-a': '1', 'x-b': 'own' });
    t.same(headersOf({ headers: new Map([['x-b', 'own']]).entries() }), {
      accept: 'a/b',
      'x-a': '1',
      'x-b': 'own',
    });
    t.equal(build({ headers: { 'User-Agent': null } }).headers.has('user-agent'), false);
    t.equal(build({ headers: { 'User-Agent': 'mine' } }).headers.get('user-agent'), 'mine');
  },
);

t.test(
  'params of client, URL and request combine, the nearer winning and null removing',
  async (t) => {
    const cases: [
      client: ClientOptions['params'],
      url: string,
      own: ClientRequestOptions['params'],
      target: string,
    ][] = [
      [{ key: 'k' }, 'http://h/x', undefined, '/x?key=k'],
      [{ key: 'k' }, 'http://h/x', { a: 1 }, '/x?key=k&a=1'],
      [{ key: 'k' }, 'http://h/x?a=1', undefined, '/x?a=1&key=k'],
      [{ key: 'k' }, 'http://h/x?key=own', undefined, '/x?key=own'],
      [{ key: 'k' }, 'http://h/x', { key: 'own' }, '/x?key=own'],
      [{ key: 'k' }, 'http://h/x', { key: null }, '/x'],
      [{ key: 'k', b: 2 }, 'http://h/x?b=1', { key: null, c: 3 }, '/x?b=1&c=3'],
      [{ key: ['k', 'l'] }, 'http://h/x', undefined, '/x?key=k&key=l'],
      [{ b: 2, c: 3 }, 'http://h/x?a=1?b&c=own', undefined, '/x?a=1?b&c=own&b=2'],
      [{ key: 'k' }, 'http://h/x??key=1', undefined, '/x??key=1&key=k'],
      [{ key: 'k' }, 'http://h/x#f', undefined, '/x?key=k'],
      [{}, 'http://h/x?', undefined, '/x?'],
      [new URLSearchParams('key=k'), 'http://h/x', new URLSearchParams('a=1'), '/x?key=k&a=1'],
    ];
    for (const [params, url, own, target] of cases) {
      t.equal(
        build({ params }, { params: own }, url).target,
        target,
        JSON.stringify([params, url, own]),
      );
    }
    t.equal(build({ params: { key: 'k' } }, {}, 'http://h/x#f').url.href, 'http://h/x?key=k#f');
    t.equal(
      build({ params: { key: 'k' } }, {}, 'http://u:p@h/x').headers.get('authorization'),
      `Basic ${btoa('u:p')}`,
    );
  },
);

t.test('options are taken when the client is made: changing them changes nothing', async (t) => {
  const params = new URLSearchParams('key=k');
  const cookies: Record<string, string> = { a: '1' };
  const headers: Record<string, string> = { 'x-a': '1' };
  const client = new Client({ transport: new StubTransport(), params, cookies, headers });
  params.set('key', 'changed');
  cookies['a'] = 'changed';
  headers['x-a'] = 'changed';
  const request = client.buildRequest('GET', 'http://h/x');
  t.same(
    [request.target, request.headers.get('cookie'), request.headers.get('x-a')],
    ['/x?key=k', 'a=1', '1'],
  );
});

t.test('cookies of client and request combine, the request’s counting', async (t) => {
  const cookie = (
    client: ClientOptions['cookies'],
    own?: ClientRequestOptions['cookies'],
    headers?: ClientRequestOptions['headers'],
  ): string | null => build({ cookies: client }, { cookies: own, headers }).headers.get('cookie');
  t.equal(cookie({ a: 'x', b: 2, c: true, d: null, e: undefined }), 'a=x; b=2; c=true');
  t.equal(cookie({ a: 1, b: 2 }, { b: 'own', c: 3 }), 'a=1; b=own; c=3');
  t.equal(cookie({ a: 1, b: 2 }, { a: null }), 'b=2');
  t.equal(cookie(true, { a: 1 }), 'a=1');
  t.equal(cookie(false, { a: 1 }), 'a=1');
  t.equal(cookie({}), null);
  t.equal(cookie({ a: 1 }, undefined, { cookie: 'x=1' }), 'x=1; a=1');
  t.equal(cookie({ a: 1 }, undefined, { cookie: ['x=1', 'y=2'] }), 'x=1; y=2; a=1');
  t.equal(cookie({ a: 'x=y "z", é' }), 'a=x=y "z", é');
});

t.test('a cookie cannot be more than one, or break out of its header', async (t) => {
  const bad: [cookies: unknown, message: RegExp][] = [
    [{ a: 's3cret; admin=1' }, /^cookies\.a: expected a value without ;$/],
    [{ 'a=b': 's3cret' }, /^cookies: expected a name without white space, = and ;, got "a=b"$/],
    [{ 'a;b': '1' }, /got "a;b"$/],
    [{ 'a b': '1' }, /got "a b"$/],
    [{ '': '1' }, /got ""$/],
    [
      { a: 's3cret\r\nX: y' },
      /^header cookie: the value has a character that HTTP does not allow there, U\+000D$/,
    ],
    [{ a: {} }, /^cookies\.a: expected a string, number or boolean, got object$/],
  ];
  for (const [cookies, message] of bad) {
    t.throws(() => build({}, { cookies: cookies as Record<string, string> }), {
      name: 'TypeError',
      message,
    });
    t.throws(() => build({ cookies: cookies as Record<string, string> }), {
      name: 'TypeError',
      message,
    });
  }
  for (const cookies of [true, 'a=1', new CookieJar()]) {
    t.throws(() => build({}, { cookies: cookies as never }), {
      name: 'TypeError',
      message: 'cookies: expected a record of names and values',
    });
  }
});

t.test(
  'timeouts are filled in from the client’s, wait by wait; all else a request gives replaces',
  async (t) => {
    t.equal(build({}).timeout, undefined);
    t.equal(build({}, { timeout: 7 }).timeout, 7);
    t.same(build({ timeout: 7 }).timeout, { connect: 7, read: 7, write: 7, pool: 7 });
    t.same(build({ timeout: { read: 7 } }, { timeout: { pool: 8 } }).timeout, {
      connect: 5000,
      read: 7,
      write: 5000,
      pool: 8,
    });
    t.same(build({ timeout: 7 }, { timeout: null }).timeout, {
      connect: Infinity,
      read: Infinity,
      write: Infinity,
      pool: Infinity,
    });
    t.equal(build({ defaultEncoding: 'latin1' }).extensions.defaultEncoding, 'latin1');
    t.equal(
      build({ defaultEncoding: 'latin1' }, { defaultEncoding: 'utf-8' }).extensions.defaultEncoding,
      'utf-8',
    );
  },
);

t.test('building a request leaves the options as they are', async (t) => {
  const options = Object.freeze({
    headers: Object.freeze({ a: '1' }),
    cookies: Object.freeze({ c: 1 }),
    params: Object.freeze({ p: 1 }),
  });
  const client = new Client({
    transport: new StubTransport(),
    headers: { b: '2' },
    cookies: { d: 1 },
    timeout: 1,
  });
  const [one, two] = [
    client.buildRequest('GET', 'http://h/', options),
    client.buildRequest('GET', 'http://h/', options),
  ];
  t.equal(one.headers.toString(), two.headers.toString());
  t.same(one.extensions, {}, 'cookies are no extension');
});

// ── the base URL ────────────────────────────────────────────────────────────────────────────────

t.test('paths are appended to the base URL', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using client = new Client({ baseUrl: `${server.url}/v1?key=k`, params: { p: 1 } });
  await client.get('users/7?a=1', { params: { b: 2 } });
  await client.get('/users');
  await client.get('');
  t.same(
    server.requests.map(({ target }) => target),
    ['/v1/users/7?key=k&a=1&p=1&b=2', '/v1/users?key=k&p=1', '/v1?key=k&p=1'],
  );
});

t.test('what leads out of the base URL is refused before anything is sent', async (t) => {
  const transport = new StubTransport();
  const client = new Client({
    baseUrl: 'https://h/v1',
    transport,
    headers: { authorization: 's3cret' },
  });
  for (const url of ['https://other/', '//other/', '../v2', 'http://h/v1', '%2e%2e/', '.\t./v2']) {
    await t.rejects(client.get(url), { name: 'InvalidURLError' }, url);
  }
  t.equal(transport.requests.length, 0);
  const free = new Client({ baseUrl: 'https://h/v1', transport, allowAbsoluteUrls: true });
  await free.get('https://other/x');
  t.same(transport.log, ['GET https://other/x']);
});

t.test(
  'credentials in the base URL become Authorization for what is below it, and for nobody else',
  async (t) => {
    const transport = new StubTransport();
    const client = new Client({
      baseUrl: 'https://user:pass@h/v1',
      allowAbsoluteUrls: true,
      transport,
    });
    const basic = `Basic ${btoa('user:pass')}`;
    await client.get('users');
    await client.get('https://other/x');
    await client.get('users', { headers: { authorization: 'Bearer own' } });
    t.same(
      transport.requests.map(({ headers }) => headers.get('authorization')),
      [basic, null, 'Bearer own'],
    );
    t.same(transport.log, [
      'GET https://h/v1/users',
      'GET https://other/x',
      'GET https://h/v1/users',
    ]);
  },
);

// ── sending ─────────────────────────────────────────────────────────────────────────────────────

t.test('there is a shorthand for each common method', async (t) => {
  await using server = await okServer();
  await using client = new Client({ baseUrl: server.url });
  for (const method of ['get', 'options', 'post', 'put', 'patch', 'delete'] as const) {
    const response = await client[method]('/x', { body: 'hello' });
    t.equal(response.isRead, true);
    t.match(await response.json<Echo>(), {
      method: method.toUpperCase(),
      url: '/x',
      body: 'hello',
    });
  }
  t.equal(await (await client.head('/x')).text(), '');
  t.match(await (await client.request('REPORT', '/x', { json: [] })).json(), { method: 'REPORT' });
  t.equal(server.connections, 1);
});

t.test(
  'request() reads the response to its end; stream() and send() resolve to a scoped one',
  async (t) => {
    const transport: StubTransport = new StubTransport(() => transport.scoped(200));
    const client = new Client({ transport });
    t.equal((await client.request('GET', 'http://h/')).isRead, true);
    t.equal((await client.get('http://h/')).isRead, true);
    for (const response of [
      await client.stream('GET', 'http://h/'),
      await client.send(client.buildRequest('GET', 'http://h/')),
    ]) {
      t.equal(response.isRead, false);
      await response.close();
    }
    t.same(
      transport.bodies.map(({ cancels }) => cancels),
      [0, 0, 1, 1],
    );
  },
);

t.test('a built request is sent as it is, changes and all', async (t) => {
  const transport = new StubTransport();
  const client = new Client({ transport, baseUrl: 'http://h/v1', params: { key: 'k' } });
  const request = client
    .buildRequest('POST', 'users', { json: {} })
    .with({ url: 'http://h/other', headers: { 'x-a': '1' } });
  const response = await client.send(request);
  t.same(transport.log, ['POST http://h/other']);
  t.equal(transport.requests[0]?.headers.toString(), request.headers.toString());
  t.equal(response.status, 200);
});

t.test('bad input is a rejection, before a byte is sent', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using client = new Client({ baseUrl: server.url });
  const injection = 'x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n';
  const typeErrors: ClientRequestOptions[] = [
    { headers: { 'x-a': injection } },
    { headers: { [injection]: 'x' } },
    { headers: [['x-a', 'a\nb']] },
    { headers: { host: injection } },
    { headers: { 'content-type': 'a/b\0' }, body: 'x' },
    { cookies: { a: injection } },
    { json: 1n },
    { body: 7 as never },
    { body: 'x', json: 1 },
    { form: 'a=1' as never },
    { params: 'a=1' as never },
    { timeout: 'soon' as never },
    { timeout: -1 },
    { signal: {} as never },
    { redirect: { maxRedirects: -1 } },
    { redirect: 'follow' as never },
    { redirect: { maxRedirect: 1 } as never },
    { body: { replayable: true, contentType: injection, stream: async function* () {} } },
  ];
  for (const options of typeErrors) {
    await t.rejects(client.get('/', options), TypeError, inspect(options));
    await t.rejects(client.stream('GET', '/', options), TypeError);
  }
  await t.rejects(client.request(`GET / HTTP/1.1\r\n\r\nGET`, '/'), TypeError);
  await t.rejects(client.get(7 as never), TypeError);
  const protocolErrors: ClientRequestOptions[] = [
    { headers: { 'content-length': '5' }, body: 'x' },
    { headers: { 'content-length': ['1', '1'] }, body: 'x' },
    { headers: { 'content-length': '+1' }, body: 'x' },
    { headers: { 'content-length': '1', 'transfer-encoding': 'chunked' }, body: 'x' },
    { headers: { 'transfer-encoding': 'gzip, chunked' }, body: 'x' },
    { headers: { 'transfer-encoding': 'chunked, identity' }, body: 'x' },
    { headers: { host: ['a', 'b'] } },
    { headers: { host: 'a b' } },
    { target: '/x HTTP/1.1\r\nX: y' },
    { target: '/a b' },
    { target: '' },
  ];
  for (const options of protocolErrors) {
    const error = await rejection(client.post('/', options), LocalProtocolError);
    t.match(error.message, /: not sent: /, inspect(options));
  }
  t.equal(server.requests.length, 0);
});

t.test('text that could smuggle a second request stays inside of its target', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using client = new Client({ baseUrl: server.url });
  await client.get('/a\r\nX: y\r\n\r\nGET /b HTTP/1.1');
  await client.get('/a?b c', { params: { 'd\r\n': ' \r\n' } });
  t.same(
    server.requests.map(({ target }) => target),
    ['/aX:%20yGET%20/b%20HTTP/1.1', '/a?b%20c&d%0D%0A=+%0D%0A'],
  );
});

t.test('an abort rejects with the signal’s own reason, wherever the request is', async (t) => {
  await using server = await ScriptServer.start(async ({ target }, wire) => {
    if (target === '/body') await wire.send(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'x'));
    return await wire.hang();
  });
  await using client = new Client({ baseUrl: server.url });
  for (const reason of [new Error('enough'), 'enough', { enough: true }]) {
    t.equal(await rejection(client.get('/', { signal: AbortSignal.abort(reason) })), reason);
    for (const path of ['/head', '/body']) {
      const controller = new AbortController();
      const before = server.requests.length;
      const response = client.get(path, { signal: controller.signal });
      await server.request(before + 1);
      setImmediate(() => setImmediate(() => controller.abort(reason)));
      t.equal(await rejection(response), reason);
    }
  }
});

// ── the layers it assembles ─────────────────────────────────────────────────────────────────────

t.test(
  'redirects are followed and cookies kept, unless the client is told otherwise',
  async (t) => {
    await using server = await ScriptServer.start(({ target, ...request }) =>
      target === '/login'
        ? redirectTo('/home', 'Set-Cookie: session=7')
        : ok(String((request as ReceivedRequest).bodySize)),
    );
    const log = (): string[] =>
      server.requests.splice(0).map((each) => `${each.target} ${each.header('cookie') ?? '-'}`);

    await using client = new Client({ baseUrl: server.url });
    const response = await client.get('/login');
    t.equal(response.url.pathname, '/home');
    t.equal(response.history[0]?.status, 302);
    await client.get('/again');
    t.same(log(), ['/login -', '/home session=7', '/again session=7']);

    await using forgetful = new Client({ baseUrl: server.url, cookies: false });
    await forgetful.get('/login');
    t.same(log(), ['/login -', '/home -']);

    await using homebody = new Client({ baseUrl: server.url, redirect: false });
    const stayed = await homebody.get('/login');
    t.equal(stayed.status, 302);
    t.equal(stayed.nextRequest?.target, '/home');
    t.same(log(), ['/login -']);
    t.equal((await homebody.get('/login', { redirect: true })).status, 200);
    t.equal((await client.get('/login', { redirect: false })).status, 302);
    log();
    t.equal((await homebody.send(stayed.nextRequest as Request)).status, 200);
    t.same(log(), ['/home session=7'], 'it can be sent by hand');
  },
);

t.test('options of redirects are handed on', async (t) => {
  await using server = await ScriptServer.start(({ target }) => redirectTo(`${target}x`));
  await using client = new Client({ redirect: { maxRedirects: 2 } });
  await t.rejects(client.get(`${server.url}/`), {
    name: 'TooManyRedirectsError',
    message: /more than 2 redirects/,
  });
  await t.rejects(client.get(`${server.url}/`, { redirect: { maxRedirects: 0 } }), {
    name: 'TooManyRedirectsError',
  });
  t.equal(server.requests.length, 4);
});

t.test('Authorization, Cookie and x-api-key stay home when the origin changes', async (t) => {
  await using other = await ScriptServer.start(() => ok());
  await using server = await ScriptServer.start(({ target }) =>
    target === '/away' ? redirectTo(`${other.url}/`) : redirectTo('/away'),
  );
  await using client = new Client({
    headers: { 'X-API-Key': 's3cret' },
    cookies: { c: 's3cret' },
    decode: false,
  });
  await client.get(server.url, { headers: { Authorization: 's3cret', Accept: 'a/b' } });
  for (const received of server.requests) {
    t.same(
      ['authorization', 'cookie', 'x-api-key'].map((name) => received.header(name)),
      ['s3cret', 'c=s3cret', 's3cret'],
    );
  }
  t.same(other.requests[0]?.headers.map(([name]) => name.toLowerCase()).sort(), [
    'accept',
    'host',
    'user-agent',
  ]);
});

t.test('a jar of one’s own is used', async (t) => {
  const jar = new CookieJar();
  await using server = await ScriptServer.start(() => ok('', 'Set-Cookie: b=2'));
  await jar.setCookie('a=1', server.url);
  await using client = new Client({ cookies: jar });
  await client.get(server.url);
  t.equal(server.requests[0]?.header('cookie'), 'a=1');
  t.equal(await jar.getCookieString(server.url), 'a=1; b=2');
});

t.test(
  'cookies of a record are sent with every request, and the jar keeps what servers set',
  async (t) => {
    await using server = await ScriptServer.start(() =>
      ok('', 'Set-Cookie: b=2', 'Set-Cookie: a=theirs'),
    );
    await using client = new Client({ baseUrl: server.url, cookies: { a: 'mine' } });
    await client.get('/');
    await client.get('/', { cookies: { c: 3 } });
    t.same(
      server.requests.map((each) => each.header('cookie')),
      ['a=mine', 'b=2; a=mine; c=3'],
    );
  },
);

t.test(
  'one’s own layers stand outermost, once a call, or innermost, once an attempt',
  async (t) => {
    const log: string[] = [];
    const noting = (name: string) =>
      middleware(async (request, next) => {
        log.push(`${name} ${request.target}`);
        return await next.send(request);
      });
    await using server = await ScriptServer.start(({ target }) =>
      target === '/a' ? redirectTo('/b') : ok(),
    );
    await using client = new Client({
      baseUrl: server.url,
      middleware: [noting('outer'), noting('second')],
      networkMiddleware: [noting('network'), noting('innermost')],
    });
    await client.get('/a');
    t.same(log, [
      'outer /a',
      'second /a',
      'network /a',
      'innermost /a',
      'network /b',
      'innermost /b',
    ]);
  },
);

t.test('a transport of one’s own replaces the pool, and the layers stay', async (t) => {
  const transport = new StubTransport(({ target }) =>
    target === '/a'
      ? new Response(302, { headers: { location: '/b', 'set-cookie': 'c=1' } })
      : undefined,
  );
  await using client = new Client({ transport });
  await client.get('http://h/a');
  t.same(
    transport.requests.map(({ target, headers }) => [target, headers.get('cookie')]),
    [
      ['/a', null],
      ['/b', 'c=1'],
    ],
  );
});

t.test('the options of the pool reach it', async (t) => {
  await using server = await okServer(undefined, { tls: identities.server });
  await using trusting = new Client({ tls: { ca }, limits: { maxConnections: 1 } });
  t.equal((await trusting.get(server.url)).status, 200);
  await using careful = new Client();
  await t.rejects(careful.get(server.url), { name: 'ConnectError' });
  t.throws(() => new Client({ limits: { maxConnections: 0 } }), TypeError);
});

t.test('text is decoded by the client’s defaultEncoding', async (t) => {
  await using server = await ScriptServer.start(() => ok('\xe9'));
  await using client = new Client({ baseUrl: server.url, defaultEncoding: 'latin1' });
  t.equal(await (await client.get('/')).text(), 'é');
  t.equal(await (await client.get('/', { defaultEncoding: 'utf-8' })).text(), '\ufffd');
});

// ── options ─────────────────────────────────────────────────────────────────────────────────────

t.test(
  'an option that is unknown, or not what it has to be, is a TypeError that says so',
  async (t) => {
    const cases: [options: unknown, message: RegExp][] = [
      [{ baseURL: 'http://h' }, /^Client: there is no option "baseURL"; did you mean baseUrl\?$/],
      [{ header: {} }, /did you mean headers\?$/],
      [{ timeouts: 1 }, /did you mean timeout\?$/],
      [{ middlewares: [] }, /did you mean middleware\?$/],
      [{ quux: 1 }, /^Client: there is no option "quux"$/],
      [null, /^Client: expected an object of options, got null$/],
      ['http://h', /^Client: expected an object of options, got string$/],
      [{ headers: 'a: b' }, /^headers: expected a record, pairs or Headers, got string$/],
      [{ headers: { a: 'b\n' } }, /^header a: /],
      [{ params: 'a=b' }, /^params: expected a record, pairs or URLSearchParams, got string$/],
      [{ timeout: '5s' }, /^timeout: /],
      [{ timeout: { total: 5 } }, /^timeout: there is no "total"/],
      [{ cookies: 'a=1' }, /^cookies: expected a CookieJar, a record or a boolean, got string$/],
      [{ cookies: null }, /^cookies: expected a CookieJar, a record or a boolean, got null$/],
      [{ cookies: 7 }, /got number$/],
      [
        { redirect: { maxRedirect: 3 } },
        /^Client: redirect: there is no option "maxRedirect"; did you mean maxRedirects\?$/,
      ],
      [{ redirect: { maxRedirects: -1 } }, /^redirect\.maxRedirects: /],
      [{ redirect: 'follow' }, /^Client: redirect: expected true, false or options, got string$/],
      [{ redirect: null }, /^Client: redirect: expected true, false or options, got null$/],
      [
        { middleware: middleware(async () => new Response(200)) },
        /^Client: middleware: expected a list of layers, got function$/,
      ],
      [
        { networkMiddleware: {} },
        /^Client: networkMiddleware: expected a list of layers, got object$/,
      ],
      [{ middleware: [{}] }, /^stack: expected a layer in place/],
      [{ transport: {} }, /^stack: expected a transport at the end, got an instance of Object$/],
      [
        { transport: new StubTransport(), tls: {}, limits: {} },
        /^Client: with transport, there is no pool for (tls, limits|limits, tls) to be about$/,
      ],
      [{ limits: { maxConnection: 3 } }, /did you mean maxConnections\?$/],
    ];
    for (const [options, message] of cases) {
      t.throws(() => new Client(options as ClientOptions), { name: 'TypeError', message });
    }
    t.throws(() => new Client({ baseUrl: '/v1' }), { name: 'InvalidURLError' });
    t.throws(() => new Client({ defaultEncoding: 'klingon' }), { name: 'RangeError' });
  },
);

t.test('options that are undefined are not there', async (t) => {
  const names = [
    'baseUrl',
    'headers',
    'params',
    'cookies',
    'timeout',
    'redirect',
    'middleware',
    'transport',
    'tls',
    'limits',
    'defaultEncoding',
  ];
  await using client = new Client(Object.fromEntries(names.map((name) => [name, undefined])));
  await using plain = new Client();
  t.equal(inspect(client), inspect(plain));
});

// ── closing ─────────────────────────────────────────────────────────────────────────────────────

t.test('a client closes what it holds, once; afterwards it rejects with ClosedError', async (t) => {
  const transport = new StubTransport();
  const client = new Client({ transport });
  await Promise.all([client.close(), client.close()]);
  await client[Symbol.asyncDispose]();
  t.equal(transport.closes, 1);
  for (const send of [
    () => client.get('http://h/x?key=s3cret'),
    () => client.stream('GET', 'http://h/x?key=s3cret'),
    () => client.send(client.buildRequest('GET', 'http://h/x?key=s3cret')),
  ]) {
    const error = await rejection(send(), ClosedError);
    t.equal(error.message, '<Request [GET http://h/x]>: the client is closed');
  }
  t.equal(transport.requests.length, 0);
});

t.test('what is under way when a client closes may end first', async (t) => {
  await using server = await ScriptServer.start(() => ok('hello'));
  const client = new Client();
  const response = client.get(server.url);
  await server.request(1);
  await client.close();
  t.equal(await (await response).text(), 'hello');
  await server.connectionClosed(1);
});

t.test('a shared pool serves several clients, and outlives them', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using pool = new ConnectionPool();
  for (let round = 0; round < 3; round++) {
    await using client = new Client({ transport: shared(pool) });
    await client.get(server.url);
  }
  t.equal(server.connections.count, 1);
  t.equal(inspect(pool), '<ConnectionPool [0 active, 1 idle]>');
});

// ── and all at once ─────────────────────────────────────────────────────────────────────────────

t.test('inspecting a client shows its stack, outermost first, and the pool as it is', async (t) => {
  async function signing(): Promise<Response> {
    return new Response(200);
  }
  await using client = new Client({
    middleware: [middleware(signing)],
    headers: { authorization: 's3cret' },
    cookies: { a: 's3cret' },
  });
  const shown = inspect(client);
  t.match(
    shown,
    /^<Client .*signing → .*RedirectMiddleware → .*CookieMiddleware → .*ConnectionPool \[0 active, 0 idle\]>$/,
  );
  t.notMatch(inspect(client, { depth: 9, showHidden: true }), 's3cret');
  await using lean = new Client({ cookies: false, decode: false, transport: new StubTransport() });
  t.notMatch(inspect(lean), /Cookie|Decode|Pool/);
});

t.test(
  'a client serves many requests at once, each its own response, through few connections',
  async (t) => {
    await using server = await ScriptServer.start(({ target }) =>
      target.startsWith('/old')
        ? redirectTo(`/new${target.slice(4)}`, `Set-Cookie: c${target.slice(5)}=1`)
        : ok(target),
    );
    await using client = new Client({ baseUrl: server.url, limits: { maxConnections: 4 } });
    const texts = await Promise.all(
      Array.from(
        { length: 300 },
        async (_, place) =>
          await (await client.get(`/${place % 3 === 0 ? 'old' : 'new'}/${place}`)).text(),
      ),
    );
    t.same(
      texts,
      Array.from({ length: 300 }, (_, place) => `/new/${place}`),
    );
    t.ok(server.connections.count <= 4);
  },
);

t.test('a stream that is given as a body, and never sent, is ended', async (t) => {
  await using client = new Client({
    transport: new StubTransport(),
    middleware: [middleware(async () => new Response(503))],
  });
  const body = Readable.from(['never read']);
  t.equal((await client.post('http://h.test/', { body })).status, 503);
  t.equal(body.destroyed, true);
});
