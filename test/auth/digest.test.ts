import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import t from 'tap';
import { DigestAuth } from '../../src/auth/digest.ts';
import { parseParams } from '../../src/auth/challenge.ts';
import type { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { AuthMiddleware, ReauthorizeMiddleware } from '../../src/middleware/auth.ts';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import { stack, type Transport, type TransportLike } from '../../src/transport.ts';
import { StubTransport } from '../support/stub-transport.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const sentBy = (request: Request): Record<string, string> =>
  Object.fromEntries(
    parseParams((request.headers.get('authorization') ?? '').replace('Digest ', '')),
  );

/** Whether a request has the right answer to a challenge of realm `r` with MD5 and qop auth, for user and password `u` and `p`. */
function isRight(request: Request, password = 'p'): boolean {
  const { nonce, nc, cnonce, uri, response } = sentBy(request);
  const a1 = md5(`u:r:${password}`);
  const a2 = md5(`${request.method}:${request.target}`);
  return uri === request.target && response === md5(`${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}`);
}

const challenge = (nonce: string, more = ''): Response =>
  new Response(401, {
    headers: { 'www-authenticate': `Digest realm=r, qop=auth, nonce="${nonce}"${more}` },
  });

/** A server that takes each nonce once per count, and gives `n1`, `n2` … as told. */
function digestServer(
  options: { nonce?: () => string; accept?: (request: Request) => Response } = {},
) {
  const seen = new Set<string>();
  return new StubTransport((request) => {
    const nonce = options.nonce?.() ?? 'n1';
    const sent = sentBy(request);
    if (sent['nonce'] !== nonce) {
      return challenge(nonce, sent['nonce'] === undefined ? '' : ', stale=true');
    }
    const use = `${request.origin} ${nonce} ${sent['nc']}`;
    if (!isRight(request) || seen.has(use)) return challenge(nonce);
    seen.add(use);
    return options.accept?.(request) ?? new Response(200, { text: 'in' });
  });
}

const driven = (server: TransportLike, auth = new DigestAuth('u', 'p')): Transport =>
  new AuthMiddleware(server, auth);
const counts = (server: StubTransport): (string | undefined)[] =>
  server.requests.map((request) => sentBy(request)['nc']);

t.test('a challenge is answered, and its nonce counted for later requests', async (t) => {
  const server = digestServer();
  const transport = driven(server);
  for (const path of ['/a', '/b', '/c?d=e']) {
    t.equal((await transport.request('GET', `http://h${path}`)).status, 200);
  }
  t.strictSame(counts(server), [undefined, '00000001', '00000002', '00000003']);
  t.equal((await transport.request('GET', 'http://other/a')).status, 200);
  t.equal(server.requests[4]?.headers.has('authorization'), false, 'for its origin alone');
});

t.test('requests at once share a nonce without using a count twice', async (t) => {
  const server = digestServer();
  const transport = driven(server);
  const all = Array.from({ length: 20 }, () => transport.request('GET', 'http://h/a'));
  for (const response of await Promise.all(all)) t.equal(response.status, 200);
  const more = Array.from({ length: 20 }, () => transport.request('GET', 'http://h/a'));
  for (const response of await Promise.all(more)) t.equal(response.status, 200);
  t.equal(server.requests.length, 60, 'the second lot was not asked');
});

t.test('a nonce that went stale is replaced, once it is known and while it is used', async (t) => {
  let nonce = 'n1';
  const server = digestServer({ nonce: () => nonce });
  const transport = driven(server);
  await transport.request('GET', 'http://h/a');
  nonce = 'n2';
  t.equal((await transport.request('GET', 'http://h/a')).status, 200);
  t.strictSame(
    server.requests.map((request) => sentBy(request)['nonce']),
    [undefined, 'n1', 'n1', 'n2'],
  );
});

t.test('a nonce that is stale for ever is not answered for ever', async (t) => {
  let calls = 0;
  const server = digestServer({ nonce: () => `n${++calls}` });
  t.equal((await driven(server).request('GET', 'http://h/a')).status, 401);
  t.equal(server.requests.length, 4);
});

t.test('a wrong password is said once: the 401 is the answer', async (t) => {
  const server = digestServer();
  const transport = driven(server, new DigestAuth('u', 'wrong'));
  for (const sent of [2, 4]) {
    t.equal((await transport.request('GET', 'http://h/a')).status, 401);
    t.equal(server.requests.length, sent);
  }
});

t.test('the nonce of Authentication-Info is the next', async (t) => {
  let nonce = 'n1';
  const server = digestServer({
    nonce: () => nonce,
    accept: () => {
      nonce = 'n2';
      return new Response(200, { headers: { 'authentication-info': 'nextnonce="n2"' } });
    },
  });
  const transport = driven(server);
  await transport.request('GET', 'http://h/a');
  await transport.request('GET', 'http://h/a');
  t.strictSame(
    server.requests.map((request) => [sentBy(request)['nonce'], sentBy(request)['nc']]),
    [
      [undefined, undefined],
      ['n1', '00000001'],
      ['n2', '00000001'],
    ],
  );
});

async function* once(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('streamed');
}

const bodyOf = async (request: Request): Promise<string> => {
  let text = '';
  for await (const piece of request.content?.stream() ?? [])
    text += new TextDecoder().decode(piece);
  return text;
};

/** A transport around another that reads the bodies, as a network does. */
function reading(server: TransportLike, bodies: string[]): TransportLike {
  return {
    async send(request) {
      bodies.push(await bodyOf(request));
      return server.send(request);
    },
    close: () => server.close(),
  };
}

t.test('a body is held back until it is asked for, so that it may be a stream', async (t) => {
  const bodies: string[] = [];
  const transport = driven(reading(digestServer(), bodies));
  for (const body of [once(), 'text']) {
    const { status } = await transport.request('POST', 'http://h/a', { body });
    t.equal(status, 200);
  }
  t.strictSame(bodies, ['', 'streamed', 'text'], 'and goes at once where the nonce is known');
});

t.test('a body goes to a server that asks for nothing', async (t) => {
  for (const status of [200, 404, 415]) {
    const bodies: string[] = [];
    const server = new StubTransport(() => new Response(status));
    const transport = driven(reading(server, bodies));
    t.equal((await transport.request('POST', 'http://h/a', { body: 'text' })).status, status);
    t.strictSame(bodies, ['', 'text']);
    t.equal(server.requests[1]?.headers.has('authorization'), false);
  }
});

t.test('a redirect to what has no body needs none', async (t) => {
  const server = new StubTransport(() => new Response(302, { headers: { location: '/b' } }));
  t.equal((await driven(server).request('POST', 'http://h/a', { body: 'text' })).status, 302);
  t.equal(server.requests.length, 1);
});

t.test('a body is not lost where the probe was redirected and became a GET', async (t) => {
  const bodies: string[] = [];
  const server = new StubTransport(({ method }) =>
    method === 'POST' ? new Response(303, { headers: { location: '/b' } }) : undefined,
  );
  const transport = driven(new RedirectMiddleware(reading(server, bodies)));
  await transport.request('POST', 'http://h/a', { body: 'text' });
  t.strictSame(bodies, ['', '', 'text', '']);
});

t.test('without a probe the body goes with the first request', async (t) => {
  const bodies: string[] = [];
  const auth = new DigestAuth('u', 'p', { probe: false });
  const transport = driven(reading(digestServer(), bodies), auth);
  t.equal((await transport.request('POST', 'http://h/a', { body: 'text' })).status, 200);
  t.strictSame(bodies, ['text', 'text']);

  const { status } = await driven(
    reading(digestServer(), bodies),
    new DigestAuth('u', 'p', { probe: false }),
  ).request('POST', 'http://h/a', { body: once() });
  t.equal(status, 401, 'a stream that is spent cannot answer');
});

t.test('each redirect within the origin has an answer of its own', async (t) => {
  const server = digestServer({
    accept: ({ target }) =>
      target === '/a'
        ? new Response(302, { headers: { location: '/b' } })
        : new Response(200, { text: 'in' }),
  });
  const whole = stack(
    AuthMiddleware.layer(new DigestAuth('u', 'p')),
    RedirectMiddleware.layer(),
    ReauthorizeMiddleware.layer(),
    server,
  );
  const response = await whole.request('GET', 'http://h/a');
  t.equal(response.status, 200);
  t.equal(response.history.length, 1);
  t.strictSame(counts(server), [undefined, '00000001', '00000002']);
});

t.test('without the inner half, a redirect costs one more challenge', async (t) => {
  for (const refusal of [401, 400]) {
    const server = digestServer({
      accept: ({ target }) =>
        target === '/a'
          ? new Response(302, { headers: { location: '/b' } })
          : new Response(200, { text: 'in' }),
    });
    const strict = new StubTransport((request) => {
      const { uri } = sentBy(request);
      return refusal === 400 && uri !== undefined && uri !== request.target
        ? new Response(400)
        : server.send(request);
    });
    const whole = driven(new RedirectMiddleware(strict));
    t.equal((await whole.request('GET', 'http://h/a')).status, 200);
    t.strictSame(strict.log.slice(-2), ['GET http://h/b', 'GET http://h/b']);
  }
});

t.test('each try has a count of its own', async (t) => {
  let tries = 0;
  const server = digestServer({
    accept: () => new Response(++tries < 3 ? 503 : 200),
  });
  const whole = stack(
    AuthMiddleware.layer(new DigestAuth('u', 'p')),
    RetryMiddleware.layer({ attempts: 3, backoff: { base: 0 } }),
    ReauthorizeMiddleware.layer(),
    server,
  );
  t.equal((await whole.request('GET', 'http://h/a')).status, 200);
  t.strictSame(counts(server), [undefined, '00000001', '00000002', '00000003']);
});

t.test('credentials of the URL are not sent where Digest was asked for', async (t) => {
  const server = digestServer();
  await driven(server).request('GET', 'http://x:y@h/a');
  t.equal(server.requests[0]?.headers.has('authorization'), false);
  t.match(server.requests[1]?.headers.get('authorization'), /^Digest username="u"/);
});

t.test('what it knows is not shown, and what it needs is checked', async (t) => {
  t.equal(inspect(new DigestAuth('ada', 's3cret')), '<DigestAuth>');
  t.throws(() => new DigestAuth('u', undefined as unknown as string), {
    name: 'TypeError',
    message: 'DigestAuth: expected a string as password, got undefined',
  });
  for (const [options, message] of [
    [{ probe: 'no' }, 'DigestAuth: probe: expected true or false, got string'],
    [{ prob: false }, 'DigestAuth: there is no option "prob"; did you mean probe?'],
    [null, 'DigestAuth: expected an object of options, got null'],
  ] as [object, string][]) {
    t.throws(() => new DigestAuth('u', 'p', options), { name: 'TypeError', message });
  }
});
