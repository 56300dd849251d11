import { inspect } from 'node:util';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { AnyAuth } from '../../src/auth/any.ts';
import { Auth, type AsyncAuthFlow, type AuthFlow, type AuthInit } from '../../src/auth/auth.ts';
import { BearerAuth } from '../../src/auth/bearer.ts';
import { DigestAuth } from '../../src/auth/digest.ts';
import { OAuth2 } from '../../src/auth/oauth2.ts';
import { Client } from '../../src/client.ts';
import { ConnectError, StreamConsumedError } from '../../src/errors.ts';
import { GzipContent } from '../../src/messages/content/gzip.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { AuthMiddleware } from '../../src/middleware/auth.ts';
import { turn } from '../support/clock.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { lines, ok, ScriptServer } from '../support/script-server.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const URL = 'http://h.test/x';
const sent = ({ requests }: StubTransport): (string | null)[] =>
  requests.map(({ headers }) => headers.get('authorization'));

async function* once(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('once');
}

t.test('auth is user and password, a scheme, or a function', async (t) => {
  const server = new StubTransport();
  for (const auth of [
    ['tom', 'mot123'],
    new BearerAuth('t'),
    { authFlow: (request) => new BearerAuth('shaped').authFlow(request) },
    (request) => request.with({ headers: request.headers.with('authorization', 'sync') }),
    async (request) => request.with({ headers: { authorization: 'async' } }),
  ] as AuthInit[]) {
    await new AuthMiddleware(server, auth).request('GET', URL);
    await new AuthMiddleware(server).request('GET', URL, { auth });
  }
  const each = [`Basic ${btoa('tom:mot123')}`, 'Bearer t', 'Bearer shaped', 'sync', 'async'];
  t.strictSame(
    sent(server),
    each.flatMap((value) => [value, value]),
  );
});

t.test("a request's own auth replaces the client's, and null switches it off", async (t) => {
  const server = new StubTransport();
  const client = new Client({ transport: server, auth: ['tom', 'mot123'] });
  await client.get(URL);
  await client.get(URL, { auth: ['alice', 'ecila123'] });
  await client.get(URL, { auth: null });
  await client.get('http://x:y@h.test/');
  await client.get('http://x:y@h.test/', { auth: null });
  t.strictSame(sent(server), [
    `Basic ${btoa('tom:mot123')}`,
    `Basic ${btoa('alice:ecila123')}`,
    null,
    `Basic ${btoa('tom:mot123')}`,
    `Basic ${btoa('x:y')}`,
  ]);
});

t.test('without auth a request goes in as it is, and the layer is not shown', async (t) => {
  const server = new StubTransport();
  const request = new Request('GET', URL);
  const layer = new AuthMiddleware(server);
  await layer.send(request);
  t.equal(server.requests[0], request);
  t.equal(inspect(layer), '<StubTransport>');
  t.match(inspect(new AuthMiddleware(server, ['u', 's3cret'])), '<AuthMiddleware → StubTransport>');
});

t.test('what is no auth is a TypeError that does not repeat it', async (t) => {
  for (const auth of ['s3cret', ['s3cret'], ['a', 's3cret', 'c'], {}, 7] as unknown as AuthInit[]) {
    t.throws(() => new AuthMiddleware(new StubTransport(), auth), {
      name: 'TypeError',
      message: /^auth: expected (?!.*s3cret)/,
    });
    const rejected = new AuthMiddleware(new StubTransport()).request('GET', URL, { auth });
    t.match((await rejection(rejected, TypeError)).message, /^auth: expected/);
  }
});

/** A scheme of one flow. */
function scheme(
  authFlow: (request: Request) => AuthFlow | AsyncAuthFlow,
  needs: { requiresRequestBody?: boolean; requiresResponseBody?: boolean } = {},
): AuthInit {
  return { authFlow, ...needs };
}

