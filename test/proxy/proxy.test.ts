import { inspect } from 'node:util';
import t from 'tap';
import { Client, ConnectionPool, DigestAuth, InvalidURLError, Proxy } from '../../src/index.ts';
import type { ProxyInit } from '../../src/proxy/proxy-map.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { credentialsOf } from '../../src/proxy/proxy.ts';

t.test('a URL says where the proxy is and how it is spoken to', async (t) => {
  const cases: [url: string, protocol: string, host: string, port: number][] = [
    ['http://proxy.test', 'http:', 'proxy.test', 80],
    ['http://proxy.test:3128/', 'http:', 'proxy.test', 3128],
    ['https://proxy.test', 'https:', 'proxy.test', 443],
    ['http://[::1]:3128', 'http:', '::1', 3128],
    ['socks5://proxy.test', 'socks5:', 'proxy.test', 1080],
    ['socks5h://proxy.test:9050', 'socks5h:', 'proxy.test', 9050],
    ['socks4://127.0.0.1', 'socks4:', '127.0.0.1', 1080],
    ['socks4a://127.0.0.1', 'socks4a:', '127.0.0.1', 1080],
    ['socks://127.0.0.1:7890/', 'socks5h:', '127.0.0.1', 7890],
  ];
  for (const [url, protocol, host, port] of cases) {
    t.match(new Proxy(url), { protocol, host, port, mode: 'default' }, url);
    t.match(new Proxy(new URL(url)), { protocol, host, port }, `${url} as a URL`);
  }
});

t.test('credentials come from the URL, decoded, or from auth, which wins', async (t) => {
  t.strictSame(credentialsOf(new Proxy('http://us%40er:p%3Ass@proxy.test')), ['us@er', 'p:ss']);
  t.strictSame(credentialsOf(new Proxy('http://user@proxy.test')), ['user', '']);
  t.equal(credentialsOf(new Proxy('http://proxy.test')), null);
  t.strictSame(credentialsOf(new Proxy('http://a:b@proxy.test', { auth: ['c', 'd'] })), ['c', 'd']);
  const auth = new DigestAuth('user', 'secret');
  t.equal(credentialsOf(new Proxy('http://a:b@proxy.test', { auth })), auth);
});

t.test('credentials are not shown', async (t) => {
  const proxy = new Proxy('http://user:secret@proxy.test', { headers: { 'x-token': 'secret' } });
  t.equal(inspect(proxy), '<Proxy [http://proxy.test:80]>');
  t.equal(String(proxy), 'http://proxy.test:80');
  t.equal(JSON.stringify({ proxy }), '{"proxy":"http://proxy.test:80"}');
  t.equal(String(new Proxy('socks5://[::1]')), 'socks5://[::1]:1080');
});

t.test('which origins a mode makes tunnels to', async (t) => {
  const tunnels = (url: string, mode: ProxyOptions['mode']): boolean[] =>
    ['http://a.test', 'https://a.test'].map((o) => new Proxy(url, { mode }).tunnels(o));
  for (const url of ['http://p.test', 'https://p.test']) {
    t.strictSame(tunnels(url, undefined), [false, true], url);
    t.strictSame(tunnels(url, 'tunnel'), [true, true], url);
    t.strictSame(tunnels(url, 'forward'), [false, false], url);
  }
  t.strictSame(tunnels('socks5://p.test', undefined), [true, true]);
});

t.test('what is no proxy is refused by name', async (t) => {
  const options =
    (given: unknown, url = 'http://p.test') =>
    () =>
      new Proxy(url, given as object);
  t.throws(() => new Proxy('ftp://p.test'), { name: 'InvalidURLError', message: /socks5h:.*ftp/ });
  t.throws(() => new Proxy('p.test:3128'), InvalidURLError);
  t.throws(() => new Proxy('user:secret@p.test:3128'), InvalidURLError);
  t.throws(options({ mod: 'tunnel' }), {
    message: 'proxy: there is no option "mod"; did you mean mode?',
  });
  t.throws(options({ mode: 'TUNNEL_ONLY' }), {
    message: /default, tunnel or forward.*TUNNEL_ONLY/,
  });
  t.throws(options({ tls: { caa: 'x' } }), { message: /tls\.caa.*did you mean tls\.ca/ });
  for (const auth of ['user:secret', ['user'], ['user', 1], {}, () => {}])
    t.throws(options({ auth }), { name: 'TypeError', message: /^proxy\.auth: expected \[user/ });
  t.throws(options({ auth: ['us:er', 'x'] }), { message: /no colon/ });
  for (const name of ['Host', 'Connection', 'Content-Length', 'Transfer-Encoding', 'Expect'])
    t.throws(options({ headers: { [name]: 'x' } }), { message: /cannot be set for a proxy/ });
  const socks = 'socks5://p.test';
  t.throws(options({ mode: 'forward' }, socks), { message: /SOCKS knows tunnels only/ });
  t.throws(options({ headers: { a: 'b' } }, socks), { message: /no place for headers/ });
  t.throws(options({ auth: new DigestAuth('a', 'b') }, socks), {
    message: /\[user, password\] only/,
  });
  t.throws(options({ auth: ['u'.repeat(256), 'x'] }, socks), { message: /at most 255 bytes/ });
  t.throws(options({ auth: ['a\0b', 'x'] }, 'socks4://p.test'), { message: /NUL/ });
});

t.test('no message of them holds a password', async (t) => {
  for (const url of ['ftp://u:secret@p.test', 'u:secret@p.test', 'http://u:secret@p.test:99999'])
    for (const make of [() => new Proxy(url), () => new Client({ proxy: url })]) {
      try {
        make();
        t.fail(url);
      } catch (error) {
        t.notMatch(inspect(error), 'secret', url);
      }
    }
});

t.test('the option proxy of a client and of a pool', async (t) => {
  for (const Made of [Client, ConnectionPool]) {
    const make = (proxy: unknown) => () => new Made({ proxy } as object);
    t.throws(make(null), { name: 'TypeError', message: /^proxy: expected .* false, got null/ });
    t.throws(make(3128), { message: /got number/ });
    t.throws(make({ 'http//x': 'http://p.test' }), { message: /^proxy: expected a pattern/ });
    t.throws(make({ http: 3128 }), { message: /expected a string or a URL, got number/ });
    for (const proxy of [
      'http://p.test',
      new URL('http://p.test'),
      new Proxy('http://p.test'),
      {},
      { http: undefined },
      false,
    ])
      await new Made({ proxy: proxy as ProxyInit }).close();
  }
  const network = { open: () => ({ stream: Promise.reject(new Error()), cancel() {} }) };
  const proxy = new Proxy('https://p.test', { tls: { verify: false } });
  t.throws(() => new ConnectionPool({ network, proxy }), { message: /^proxy\.tls: with network/ });
});
