import t from 'tap';
import { AnyAuth, ConnectionPool, DigestAuth, Proxy, ProxyError } from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type Echo } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import { workingProxy, type Asks } from './working-proxy.ts';

assertNoLeaks(t);

const credentials: Record<Asks, () => ProxyOptions['auth']> = {
  nothing: () => undefined,
  basic: () => ['user', 'secret'],
  digest: () => new DigestAuth('user', 'secret'),
};

for (const proxyTLS of [false, true])
  for (const originTLS of [false, true])
    for (const asks of ['nothing', 'basic', 'digest'] as const)
      for (const mode of ['default', 'tunnel', 'forward'] as const) {
        const name = `${proxyTLS ? 'https' : 'http'} proxy that asks for ${asks}, ${originTLS ? 'https' : 'http'} origin, mode ${mode}`;
        t.test(name, async (t) => {
          await using origin = await okServer(
            undefined,
            originTLS ? { tls: identities.server } : {},
          );
          await using proxy = await workingProxy({ tls: proxyTLS, asks });
          const auth = credentials[asks]();
          await using pool = new ConnectionPool({
            proxy: new Proxy(proxy.url, { mode, auth, headers: { 'x-for': 'proxy' } }),
            tls: { ca },
          });
          const tunnels = mode === 'tunnel' || (mode === 'default' && originTLS);
          for (const path of ['/one', '/two']) {
            const response = await pool.request('POST', `${origin.url}${path}`, {
              headers: { authorization: 'Bearer for-origin' },
              body: 'hello',
            });
            t.equal(response.status, 200);
            const { method, url, rawHeaders, body } = await response.json<Echo>();
            t.match({ method, url, body }, { method: 'POST', url: path, body: 'hello' });
            const headers = new Map(pairs(rawHeaders));
            t.notOk(headers.has('proxy-authorization'), 'credentials stay with the proxy');
            t.equal(headers.has('x-for'), !tunnels, 'so does what is said in a tunnel');
            t.equal(headers.get('authorization'), 'Bearer for-origin');
            t.equal(headers.get('host'), new URL(origin.url).host);
            t.notOk(response.request.headers.has('proxy-authorization'), 'nor do layers see it');
            t.equal(response.request.headers.get('authorization'), 'Bearer for-origin');
          }
          const admitted = asks === 'nothing' ? '' : ' +';
          if (tunnels) {
            const line = `CONNECT ${new URL(origin.url).host}`;
            t.strictSame(
              proxy.seen,
              asks === 'digest' ? [line, line + admitted] : [line + admitted],
            );
          } else {
            const lines = ['/one', '/two'].map((path) => `POST ${origin.url}${path}${admitted}`);
            if (asks === 'digest') lines.unshift(`POST ${origin.url}/one`);
            t.strictSame(proxy.seen, lines);
          }
          for (const headers of proxy.headers) {
            t.equal(headers['x-for'], 'proxy');
            t.equal(headers.authorization, tunnels ? undefined : 'Bearer for-origin');
          }
          t.equal(proxy.connections, asks === 'digest' && tunnels ? 2 : 1);
        });
      }

function* pairs(raw: readonly string[]): Iterable<[string, string]> {
  for (let i = 0; i < raw.length; i += 2) yield [raw[i]?.toLowerCase() ?? '', raw[i + 1] as string];
}

t.test('what a scheme has learnt serves all origins and tunnels of the proxy', async (t) => {
  await using plain = await okServer();
  await using secure = await okServer(undefined, { tls: identities.server });
  await using proxy = await workingProxy({ asks: 'digest' });
  await using pool = new ConnectionPool({
    proxy: new Proxy(proxy.url, { auth: new DigestAuth('user', 'secret') }),
    tls: { ca },
  });
  await pool.request('GET', `${plain.url}/a`);
  await pool.request('GET', `${secure.url}/b`);
  const { host } = new URL(secure.url);
  t.strictSame(proxy.seen, [`GET ${plain.url}/a`, `GET ${plain.url}/a +`, `CONNECT ${host} +`]);
});

t.test('wrong credentials: a 407 for what is forwarded, a ProxyError for a tunnel', async (t) => {
  await using origin = await okServer();
  for (const asks of ['basic', 'digest'] as const)
    for (const auth of [
      ['user', 'wrong-password'] as const,
      new DigestAuth('user', 'wrong-password'),
      new AnyAuth('user', 'wrong-password'),
      undefined,
    ]) {
      await using proxy = await workingProxy({ asks });
      const through = (mode: ProxyOptions['mode']): ConnectionPool =>
        new ConnectionPool({ proxy: new Proxy(proxy.url, { mode, auth }) });
      await using forwarding = through('forward');
      const response = await forwarding.request('GET', origin.url);
      t.equal(response.status, 407);
      t.equal(await response.text(), 'who are you?');
      t.ok(response.headers.has('proxy-authenticate'));
      await using tunnelling = through('tunnel');
      const error = await rejection(tunnelling.request('GET', origin.url), ProxyError);
      t.match(error, { status: 407, code: 'ERR_PROXY', phase: 'connect' });
      t.match(error.message, /refused the tunnel.* 407 Proxy.*"who are you\?"/);
    }
});

t.test('AnyAuth gives the proxy what it asks for', async (t) => {
  await using origin = await okServer();
  for (const asks of ['basic', 'digest'] as const) {
    await using proxy = await workingProxy({ asks });
    const auth = new AnyAuth('user', 'secret');
    for (const mode of ['forward', 'tunnel'] as const) {
      await using pool = new ConnectionPool({ proxy: new Proxy(proxy.url, { mode, auth }) });
      t.equal((await pool.request('GET', origin.url)).status, 200);
    }
  }
});

t.test("an origin's own 401 is not the proxy's challenge", async (t) => {
  await using origin = await okServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Digest realm="o", nonce="n", qop="auth"' });
    response.end('of the origin');
  });
  await using proxy = await workingProxy({ asks: 'digest' });
  await using pool = new ConnectionPool({
    proxy: new Proxy(proxy.url, { auth: new DigestAuth('user', 'secret') }),
  });
  const response = await pool.request('GET', `${origin.url}/`);
  t.equal(response.status, 401);
  t.equal(await response.text(), 'of the origin');
  t.match(response.headers.get('www-authenticate'), /realm="o"/);
  t.strictSame(proxy.seen, [`GET ${origin.url}/`, `GET ${origin.url}/ +`]);
});
