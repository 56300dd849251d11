import t from 'tap';
import {
  Client,
  ConnectionPool,
  DigestAuth,
  NetworkError,
  Proxy,
  ProxyError,
  type ConnectionPoolOptions,
  type Request,
  type Response,
} from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  head,
  ok,
  repeat,
  reply,
  reset,
  ScriptServer,
} from '../support/script-server.ts';
import { ca, identities } from '../support/tls.ts';
import { workingProxy } from './working-proxy.ts';

assertNoLeaks(t);

const answering = (answer = ok()): ReturnType<typeof connection> =>
  connection(repeat(reply(answer)));

function through(
  proxy: { readonly url: string },
  how: ProxyOptions = {},
  options: ConnectionPoolOptions = {},
): ConnectionPool {
  return new ConnectionPool({ proxy: new Proxy(proxy.url, how), ...options });
}

t.test('the request line says where to, Host as well', async (t) => {
  await using proxy = await ScriptServer.start([repeat(answering())]);
  await using pool = through(proxy, { mode: 'forward' });
  const cases: [method: string, url: string, target: string, host: string][] = [
    ['GET', 'http://a.test', 'http://a.test/', 'a.test'],
    ['GET', 'http://a.test:80/x?y=z#w', 'http://a.test/x?y=z', 'a.test'],
    ['PUT', 'http://a.test:8080/x', 'http://a.test:8080/x', 'a.test:8080'],
    ['GET', 'http://[2001:db8::1]/', 'http://[2001:db8::1]/', '[2001:db8::1]'],
    ['GET', 'https://a.test/x', 'https://a.test/x', 'a.test'],
    ['GET', 'http://bücher.example/', 'http://xn--bcher-kva.example/', 'xn--bcher-kva.example'],
  ];
  for (const [method, url, target, host] of cases) {
    await pool.request(method, url);
    const asked = proxy.requests.at(-1);
    t.match(asked, { method, target }, url);
    t.equal(asked?.header('host'), host);
    t.equal(asked?.header('proxy-authorization'), undefined);
  }
  await pool.request('OPTIONS', 'http://a.test/', { target: '*' });
  t.equal(proxy.requests.at(-1)?.target, 'http://a.test', 'RFC 9112 §3.2.4');
  await pool.request('GET', 'http://a.test/', { target: 'http://b.test/' });
  t.equal(proxy.requests.at(-1)?.target, 'http://b.test/', "a target of the caller's own");
  await pool.request('GET', 'http://a.test/', { headers: { host: 'other.test' } });
  t.equal(proxy.requests.at(-1)?.header('host'), 'other.test');
});

t.test("the proxy's own fields; those of a request win", async (t) => {
  await using proxy = await ScriptServer.start([repeat(answering())]);
  const headers = { 'X-Zone': ['a', 'b'], 'User-Agent': 'of the proxy' };
  await using pool = through(proxy, { headers, auth: ['us\u00e9r', 's:ecret'] });
  await pool.request('GET', 'http://a.test/');
  const [first] = proxy.requests;
  t.strictSame(first?.header('x-zone'), 'a, b');
  t.equal(first?.header('user-agent'), 'of the proxy');
  const value = Buffer.from('usér:s:ecret').toString('base64');
  t.equal(first?.header('proxy-authorization'), `Basic ${value}`);
  const own = { 'user-agent': 'mine', 'proxy-authorization': 'Bearer mine' };
  await pool.request('POST', 'http://a.test/', { headers: own, body: 'x' });
  const [, second] = proxy.requests;
  t.equal(second?.header('user-agent'), 'mine');
  t.equal(second?.header('proxy-authorization'), 'Bearer mine');
});

t.test('connections are kept, one proxy connection for an origin', async (t) => {
  await using proxy = await ScriptServer.start([repeat(answering())]);
  await using pool = through(proxy);
  for (const host of ['a', 'b', 'a', 'b', 'a']) await pool.request('GET', `http://${host}.test/`);
  t.equal(proxy.connections.count, 2);
});

