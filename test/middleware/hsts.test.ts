import t from 'tap';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { HstsMiddleware, type HstsEntry, type HstsOptions } from '../../src/middleware/hsts.ts';
import { directivesIn } from '../../src/middleware/hsts/directives.ts';
import { KnownHosts } from '../../src/middleware/hsts/known-hosts.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';
import { ca, identities } from '../support/tls.ts';

assertNoLeaks(t);

const YEAR = 'max-age=31536000';
const inAnHour = (): number => Date.now() + 3_600_000;

/** A transport that says this of itself, whoever asks. */
const saying = (...fields: string[]): StubTransport =>
  new StubTransport(() => new Response(200, { headers: { 'strict-transport-security': fields } }));

/** Sends these, one after the other: what was asked for further in. */
async function sent(
  inner: StubTransport,
  urls: readonly string[],
  options: HstsOptions = {},
): Promise<readonly string[]> {
  const layer = new HstsMiddleware(inner, options);
  for (const url of urls) await layer.send(new Request('GET', url));
  return inner.log.map((line) => line.replace('GET ', ''));
}

t.test('a host that has said so over https: is asked by https: alone', async (t) => {
  const inner = saying(YEAR);
  t.strictSame(await sent(inner, ['http://a.test/x', 'https://a.test/', 'http://a.test/x?y#z']), [
    'http://a.test/x',
    'https://a.test/',
    'https://a.test/x?y#z',
  ]);
  const layer = new HstsMiddleware(inner);
  await layer.send(new Request('GET', 'https://a.test/'));
  const response = await layer.send(new Request('GET', 'http://a.test/'));
  t.equal(response.url.href, 'https://a.test/', 'the response says so');
});

t.test('what is said over http: does not count', async (t) => {
  t.strictSame(await sent(saying(YEAR), ['http://a.test/', 'http://a.test/']), [
    'http://a.test/',
    'http://a.test/',
  ]);
});

t.test('port 80 becomes 443; any other stays', async (t) => {
  const entries = [{ host: 'a.test', includeSubDomains: false, expiresAt: inAnHour() }];
  const urls = ['http://a.test:80/', 'http://a.test:8080/', 'http://a.test:443/'];
  t.strictSame(await sent(new StubTransport(), urls, { entries }), [
    'https://a.test/',
    'https://a.test:8080/',
    'https://a.test/',
  ]);
});

t.test('includeSubDomains is for the hosts below, by whole labels', async (t) => {
  const urls = ['http://b.a.test/', 'http://c.b.a.test/', 'http://xa.test/', 'http://test/'];
  t.strictSame(await sent(saying(`${YEAR}; includeSubDomains`), ['https://a.test/', ...urls]), [
    'https://a.test/',
    'https://b.a.test/',
    'https://c.b.a.test/',
    'http://xa.test/',
    'http://test/',
  ]);
  t.strictSame(await sent(saying(YEAR), ['https://a.test/', urls[0]!]), [
    'https://a.test/',
    'http://b.a.test/',
  ]);
});

t.test('a host below that says otherwise does not undo what is said above it', async (t) => {
  const inner = new StubTransport(({ origin }) => {
    const policy = origin === 'https://a.test' ? `${YEAR}; includeSubDomains` : 'max-age=0';
    return new Response(200, { headers: { 'strict-transport-security': policy } });
  });
  const urls = ['https://a.test/', 'https://b.a.test/', 'http://b.a.test/'];
  t.equal((await sent(inner, urls)).at(-1), 'https://b.a.test/');
});

t.test('max-age=0 forgets; what is said last counts', async (t) => {
  const policies = [`${YEAR}; includeSubDomains`, YEAR, 'max-age=0'];
  const inner = new StubTransport(
    (_, place) =>
      new Response(200, { headers: { 'strict-transport-security': policies[place] as string } }),
  );
  const layer = new HstsMiddleware(inner);
  const send = () => layer.send(new Request('GET', 'https://a.test/'));
  await send();
  t.match(layer.entries(), [{ host: 'a.test', includeSubDomains: true }]);
  await send();
  t.match(layer.entries(), [{ host: 'a.test', includeSubDomains: false }]);
  await send();
  t.strictSame(layer.entries(), []);
});

t.test('it is in force until max-age seconds have passed', (t) => {
  const hosts = new KnownHosts();
  hosts.note('a.test', { maxAge: 10, includeSubDomains: false }, 1000);
  t.ok(hosts.covers('a.test', 10_999));
  t.notOk(hosts.covers('a.test', 11_000));
  t.strictSame(hosts.entries(11_000), []);
  hosts.note('a.test', { maxAge: Number('9'.repeat(400)), includeSubDomains: false }, 0);
  t.ok(Number.isSafeInteger(hosts.entries(0)[0]?.expiresAt), 'however long that is');
  t.end();
});

t.test('addresses and localhost are never remembered', async (t) => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost', 'a.localhost', 'localhost.']) {
    const urls = [`https://${host}/`, `http://${host}/`];
    t.match((await sent(saying(`${YEAR}; includeSubDomains`), urls)).at(-1), /^http:/, host);
  }
});

t.test('case, a dot at the end, and Punycode make no difference', async (t) => {
  const urls = ['https://BÜCHER.test./', 'http://xn--bcher-kva.test/', 'http://bücher.TEST./'];
  for (const url of await sent(saying(YEAR), urls)) t.match(url, /^https:/);
});

t.test('the first field counts, and one that is not well-formed is none', async (t) => {
  t.match(
    (await sent(saying(YEAR, 'max-age=0'), ['https://a.test/', 'http://a.test/']))[1],
    /^https:/,
  );
  t.match(
    (await sent(saying('nonsense', YEAR), ['https://a.test/', 'http://a.test/']))[1],
    /^http:/,
  );
});

