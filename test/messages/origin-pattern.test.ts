import t from 'tap';
import { OriginPattern } from '../../src/messages/origin-pattern.ts';

t.test('a pattern matches by scheme, host and port', async (t) => {
  const cases: [pattern: string, matches: string[], not: string[]][] = [
    ['all://', ['http://a', 'https://b:1', 'ws://c'], []],
    ['all', ['http://a', 'https://b:1'], []],
    ['https://', ['https://a', 'https://a:8'], ['http://a']],
    ['https', ['https://a'], ['http://a']],
    ['HTTP', ['http://a'], ['https://a']],
    ['all://*', ['http://a', 'https://a.b'], []],
    ['all://h.test', ['http://h.test', 'https://h.test:8'], ['http://a.h.test', 'http://xh.test']],
    ['all://H.Test', ['http://h.test'], []],
    ['http://h.test', ['http://h.test', 'http://h.test:8'], ['https://h.test']],
    [
      'all://*.h.test',
      ['http://a.h.test', 'http://a.b.h.test'],
      ['http://h.test', 'http://ah.test'],
    ],
    ['all://*h.test', ['http://h.test', 'http://a.h.test'], ['http://ah.test', 'http://h.test.x']],
    ['http://h.test:80', ['http://h.test'], ['http://h.test:81', 'https://h.test']],
    ['all://h.test:443', ['https://h.test', 'http://h.test:443'], ['http://h.test']],
    ['all://h.test:0443', ['https://h.test'], []],
    ['all://:8080', ['http://a:8080', 'https://b:8080'], ['http://a']],
    ['all://*:8080', ['http://a:8080'], ['http://a']],
    ['all://[::1]', ['http://[::1]', 'http://[::1]:8'], ['http://[::2]']],
    ['all://[0:0::1]:8', ['http://[::1]:8'], ['http://[::1]']],
    ['all://münchen.test', ['http://xn--mnchen-3ya.test'], []],
    ['http+unix://h', ['http+unix://h'], ['http://h']],
    ['all://127.1', ['http://127.0.0.1'], []],
  ];
  for (const [pattern, matches, not] of cases) {
    const made = new OriginPattern(pattern);
    for (const origin of matches) t.ok(made.matches(origin), `${pattern} is for ${origin}`);
    for (const origin of not) t.notOk(made.matches(origin), `${pattern} is not for ${origin}`);
  }
});

t.test('the most specific comes first', async (t) => {
  const order = [
    'http://long.h.test:8080',
    'all://h.test:8080',
    'all://:8080',
    'https://long.h.test',
    'all://long.h.test',
    'https://h.test',
    'all://h.test',
    'all://*.long.h.test',
    'http://*.h.test',
    'all://*.h.test',
    'all://*h.test',
    'https://',
    'all://',
  ];
  const reversed = order.toReversed().map((text) => ({ text, pattern: new OriginPattern(text) }));
  reversed.sort((a, b) => OriginPattern.compare(a.pattern, b.pattern));
  t.strictSame(
    reversed.map(({ text }) => text),
    order,
  );
});

t.test('what is no pattern is a TypeError that shows it', async (t) => {
  for (const pattern of [
    '',
    'h.test',
    'localhost',
    'ftp',
    'all:',
    'all:/',
    '://h',
    'all://h.test/',
    'all://h.test/path',
    'all://h?q',
    'all://u@h',
    'all://a.*.test',
    'all://*.',
    'all://.h.test',
    'all://h:',
    'all://h:x',
    'all://h:65536',
    'all://[::1',
    'all://[:::]',
    'all://a b',
    'all://**',
  ]) {
    t.throws(() => new OriginPattern(pattern), {
      name: 'TypeError',
      message: `expected a pattern such as all://, https://, all://*.example.com or http://host:8080, got ${JSON.stringify(pattern)}`,
    });
  }
  t.throws(() => new OriginPattern(7 as never), { name: 'TypeError', message: /, got number$/ });
  t.throws(() => new OriginPattern(undefined as never), { message: /, got undefined$/ });
});