t.test('407, 403 and 502 come back as responses', async (t) => {
  for (const status of [403, 407, 502]) {
    const answer = `HTTP/1.1 ${status} x\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 2\r\n\r\nno`;
    await using proxy = await ScriptServer.start([answering(answer)]);
    await using pool = through(proxy);
    const response = await pool.request('GET', 'http://a.test/');
    t.equal(response.status, status);
    t.equal(await response.text(), 'no');
  }
});

t.test('a proxy that breaks off after the request is a broken connection', async () => {
  await using proxy = await ScriptServer.start([connection(head(), reset())]);
  await using pool = through(proxy);
  await rejection(pool.request('POST', 'http://a.test/', { body: 'x' }), NetworkError);
});

t.test('redirects: each origin has its own way', async (t) => {
  const answer =
    'HTTP/1.1 302 Found\r\nLocation: https://b.example.test/b\r\nContent-Length: 0\r\n\r\n';
  await using one = await ScriptServer.start([connection(reply(answer))]);
  await using two = await ScriptServer.start([
    connection(
      reply('HTTP/1.1 200 OK\r\n\r\n'),
      (wire) => wire.startTLS(identities.server),
      reply(ok('there')),
    ),
  ]);
  await using client = new Client({
    tls: { ca },
    proxy: {
      http: one.url.replace('//', '//user:one@'),
      https: two.url.replace('//', '//user:two@'),
    },
  });
  const response = await client.get('http://a.test/');
  t.equal(await response.text(), 'there');
  const sent = [...one.requests, ...two.requests].map((each) => [
    `${each.method} ${each.target}`,
    each.header('proxy-authorization'),
  ]);
  t.strictSame(sent, [
    ['GET http://a.test/', `Basic ${btoa('user:one')}`],
    ['CONNECT b.example.test:443', `Basic ${btoa('user:two')}`],
    ['GET /b', undefined],
  ]);
});

t.test('what is excluded goes by itself', async (t) => {
  await using origin = await ScriptServer.start([repeat(answering(ok('direct')))]);
  await using proxy = await ScriptServer.start([repeat(answering(ok('proxied')))]);
  await using pool = new ConnectionPool({ proxy: { all: proxy.url, 'all://127.0.0.1': null } });
  t.equal(await (await pool.request('GET', `${origin.url}/`)).text(), 'direct');
  t.equal(await (await pool.request('GET', 'http://a.test/')).text(), 'proxied');
  t.equal(origin.requests[0]?.target, '/');
});

