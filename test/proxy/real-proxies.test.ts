import t, { type Test } from 'tap';
import { ConnectionPool, DigestAuth, Proxy, ProxyError } from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { okServer, type Echo } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import { dante, program, squid, tinyproxy, type RealProxy } from './real-proxy.ts';

/** Through the proxy to both kinds of origin, by forwarding and by tunnels, and nothing of the proxy's at the origin. */
async function works(
  t: Test,
  proxy: RealProxy,
  modes: readonly ProxyOptions['mode'][],
  scheme = 'http',
  auth?: () => ProxyOptions['auth'],
): Promise<void> {
  await using plain = await okServer();
  await using secure = await okServer(undefined, { tls: identities.server });
  for (const mode of modes) {
    await using pool = new ConnectionPool({
      proxy: new Proxy(`${scheme}://127.0.0.1:${proxy.port}`, { mode, auth: auth?.() }),
      tls: { ca },
    });
    // What dante makes of localhost for SOCKS 4A is ::1, which that cannot say.
    const host = scheme === 'socks4a' ? '127.0.0.1' : 'localhost';
    for (const origin of [plain.url, secure.url.replace('127.0.0.1', host)])
      for (const body of ['', 'x'.repeat(100_000)]) {
        // tinyproxy ends connections without a word, and may do so just now: what has a key is sent again then.
        const headers = { 'idempotency-key': crypto.randomUUID() };
        const response = await pool.request('POST', `${origin}/path?query`, { body, headers });
        t.equal(response.status, 200, `${mode} ${origin}`);
        const seen = await response.json<Echo>();
        t.match(seen, { method: 'POST', url: '/path?query' });
        t.equal(seen.body.length, body.length);
        t.notOk(seen.rawHeaders.some((each) => each.toLowerCase() === 'proxy-authorization'));
      }
    const forty = Array.from({ length: 40 }, (_, i) => pool.request('GET', `${plain.url}/${i}`));
    const paths = (await Promise.all(forty)).map(async (each) => (await each.json<Echo>()).url);
    t.strictSame(
      await Promise.all(paths),
      Array.from(paths, (_, i) => `/${i}`),
    );
  }
}

/** Runs it where the program is; elsewhere it is skipped, and says why. */
function withProgram(
  name: string,
  what: string,
  run: (t: Test, path: string) => Promise<void>,
): void {
  const found = program(name);
  if ('missing' in found) t.test(`${name}: ${what}`, { skip: found.missing }, () => {});
  else t.test(`${name}: ${what}`, (t) => run(t, found.path));
}

withProgram('squid', 'asks for nothing', async (t, path) => {
  await using proxy = await squid(path, 'nothing');
  await works(t, proxy, ['default', 'tunnel']);
});

for (const asks of ['basic', 'digest'] as const)
  withProgram('squid', `asks for ${asks}`, async (t, path) => {
    await using proxy = await squid(path, asks);
    await works(t, proxy, ['default', 'tunnel'], 'http', () =>
      asks === 'basic' ? ['user', 'secret'] : new DigestAuth('user', 'secret'),
    );
    const wrong = asks === 'basic' ? (['user', 'wrong'] as const) : new DigestAuth('user', 'wrong');
    await using pool = new ConnectionPool({
      proxy: new Proxy(`http://127.0.0.1:${proxy.port}`, { auth: wrong }),
    });
    t.equal((await pool.request('GET', 'http://127.0.0.1:9/')).status, 407);
    const error = await rejection(pool.request('GET', 'https://127.0.0.1:9/'), ProxyError);
    t.equal(error.status, 407);
    t.match(error.message, /answered 407 Proxy Authentication Required, ".*Cache Access Denied/);
  });

withProgram('squid', 'an origin that is not there', async (t, path) => {
  await using proxy = await squid(path, 'nothing');
  await using pool = new ConnectionPool({ proxy: `http://127.0.0.1:${proxy.port}` });
  t.equal((await pool.request('GET', 'http://127.0.0.1:9/')).status, 503);
  const error = await rejection(pool.request('GET', 'https://127.0.0.1:9/'), ProxyError);
  t.equal(error.status, 503);
});

withProgram('tinyproxy', 'asks for nothing', async (t, path) => {
  await using proxy = await tinyproxy(path, 'nothing');
  await works(t, proxy, ['default', 'tunnel']);
});

withProgram('tinyproxy', 'asks for Basic', async (t, path) => {
  await using proxy = await tinyproxy(path, 'basic');
  await works(t, proxy, ['default', 'tunnel'], 'http', () => ['user', 'secret']);
  await using pool = new ConnectionPool({ proxy: `http://user:wrong@127.0.0.1:${proxy.port}` });
  t.match((await pool.request('GET', 'http://127.0.0.1:9/')).status, /^40[17]$/);
  await rejection(pool.request('GET', 'https://127.0.0.1:9/'), ProxyError);
});

for (const scheme of ['socks5', 'socks5h', 'socks4', 'socks4a'])
  withProgram('danted', scheme, async (t, path) => {
    await using proxy = await dante(path);
    await works(t, proxy, ['default'], scheme);
    await using pool = new ConnectionPool({ proxy: `${scheme}://127.0.0.1:${proxy.port}` });
    const error = await rejection(pool.request('GET', 'http://127.0.0.1:9/'), ProxyError);
    t.match(error.message, /rejected connection/);
  });