t.test('a flow gets the response to each request, and all but the last are closed', async (t) => {
  const server = new StubTransport((_, place) => server.scoped(place === 2 ? 200 : 401));
  const auth = scheme(function* (request) {
    for (let response = yield request; response.status === 401;) {
      response = yield request.with({ headers: { 'x-authentication': 'token' } });
    }
  });
  await using response = await new AuthMiddleware(server, auth).send(new Request('GET', URL));
  t.equal(response.status, 200);
  t.strictSame(
    server.bodies.map(({ cancels }) => cancels),
    [1, 1, 0],
  );
  t.strictSame(response.history, [], 'history tells of redirects');
});

t.test('a body of the request, or of responses, is there for a flow that needs it', async (t) => {
  const server = new StubTransport(() => server.scoped(200, {}, 'answer'));
  const seen: unknown[] = [];
  class Signing extends Auth {
    override get requiresRequestBody(): boolean {
      return true;
    }
    override get requiresResponseBody(): boolean {
      return true;
    }
    async *authFlow(request: Request): AsyncAuthFlow {
      seen.push(new TextDecoder().decode(request.content?.bytes?.()));
      const response = yield request;
      seen.push(response.isRead, await response.text());
      yield request;
    }
  }
  const transport = new AuthMiddleware(server, new Signing());
  t.equal((await transport.send(new Request('POST', URL, { body: once() }))).isRead, true);
  t.strictSame(seen, ['once', true, 'answer']);
  t.equal(server.requests.length, 2, 'it can be sent again now');
});

t.test(
  'a scheme with requiresRequestBody and a GzipContent body keeps content-encoding: gzip',
  async (t) => {
    const server = new StubTransport();
    const signed: unknown[] = [];
    const auth = scheme(
      function* (request) {
        signed.push(request.content?.bytes?.());
        yield request;
      },
      { requiresRequestBody: true },
    );
    const body = new GzipContent('granite and basalt');
    await new AuthMiddleware(server, auth).request('POST', URL, { body });
    const [request] = server.requests;
    t.equal(request?.headers.get('content-encoding'), 'gzip');
    const bytes = request?.content?.bytes?.() as Uint8Array;
    t.strictSame(signed, [bytes], 'what was signed is what is sent');
    t.equal(gunzipSync(bytes).toString(), 'granite and basalt');
  },
);

t.test('a body that is spent ends the flow with the response that is there', async (t) => {
  const server = new StubTransport(() => server.scoped(401));
  const auth = scheme(function* (request) {
    yield request;
    yield request;
  });
  const transport = new AuthMiddleware(server, auth);
  await using response = await transport.send(new Request('POST', URL, { body: once() }));
  t.equal(response.status, 401);
  t.equal(await response.text(), 'body', 'and it can be read');
  t.equal(server.requests.length, 1);
});

t.test('a response to something else is not taken for the answer', async (t) => {
  const server = new StubTransport(() => server.scoped(200, {}, 'a token'));
  const auth = scheme(function* (request) {
    yield request;
    yield new Request('POST', 'http://id.test/token');
    yield request;
  });
  const transport = new AuthMiddleware(server, auth);
  await rejection(transport.send(new Request('POST', URL, { body: once() })), StreamConsumedError);
  t.strictSame(
    server.bodies.map(({ cancels }) => cancels),
    [1, 1],
  );
});

t.test('what goes wrong in sending is thrown into the flow, which may go on', async (t) => {
  const server = new StubTransport((request, place) =>
    place === 0 ? new ConnectError('refused', { request }) : undefined,
  );
  const auth = scheme(function* (request) {
    try {
      yield request;
    } catch {
      yield request.with({ url: 'http://other.test/' });
    }
  });
  t.equal((await new AuthMiddleware(server, auth).request('GET', URL)).status, 200);

  let cleaned = 0;
  const failing = new StubTransport((request) => new ConnectError('refused', { request }));
  for (const swallows of [false, true]) {
    const flow = scheme(function* (request) {
      try {
        yield request;
      } catch (error) {
        if (!swallows) throw error;
      } finally {
        cleaned++;
      }
    });
    await rejection(new AuthMiddleware(failing, flow).request('GET', URL), ConnectError);
  }
  t.equal(cleaned, 2);
});