t.test('the environment is read once, when the pool is made, where it is trusted', async (t) => {
  await using origin = await ScriptServer.start([repeat(answering(ok('direct')))]);
  await using proxy = await ScriptServer.start([repeat(answering(ok('proxied')))]);
  const url = origin.url;
  const told = async (pool: ConnectionPool): Promise<string> =>
    await (await pool.request('GET', url)).text();
  const names = ['http_proxy', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY', 'HTTP_PROXY'];
  const before = names.map((name) => [name, process.env[name]] as const);
  t.teardown(() => {
    for (const [name, value] of before) {
      delete process.env[name];
      if (value !== undefined) process.env[name] = value;
    }
  });
  for (const name of names) delete process.env[name];
  await using early = new ConnectionPool();
  process.env['HTTP_PROXY'] = proxy.url;
  await using trusting = new ConnectionPool();
  await using client = new Client();
  await using wary = new ConnectionPool({ trustEnv: false });
  await using none = new ConnectionPool({ proxy: false });
  await using own = new ConnectionPool({ proxy: { https: proxy.url } });
  process.env['NO_PROXY'] = '127.0.0.0/8';
  await using excluded = new ConnectionPool();
  delete process.env['HTTP_PROXY'];
  t.equal(await told(early), 'direct');
  t.equal(await told(trusting), 'proxied');
  t.equal(await (await client.get(url)).text(), 'proxied');
  for (const pool of [wary, none, own, excluded]) t.equal(await told(pool), 'direct');
});

t.test('a Unix socket is not behind the proxy of the environment', async (t) => {
  const { HTTP_PROXY } = process.env;
  process.env['HTTP_PROXY'] = 'http://127.0.0.1:9';
  t.teardown(() => {
    delete process.env['HTTP_PROXY'];
    if (HTTP_PROXY !== undefined) process.env['HTTP_PROXY'] = HTTP_PROXY;
  });
  const socketPath = `/tmp/strata-proxy-${process.pid}.sock`;
  await using server = await ScriptServer.start([answering()], { socketPath });
  await using pool = new ConnectionPool({ socketPath });
  await pool.request('GET', 'http://a.test/x');
  t.equal(server.requests[0]?.target, '/x');
});

t.test('Digest for what is forwarded: a body that can be read but once is sent once', async (t) => {
  await using proxy = await workingProxy({ asks: 'digest' });
  await using origin = await ScriptServer.start([repeat(answering(ok('done')))]);
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('once');
  }
  {
    await using pool = through(proxy, { auth: new DigestAuth('user', 'secret') });
    const response = await pool.request('POST', `${origin.url}/`, { body: body() });
    t.equal(await response.text(), 'done');
    t.equal((await origin.requests[0]?.whole())?.body.toString(), 'once');
    t.equal(response.request.method, 'POST');
  }
  {
    // Without a probe it is gone when the challenge comes, which is the answer then.
    await using pool = through(proxy, {
      auth: new DigestAuth('user', 'secret', { probe: false }),
    });
    const response = await pool.request('POST', `${origin.url}/`, { body: body() });
    t.equal(response.status, 407);
  }
});

t.test('a scheme of the caller: async, with the body of the refusal', async (t) => {
  const challenge =
    'HTTP/1.1 407 x\r\nProxy-Authenticate: Ticket\r\nContent-Length: 5\r\n\r\nt-123';
  const auth = {
    requiresResponseBody: true,
    async *authFlow(request: Request) {
      const response: Response = yield request;
      if (response.status !== 401) return;
      const ticket = `${response.headers.get('www-authenticate')} ${await response.text()}`;
      yield request.with({ headers: request.headers.with('authorization', ticket) });
    },
  };
  for (const mode of ['forward', 'tunnel'] as const) {
    const rest =
      mode === 'tunnel' ? [reply('HTTP/1.1 200 OK\r\n\r\n'), reply(ok())] : [reply(ok())];
    await using proxy = await ScriptServer.start([connection(reply(challenge), ...rest)]);
    await using pool = through(proxy, { mode, auth });
    t.equal((await pool.request('GET', 'http://a.test/')).status, 200);
    t.equal(proxy.requests[1]?.header('proxy-authorization'), 'Ticket t-123');
    t.equal(proxy.requests[1]?.header('authorization'), undefined);
  }
});

t.test('a scheme that fails, that never ends, or yields nothing', async (t) => {
  const refusing = 'HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n';
  const broken = new Error('no ticket');
  const flows = {
    *fails(this: void, request: Request) {
      if (request.method !== 'POST') throw broken;
      yield request;
    },
    *endless(this: void, request: Request) {
      for (;;) yield request;
    },
    *nothing(this: void) {},
  };
  for (const mode of ['forward', 'tunnel'] as const) {
    await using proxy = await ScriptServer.start([repeat(answering(refusing))]);
    const request = async (authFlow: unknown): Promise<unknown> => {
      await using pool = through(proxy, { mode, auth: { authFlow } as ProxyOptions['auth'] });
      return await pool.request('GET', 'http://a.test/');
    };
    const failed = await rejection(request(flows.fails), Error);
    t.ok(failed === broken || failed.cause === broken, 'fails');
    if (mode === 'forward') t.match(await request(flows.endless), { status: 407 });
    else t.match(await rejection(request(flows.endless), ProxyError), { status: 407 });
    t.equal(proxy.requests.length, 10);
    t.match(await rejection(request(flows.nothing), Error), /authFlow yielded no request/);
  }
});