t.test('the field is read as its grammar has it', (t) => {
  const policy = (maxAge: number, includeSubDomains = false) => ({ maxAge, includeSubDomains });
  for (const [field, expected] of [
    ['max-age=31536000', policy(31_536_000)],
    ['Max-Age="7" ; INCLUDESUBDOMAINS', policy(7, true)],
    ['includeSubDomains;max-age=1;preload;', policy(1, true)],
    [' ;; max-age = 5 ;; ', policy(5)],
    ['max-age=1; other="a;b\\"c"', policy(1)],
    ['max-age=1; includeSubDomains=anything', policy(1, true)],
    ['max-age=0', policy(0)],
    ['', null],
    ['max-age', null],
    ['max-age=', null],
    ['max-age=-1', null],
    ['max-age=1.5', null],
    ['max-age=1, max-age=2', null],
    ['max-age=1; max-age=2', null],
    ['includeSubDomains', null],
    ['max-age=1; a b', null],
    ['max-age="1', null],
    ['max-age=1; x="unclosed', null],
  ] as const) {
    t.same(directivesIn(field), expected, JSON.stringify(field));
  }
  t.end();
});

t.test('so many hosts are remembered, those that were confirmed last', async (t) => {
  const layer = new HstsMiddleware(saying(YEAR), { maxHosts: 2 });
  for (const host of ['a', 'b', 'a', 'c'])
    await layer.send(new Request('GET', `https://${host}.test/`));
  t.strictSame(
    layer.entries().map(({ host }) => host),
    ['a.test', 'c.test'],
  );
});

t.test('what is known can be kept, and given to another one', async (t) => {
  const first = new HstsMiddleware(saying(`${YEAR}; includeSubDomains`));
  await first.send(new Request('GET', 'https://a.test/'));
  const kept = JSON.parse(JSON.stringify(first.entries())) as HstsEntry[];
  const inner = new StubTransport();
  t.strictSame(await sent(inner, ['http://b.a.test/'], { entries: kept }), ['https://b.a.test/']);
  const gone = [{ host: 'a.test', includeSubDomains: true, expiresAt: Date.now() - 1 }];
  t.strictSame(await sent(new StubTransport(), ['http://a.test/'], { entries: gone }), [
    'http://a.test/',
  ]);
});

t.test('per request: hsts: false neither changes it nor learns from it', async (t) => {
  const layer = new HstsMiddleware(saying(YEAR));
  const init: RequestInit = { hsts: false };
  await layer.send(new Request('GET', 'https://a.test/', init));
  t.strictSame(layer.entries(), []);
  await layer.send(new Request('GET', 'https://a.test/'));
  const response = await layer.send(new Request('GET', 'http://a.test/', init));
  t.equal(response.url.protocol, 'http:');
});

t.test('other schemes are left alone', async (t) => {
  const entries = [{ host: 'a.test', includeSubDomains: true, expiresAt: inAnHour() }];
  t.strictSame(await sent(new StubTransport(), ['http+unix://a.test/'], { entries }), [
    'http+unix://a.test/',
  ]);
});

t.test('all else of the request stays', async (t) => {
  const entries = [{ host: 'a.test', includeSubDomains: true, expiresAt: inAnHour() }];
  const inner = new StubTransport();
  const init = { headers: { authorization: 'Basic eA==' }, body: 'x', retry: false } as const;
  await new HstsMiddleware(inner, { entries }).send(new Request('PUT', 'http://a.test/', init));
  const [request] = inner.requests;
  t.equal(request?.method, 'PUT');
  t.equal(request?.headers.get('authorization'), 'Basic eA==');
  t.equal(request?.content?.contentLength, 1);
  t.equal(request?.extensions.retry, false);
});

t.test('options that make no sense are a TypeError', async (t) => {
  const entry = { host: 'a.test', includeSubDomains: true, expiresAt: 1 };
  const bad: [unknown, RegExp][] = [
    [null, /hsts: expected true or \{ entries, maxHosts \}, got null/],
    [{ maxHosts: 0 }, /hsts\.maxHosts: expected a whole number from 1, got 0/],
    [{ entries: entry }, /hsts\.entries: expected a list/],
    [{ entries: [null] }, /hsts\.entries: expected the name of a host, got undefined/],
    [{ entries: [{ ...entry, host: '127.0.0.1' }] }, /the name of a host, got "127\.0\.0\.1"/],
    [{ entries: [{ ...entry, host: 'https://a.test' }] }, /the name of a host/],
    [{ entries: [{ ...entry, includeSubDomains: 1 }] }, /includeSubDomains of a\.test/],
    [{ entries: [{ ...entry, expiresAt: '2026' }] }, /expiresAt of a\.test/],
  ];
  for (const [options, message] of bad) {
    t.throws(() => new HstsMiddleware(saying(), options as HstsOptions), {
      name: 'TypeError',
      message,
    });
  }
});

t.test('on sockets: a server that speaks TLS alone is reached by an http: URL', async (t) => {
  await using server = await okServer(
    (request, response) => {
      response.setHeader('strict-transport-security', YEAR);
      response.end(request.url);
    },
    { tls: identities.server },
  );
  await using pool = new ConnectionPool({ tls: { ca }, hosts: { 'a.example.test': '127.0.0.1' } });
  const layer = new HstsMiddleware(pool);
  const url = `http://a.example.test:${server.port}/x`;
  await rejection(layer.send(new Request('GET', url)));
  await layer.request('GET', url.replace('http:', 'https:'));
  t.equal(await (await layer.request('GET', url)).text(), '/x');
  t.equal(server.connections, 1);
});