t.test('a flow that throws closes the response that it has seen', async (t) => {
  const server = new StubTransport(() => server.scoped(401));
  const failure = new Error('no more');
  const auth = scheme(function* (request) {
    yield request;
    throw failure;
  });
  t.equal(await rejection(new AuthMiddleware(server, auth).request('GET', URL)), failure);
  t.equal(server.bodies[0]?.cancels, 1);
});

t.test('a flow that yields no request is a TypeError', async () => {
  const nothing = scheme(function* () {});
  const other = scheme(function* () {
    yield 7 as unknown as Request;
  });
  for (const auth of [nothing, other, (() => undefined) as unknown as AuthInit]) {
    await rejection(new AuthMiddleware(new StubTransport(), auth).request('GET', URL), TypeError);
  }
});

t.test('an authFlow that is no generator is a TypeError that says what it is to be', async (t) => {
  const server = new StubTransport();
  const cases: [authFlow: (request: Request) => unknown, got: string][] = [
    [() => {}, 'undefined'],
    [() => null, 'null'],
    [() => 's3cret', 'a string'],
    [(request) => request, 'an instance of Request'],
    [(request) => [request], 'an instance of Array'],
    [async (request) => request, 'an instance of Promise'],
    // Left to itself it would be an unhandled rejection.
    [() => Promise.reject(new Error('no')), 'an instance of Promise'],
    [() => ({ next: () => ({ done: true }) }), 'an instance of Object'],
    [() => Object.create(null), 'an instance of no class'],
  ];
  for (const [authFlow, got] of cases) {
    const auth = { authFlow } as unknown as AuthInit;
    const error = await rejection(new AuthMiddleware(server, auth).request('GET', URL), TypeError);
    t.equal(
      error.message,
      `auth: expected *authFlow(request) or async *authFlow(request), a generator of requests, got ${got}`,
    );
  }
  t.strictSame(server.requests, []);
});

t.test('what authFlow throws is what the call rejects with', async (t) => {
  const failure = new Error('no key');
  const auth = scheme(() => {
    throw failure;
  });
  t.equal(
    await rejection(new AuthMiddleware(new StubTransport(), auth).request('GET', URL)),
    failure,
  );
});

t.test('a flow that waits for something waits no longer than its caller', async (t) => {
  const aborting = new AbortController();
  const auth = new BearerAuth(() => new Promise(() => {}));
  const waiting = new AuthMiddleware(new StubTransport(), auth).request('GET', URL, {
    signal: aborting.signal,
  });
  await turn();
  aborting.abort('enough');
  t.equal(await rejection(waiting), 'enough');
  const late = new AuthMiddleware(new StubTransport(), auth);
  t.equal(await rejection(late.request('GET', URL, { signal: aborting.signal })), 'enough');
});

t.test(
  'the request that a redirect asks for is as if this had not been, and without credentials for others',
  async (t) => {
    for (const [location, auth] of [
      ['/y', ['u', 'p']],
      ['http://other.test/y', null],
    ] as const) {
      const server = new StubTransport(() => new Response(302, { headers: { location } }));
      const client = new Client({ transport: server });
      const { nextRequest } = await client.get(URL, { auth: ['u', 'p'], redirect: false });
      t.strictSame(nextRequest?.extensions.auth, auth);
      t.equal(nextRequest?.headers.has('authorization'), auth !== null);
    }
  },
);

// Two servers, each an origin of its own.

