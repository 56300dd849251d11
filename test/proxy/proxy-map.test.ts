import t from 'tap';
import { ProxyMap, type ProxyInit } from '../../src/proxy/proxy-map.ts';

const P = (name: string): string => `http://${name}.test:80`;

function choices(
  map: ProxyMap | null,
  origins: readonly string[],
): Record<string, string | undefined> {
  return Object.fromEntries(
    origins.map((origin) => [origin, map?.for(origin)?.host.replace('.test', '')]),
  );
}

const of = (proxy: ProxyInit): ProxyMap | null => ProxyMap.from(proxy, null);
const from = (environment: Record<string, string>): ProxyMap | null =>
  ProxyMap.from(undefined, environment);

t.test('the keys of httpx, in its order: host and scheme, host, scheme, all', async (t) => {
  const map = of({
    all: P('all'),
    http: P('http'),
    'all://example.com': P('host'),
    'http://example.com': P('host-and-scheme'),
  });
  t.strictSame(
    choices(map, ['http://example.com', 'https://example.com', 'http://a.test', 'https://a.test']),
    {
      'http://example.com': 'host-and-scheme',
      'https://example.com': 'host',
      'http://a.test': 'http',
      'https://a.test': 'all',
    },
  );
});

t.test('null excludes, undefined is not there', async (t) => {
  const map = of({ all: P('all'), 'all://*.internal.test': null, https: undefined });
  t.strictSame(choices(map, ['https://a.internal.test', 'https://internal.test']), {
    'https://a.internal.test': undefined,
    'https://internal.test': 'all',
  });
});

t.test('where nothing goes through a proxy, there is no map', async (t) => {
  t.equal(of(false), null);
  t.equal(of({}), null);
  t.equal(of({ all: null }), null);
  t.equal(from({}), null);
  t.equal(from({ HTTP_PROXY: '', NO_PROXY: '*' }), null);
  t.equal(ProxyMap.from(undefined, null), null);
  t.equal(ProxyMap.from(false, { ALL_PROXY: P('all') }), null);
});

t.test('one for all', async (t) => {
  for (const proxy of [P('one'), new URL(P('one'))])
    t.strictSame(choices(of(proxy), ['http://a.test', 'https://a.test']), {
      'http://a.test': 'one',
      'https://a.test': 'one',
    });
});

t.test('the environment', async (t) => {
  const origins = ['http://a.test', 'https://a.test'];
  const table: [Record<string, string>, http: string | undefined, https: string | undefined][] = [
    [{ HTTP_PROXY: P('h') }, 'h', undefined],
    [{ http_proxy: P('h') }, 'h', undefined],
    [{ HTTPS_PROXY: P('s') }, undefined, 's'],
    [{ https_proxy: P('s') }, undefined, 's'],
    [{ ALL_PROXY: P('a') }, 'a', 'a'],
    [{ all_proxy: P('a'), HTTP_PROXY: P('h') }, 'h', 'a'],
    [{ HTTP_PROXY: P('upper'), http_proxy: P('lower') }, 'lower', undefined],
    [{ HTTP_PROXY: 'h.test:3128' }, 'h', undefined],
    [{ HTTP_PROXY: ' ' }, undefined, undefined],
    [{ ALL_PROXY: P('a'), NO_PROXY: 'a.test:443' }, 'a', undefined],
    [{ ALL_PROXY: P('a'), no_proxy: 'a.test' }, undefined, undefined],
    [{ ALL_PROXY: P('a'), NO_PROXY: 'a.test', no_proxy: 'b.test' }, 'a', 'a'],
    [{ ALL_PROXY: P('a'), NO_PROXY: '' }, 'a', 'a'],
    // httpoxy: a CGI program's HTTP_PROXY is a header of the request that it serves.
    [{ HTTP_PROXY: P('forged'), REQUEST_METHOD: 'GET' }, undefined, undefined],
    [{ http_proxy: P('h'), HTTPS_PROXY: P('s'), REQUEST_METHOD: 'GET' }, 'h', 's'],
  ];
  for (const [environment, http, https] of table)
    t.strictSame(
      choices(from(environment), origins),
      { 'http://a.test': http, 'https://a.test': https },
      JSON.stringify(environment),
    );
});

t.test('an environment that names no proxy is refused by the name of the variable', async (t) => {
  t.throws(() => from({ HTTPS_PROXY: 'quic://u:secret@p.test' }), {
    name: 'InvalidURLError',
    message: /HTTPS_PROXY is no proxy \(trustEnv: false ignores it\): .*"quic:\/\/p\.test"/,
  });
});

t.test('what is no proxy and no record of them is a TypeError', async (t) => {
  for (const [proxy, got] of [
    [null, 'null'],
    [true, 'boolean'],
    [7, 'number'],
    [new Map([['all', P('all')]]), 'a list'],
    [[P('all')], 'a list'],
  ] as const) {
    t.throws(() => of(proxy as never), {
      name: 'TypeError',
      message: `proxy: expected a URL, a Proxy, a record of them by pattern or false, got ${got}`,
    });
  }
});
