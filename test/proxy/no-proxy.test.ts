import t from 'tap';
import { NoProxy } from '../../src/proxy/no-proxy.ts';

const TABLE: readonly [list: string, excluded: readonly string[], proxied: readonly string[]][] = [
  ['', [], ['http://example.com', 'https://127.0.0.1']],
  ['*', ['http://example.com', 'https://10.1.2.3:8443', 'http://[::1]'], []],
  ['a.test, *', ['http://example.com'], []],
  [
    'example.com',
    [
      'http://example.com',
      'https://example.com:8443',
      'https://www.example.com',
      'http://a.b.example.com',
    ],
    ['http://notexample.com', 'http://example.com.evil.test', 'http://example.org'],
  ],
  ['.example.com', ['http://example.com', 'http://www.example.com'], ['http://notexample.com']],
  ['*.example.com', ['http://example.com', 'http://www.example.com'], ['http://notexample.com']],
  ['EXAMPLE.com', ['http://example.com'], []],
  ['example.com.', ['http://example.com', 'http://example.com.'], []],
  ['bücher.example', ['http://xn--bcher-kva.example', 'http://www.xn--bcher-kva.example'], []],
  [
    'example.com:8080',
    ['http://example.com:8080', 'https://www.example.com:8080'],
    ['http://example.com', 'http://example.com:8081'],
  ],
  ['example.com:443', ['https://example.com'], ['http://example.com']],
  ['example.com:80', ['http://example.com'], ['https://example.com']],
  [
    'a.test b.test,c.test\t d.test',
    ['http://a.test', 'http://b.test', 'http://c.test', 'http://d.test'],
    ['http://e.test'],
  ],
  ['localhost', ['http://localhost:3000'], ['http://127.0.0.1', 'http://[::1]']],
  [
    '127.0.0.1',
    ['http://127.0.0.1', 'https://127.0.0.1:8443'],
    ['http://127.0.0.2', 'http://localhost'],
  ],
  ['127.0.0.1:8080', ['http://127.0.0.1:8080'], ['http://127.0.0.1']],
  [
    '10.0.0.0/8',
    ['http://10.0.0.0', 'http://10.255.255.255:8080'],
    ['http://11.0.0.0', 'http://9.255.255.255'],
  ],
  ['192.168.1.1/32', ['http://192.168.1.1'], ['http://192.168.1.2']],
  ['0.0.0.0/0', ['http://1.2.3.4'], ['http://[::1]', 'http://example.com']],
  ['::1', ['http://[::1]', 'http://[::1]:8080'], ['http://[::2]']],
  ['[::1]', ['http://[::1]:8080'], ['http://127.0.0.1']],
  ['[::1]:8080', ['http://[::1]:8080'], ['http://[::1]']],
  ['0:0:0:0:0:0:0:1', ['http://[::1]'], []],
  ['[0:0:0:0:0:0:0:1]:8080', ['http://[::1]:8080'], ['http://[::1]']],
  ['fd00::/8', ['http://[fd12:3456::1]'], ['http://[fe80::1]', 'http://10.0.0.1']],
  ['FE80::/10', ['http://[fe80::1]'], ['http://[fec0::1]']],
  // What is none of it says nothing.
  [
    '10.0.0.0/33, fd00::/129, http://a.test, a*b, [1:2]:3, :80, a.test:http',
    [],
    ['http://10.0.0.0', 'http://[fd00::1]', 'http://a.test', 'http://b.test'],
  ],
];

for (const [list, excluded, proxied] of TABLE) {
  t.test(`NO_PROXY=${list}`, async (t) => {
    const none = new NoProxy(list);
    for (const origin of excluded) t.equal(none.has(origin), true, `${origin} goes by itself`);
    for (const origin of proxied) t.equal(none.has(origin), false, `${origin} goes by the proxy`);
  });
}