const DIGEST = 'Digest realm=r, nonce=n, qop=auth';
const secrets = (): Record<string, AuthInit> => ({
  basic: ['user', 's3cret'],
  bearer: new BearerAuth('s3cret'),
  digest: new DigestAuth('user', 's3cret'),
  any: new AnyAuth('user', 's3cret'),
  oauth2: new OAuth2({
    tokenUrl: 'http://id.test/token',
    clientId: 'me',
    clientSecret: 'x',
    accessToken: 's3cret',
  }),
  custom: (request) =>
    request.with({ headers: request.headers.with('x-authentication', 's3cret') }),
});
const challenge = (...fields: string[]): string =>
  lines('HTTP/1.1 401 Unauthorized', ...fields, 'Content-Length: 0', '', '');
const redirect = (status: number, location: string): string =>
  lines(`HTTP/1.1 ${status} Moved`, `Location: ${location}`, 'Content-Length: 0', '', '');

for (const status of [302, 307]) {
  for (const name of Object.keys(secrets())) {
    t.test(
      `${name}: neither credentials nor answers follow a ${status} to another origin`,
      async (t) => {
        await using foreign = await ScriptServer.start(({ target }) =>
          target === '/back'
            ? redirect(302, `${home.url}/again`)
            : challenge(`WWW-Authenticate: ${DIGEST}`, 'WWW-Authenticate: Basic realm=r'),
        );
        await using home: ScriptServer = await ScriptServer.start(({ target }) =>
          target === '/again'
            ? challenge(`WWW-Authenticate: ${DIGEST}`)
            : redirect(status, `${foreign.url}${target}`),
        );
        for (const path of ['/', '/back']) {
          for (const method of ['GET', 'POST']) {
            await using client = new Client({ auth: secrets()[name], trustEnv: false });
            const response = await client.request(method, `${home.url}${path}`, {
              body: method === 'POST' ? 'text' : null,
            });
            t.equal(response.status, 401);
          }
        }
        t.ok(foreign.requests.length >= 4);
        for (const { rawHead } of foreign.requests)
          t.notMatch(rawHead, /authorization|s3cret|x-auth/i);
      },
    );
  }
}

t.test('credentials that were asked for at home stay there', async (t) => {
  for (const name of ['digest', 'any']) {
    await using foreign = await ScriptServer.start(() => challenge(`WWW-Authenticate: ${DIGEST}`));
    await using home = await ScriptServer.start((request) =>
      request.header('authorization') === undefined
        ? challenge(`WWW-Authenticate: ${DIGEST}`)
        : redirect(307, `${foreign.url}/`),
    );
    await using client = new Client({ auth: secrets()[name], trustEnv: false });
    for (let call = 0; call < 2; call++) t.equal((await client.get(home.url)).status, 401);
    t.equal(home.requests.length, 3, 'the nonce is still good at home');
    t.equal(foreign.requests.length, 2);
    for (const { rawHead } of foreign.requests) t.notMatch(rawHead, /authorization/i);
  }
});

t.test(
  'per-request auth does not follow either, nor into a client that is the transport of another',
  async (t) => {
    await using foreign = await ScriptServer.start(() => ok('seen'));
    await using home = await ScriptServer.start(() => redirect(302, `${foreign.url}/`));
    await using inner = new Client({ trustEnv: false, redirect: false });
    const outer = new Client({ transport: inner, trustEnv: false });
    const response = await outer.get(home.url, { auth: ['user', 's3cret'] });
    t.equal(await response.text(), 'seen');
    t.match(home.requests[0]?.rawHead, /authorization: Basic/i);
    t.notMatch(foreign.requests[0]?.rawHead, /authorization/i);
  },
);

t.test('the connection of a challenge is used for the answer', async (t) => {
  await using server = await ScriptServer.start((request) =>
    request.header('authorization') === undefined
      ? challenge(`WWW-Authenticate: ${DIGEST}`)
      : ok('in'),
  );
  await using client = new Client({ auth: new DigestAuth('u', 'p'), trustEnv: false });
  t.equal(await (await client.post(server.url, { body: once() })).text(), 'in');
  t.equal(server.connections.count, 1);
  t.strictSame(
    server.requests.map(({ bodySize }) => bodySize),
    [0, 4],
  );
});
