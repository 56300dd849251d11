import { runInNewContext } from 'node:vm';
import t from 'tap';
import { InvalidURLError } from '../../src/errors.ts';
import { Destination, redacted } from '../../src/messages/destination.ts';
import { random } from '../support/random.ts';

/** What the platform makes of it, without credentials; null where it, or HTTP, has no use for it. */
function expected(text: string): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  if (url.host === '') return null;
  url.username = '';
  url.password = '';
  // A target has at least its slash; schemes other than http and https may do without.
  const authority = `${url.protocol}//${url.host}`;
  return url.pathname === '' ? `${authority}/${url.href.slice(authority.length)}` : url.href;
}

function actual(text: string): string | null {
  try {
    return Destination.from(text).href;
  } catch (error) {
    if (error instanceof InvalidURLError) return null;
    throw error;
  }
}

/** The texts of which the two make different things, as sentences. */
function differences(texts: Iterable<string>): string[] {
  const found: string[] = [];
  for (const text of texts) {
    const [ours, theirs] = [actual(text), expected(text)];
    if (ours !== theirs) found.push(`${JSON.stringify(text)}: ${ours}, not ${theirs}`);
  }
  return found.slice(0, 20);
}

/** Characters that some part of a URL treats in its own way. */
const NASTY = '/\\.%:@?#&=;,+ \t\n\r\0"\'<>[]^`{|}~!$()*_-aAzZ0129xX\x7f\x80ß。\u00adé€\ud800';

t.test('every character in every place makes what the platform makes of it', async (t) => {
  const characters = [
    ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)),
    ...'。\u00ad€\u2025\ud800\uffff\u3002'.split(''),
  ];
  const places = [
    (c: string) => c,
    (c: string) => `${c}http://h/`,
    (c: string) => `ht${c}tp://h/`,
    (c: string) => `http${c}//h/`,
    (c: string) => `http:${c}/h/`,
    (c: string) => `http:/${c}h/`,
    (c: string) => `http://${c}`,
    (c: string) => `http://${c}/`,
    (c: string) => `http://${c}h/`,
    (c: string) => `http://h${c}i/`,
    (c: string) => `http://h${c}/`,
    (c: string) => `http://h${c}`,
    (c: string) => `http://u${c}@h/`,
    (c: string) => `http://u:${c}@h/`,
    (c: string) => `http://1.2.3.${c}/`,
    (c: string) => `http://1.2.3.4${c}/`,
    (c: string) => `http://h:${c}/`,
    (c: string) => `http://h:8${c}/`,
    (c: string) => `http://h:8080${c}`,
    (c: string) => `https://h/${c}`,
    (c: string) => `https://h/a${c}`,
    (c: string) => `https://h/${c}${c}`,
    (c: string) => `https://h/a/${c}${c}/b`,
    (c: string) => `https://h/a/${c}./b`,
    (c: string) => `https://h/a/.${c}/b`,
    (c: string) => `https://h/a/%2${c}/b`,
    (c: string) => `https://h/a/.%2${c}/b`,
    (c: string) => `https://h/?${c}`,
    (c: string) => `https://h/?a${c}b`,
    (c: string) => `https://h/x?a${c}`,
    (c: string) => `https://h/#${c}`,
    (c: string) => `https://h/?#${c}b`,
    (c: string) => `foo://h${c}`,
    (c: string) => `foo://h/${c}`,
  ];
  for (const place of places) t.same(differences(characters.map(place)), [], place('…'));
});

t.test(
  'every three nasty characters make what the platform makes of them, in host, path and query',
  async (t) => {
    const nasty = "/\\.%:@?# \t'|^2eEx0-a".split('');
    for (const place of [
      'http://h',
      'http://h/',
      'http://h/a/',
      'http://',
      'http://h:',
      'http://h/?',
    ]) {
      const texts = nasty.flatMap((a) =>
        nasty.flatMap((b) => nasty.map((c) => `${place}${a}${b}${c}`)),
      );
      t.same(differences(texts), [], place);
      t.same(differences(texts.map((text) => `${text}/b`)), [], `${place}…/b`);
    }
  },
);

t.test('hosts that are numbers in disguise make what the platform makes of them', async (t) => {
  const numbers = [
    '0',
    '1',
    '01',
    '00',
    '08',
    '255',
    '256',
    '0x1',
    '0xg',
    '0x',
    'x1',
    '1x',
    '4294967295',
    '4294967296',
    '',
  ];
  const hosts = numbers.flatMap((a) => [
    a,
    ...numbers.flatMap((b) => [
      `${a}.${b}`,
      `h.${a}.${b}`,
      `1.2.${a}.${b}`,
      `1.2.3.${a}.${b}`,
      `${a}.2.3.${b}`,
    ]),
  ]);
  t.same(differences(hosts.map((host) => `http://${host}/`)), []);
  t.same(differences(hosts.map((host) => `http://${host}:81/x`)), []);
});

t.test('known troublemakers make what the platform makes of them', async (t) => {
  const troublemakers = [
    'http://h',
    'http://h?',
    'http://h/?',
    'http://h/#',
    'http://h/?#',
    'http://h#',
    'http://H/?',
    'http://h/%',
    'http://h/%zz',
    'http://h:80/',
    'http://h:443/',
    'https://h:443/',
    'https://h:80/',
    'http://h:080/',
    'http://h:0/',
    'http://h:00/',
    'http://h:/',
    'http://h:65535/',
    'http://h:65536/',
    'http://h:99999999999999999999/',
    'http://h:8080',
    'http://h:8 0/',
    'http://h:+80/',
    'http://[::1]/',
    'http://[::1]:8080/x',
    'http://[::FFFF:1.2.3.4]/',
    'http://[::1',
    'http://[::1%25eth0]/',
    'http://[]/',
    'http://::1/',
    'http://xn--mnchen-3ya.de/',
    'http://xn--a/',
    'http://xn--/',
    'http://a.xn--80ak6aa92e.com/',
    'http://h/xn--',
    'http://münchen.de/',
    'http://faß.de/',
    'http://a--b/',
    'http://-a/',
    'http://a-/',
    'http://-/',
    'http://a_b/',
    'http://*.h/',
    'http://%68/',
    'http://h%2f/',
    'http://%00/',
    'http://./',
    'http://../',
    'http://h./',
    'http://h../',
    'http://.h/',
    'http://a..b/',
    `http://${'a'.repeat(64)}/`,
    `http://${'a.'.repeat(130)}a/`,
    'http://h/.',
    'http://h/..',
    'http://h/a/..',
    'http://h/a/.',
    'http://h/.a',
    'http://h/..a',
    'http://h/a/%2e%2E/b',
    'http://h/%2e',
    'http://h/a./',
    'http://h/;/../x',
    'http://h//..//',
    'http://h//',
    'http://h///x',
    'http://h/a//../b',
    'http://h/a?/../b',
    'http://h/?..',
    'http://h/C|/x',
    'http://h/a b',
    'http://h/a\\..\\b',
    'http:h/',
    'http:/h/',
    'http:///h/',
    'http:\\\\h\\x',
    ' http://h/ ',
    '\thttp://h/\n',
    'ht\ntp://h/',
    'http://h/\ta',
    'http://h\t/',
    'HTTP://h/',
    'Https://h/',
    'http://h/?\'"<>',
    'http://h/"<>`{}',
    'http://h/^|',
    'http://h/?^|`{}',
    'http://h/é',
    'http://h/?é',
    'http://h/\ud800',
    'http://u@h/',
    'http://u:p@h/',
    'http://:p@h/',
    'http://@h/',
    'http://:@h/',
    'http://u:p@q@h/',
    'http://u%40:p%2F@h/x?y',
    'http://u:p@h:80/',
    'http://u@/',
    'http://u:p@h?q#f',
    '',
    'x',
    '/x',
    '//h/x',
    '?x',
    '#x',
    'http:',
    'http://',
    'http:///',
    'http://?',
    'http://#',
    'http://:80/',
    'http://@/',
    'file:///etc/passwd',
    'file://h/x',
    'data:,x',
    'mailto:a@b',
    'javascript:alert(1)',
    'blob:http://h/x',
    'about:blank',
    'ws://h/',
    'wss://h:443/',
    'ftp://h/x',
    'foo://h',
    'foo://h?x',
    'foo://h#f',
    'foo://h/?',
    'foo://H/%',
    'foo:/h',
    'foo:h',
    'http+unix://%2Ftmp%2Fs.sock/x',
    'foo://u:p@h:80/x',
    `http://h/${'a'.repeat(100_000)}`,
  ];
  t.same(differences(troublemakers), []);
});

t.test(
  'random URLs, put together from parts good and bad, make what the platform makes of them',
  async (t) => {
    const r = random(20_263);
    const noise = (): string =>
      Array.from({ length: r.int(0, 3) }, () => r.pick(NASTY.split(''))).join('');
    const part = (...good: string[]): string => (r() < 0.15 ? noise() : r.pick(good));
    function* urls(): Iterable<string> {
      for (let round = 0; round < 40_000; round++) {
        const scheme = part('http://', 'https://', 'https://', 'HTTP://', 'foo://', 'http:/');
        const userinfo = r() < 0.8 ? '' : part('u@', 'u:p@', ':@', 'a%3Ab:c@');
        const host = part(
          'h',
          'example.com',
          'a-b.c',
          '127.0.0.1',
          '[::1]',
          'Example.COM',
          'localhost',
          'xn--e1afmkfd',
          '1.1',
        );
        const port = part('', '', ':80', ':443', ':8080', ':08', ':');
        const path = Array.from(
          { length: r.int(0, 4) },
          () => `/${part('', 'a', 'b.c', '.', '..', '%2e', '%2E.', '%41', "'", '@x', '.a')}`,
        );
        const query = part('', '', '?', '?a=1', '?a=1&b=%20', '?/../', '??', "?'", '?a b');
        const fragment = part('', '', '', '#', '#f', '#a b');
        yield scheme + userinfo + host + port + path.join('') + query + fragment;
      }
    }
    t.same(differences(urls()), []);
  },
);

t.test('a URL object is the same as its text', async (t) => {
  for (const text of [
    'http://h/',
    'http://u:p%40@h:81/a%20b?c=d#e',
    'https://[::1]/?',
    'foo://h/x',
  ]) {
    const destination = Destination.from(text);
    t.same(Destination.from(new URL(text)), destination);
    t.same(Destination.from(runInNewContext('new URL(text)', { URL, text }) as URL), destination);
    t.same(Destination.from({ href: text } as URL), destination, 'of another realm');
    t.equal(Destination.from(destination), destination);
  }
});

t.test('what is in canonical form is taken apart without a URL object', async (t) => {
  const { URL } = globalThis;
  t.teardown(() => {
    globalThis.URL = URL;
  });
  const canonical = [
    'http://h/',
    'https://api.example.com/v1/users/7?fields=a,b&x=%20',
    'http://127.0.0.1:8080/x',
    'https://h:8443/~u/(a)/!$&*+,;=:@_-.x',
    'http://localhost:3000/?q={}',
  ];
  globalThis.URL = null as never;
  const made = canonical.map((text) => Destination.from(text));
  globalThis.URL = URL;
  made.forEach(({ href, origin, target, fragment, credentials }, place) => {
    const url = new URL(canonical[place] ?? '');
    t.same([href, origin, target], [url.href, url.origin, url.pathname + url.search]);
    t.same([fragment, credentials], ['', null]);
  });
});

t.test('where URL.parse is not there, URLs are parsed all the same', async (t) => {
  const { URL } = globalThis;
  t.teardown(() => {
    globalThis.URL = URL;
  });
  globalThis.URL = Object.assign(class extends URL {}, { parse: undefined });
  t.equal(Destination.from('http://H/a b').href, 'http://h/a%20b');
  t.throws(() => Destination.from('/x'), { name: 'InvalidURLError' });
});

t.test('a destination has its parts: origin, protocol, host, target, fragment', async (t) => {
  const cases: [text: string, ...parts: string[]][] = [
    ['http://h', 'http://h', 'http:', 'h', '/', ''],
    ['https://H:443/a?b#c', 'https://h', 'https:', 'h', '/a?b', '#c'],
    ['http://[::1]:81?x', 'http://[::1]:81', 'http:', '[::1]:81', '/?x', ''],
    ['http+unix://%2Ftmp/x', 'http+unix://%2Ftmp', 'http+unix:', '%2Ftmp', '/x', ''],
  ];
  for (const [text, ...parts] of cases) {
    const { origin, protocol, host, target, fragment } = Destination.from(text);
    t.same([origin, protocol, host, target, fragment], parts, text);
  }
});

t.test('credentials are decoded, and are part of nothing else', async (t) => {
  const cases: [string, [string, string] | null][] = [
    ['http://h/', null],
    ['http://@h/', null],
    ['http://u@h/', ['u', '']],
    ['http://:p@h/', ['', 'p']],
    ['http://us%3Aer:p%40%C3%A9@h/x', ['us:er', 'p@é']],
    ['http://u:é@h/', ['u', 'é']],
    ['http://u%ff:%zz@h/', ['u%ff', '%zz']],
  ];
  for (const [text, credentials] of cases) {
    const destination = Destination.from(text);
    t.same(destination.credentials, credentials, text);
    t.notMatch(destination.href, '@');
    t.equal(destination.withoutCredentials().credentials, null);
  }
  const bare = Destination.from('http://h/');
  t.equal(bare.withoutCredentials(), bare);
});

t.test('another target or fragment leaves the rest as it is', async (t) => {
  const destination = Destination.from('http://u:p@h:81/a?b#c');
  const target = destination.withTarget('/x y?z');
  t.equal(target.href, 'http://h:81/x%20y?z#c');
  t.same(target.credentials, ['u', 'p']);
  const fragment = destination.withFragment('#d');
  t.equal(fragment.href, 'http://h:81/a?b#d');
  t.same(fragment.credentials, ['u', 'p']);
  t.equal(destination.href, 'http://h:81/a?b#c');
  t.equal(Destination.from('http://h/').withTarget('//evil/x').href, 'http://h//evil/x');
});

t.test('references are resolved as the platform resolves them', async (t) => {
  const base = 'http://u:p@h:81/a/b?c#d';
  const references = [
    '',
    'x',
    '/x',
    '../x',
    '../../../x',
    './',
    '?y',
    '#z',
    '//other/x',
    'https://other/',
    'http:x',
    '/\\evil/x',
    '\\x',
    'x y',
    ' x ',
    '//u2:p2@o/',
    'foo://x/',
  ];
  for (const reference of references) {
    const url = new URL(reference, 'http://h:81/a/b?c');
    const credentials = url.username === '' ? null : [url.username, url.password];
    url.username = url.password = '';
    const resolved = Destination.from(base).resolve(reference);
    t.equal(resolved.href, url.href, reference);
    t.same(resolved.credentials, credentials);
  }
  for (const reference of ['http://', '//', 'http://h:99999/', 'mailto:x', 'data:,x']) {
    t.throws(
      () => Destination.from(base).resolve(reference),
      { name: 'InvalidURLError' },
      reference,
    );
  }
});

t.test('what is neither text nor a URL is a TypeError', async (t) => {
  for (const [input, came] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
    [{}, 'object'],
  ] as const) {
    t.throws(() => Destination.from(input as never), {
      name: 'TypeError',
      message: `url: expected a string or a URL, got ${came}`,
    });
  }
});

t.test('an error about a URL shows no credentials and no query, and is short', async (t) => {
  const secrets = [
    'http://user:s3cret@h:99999/?q',
    'http://h:99999/?key=s3cret',
    'http://h:99999/#s3cret',
    '//user:s3cret@h/',
    'user:s3cret@h/x',
    'http:user:s3cret@h:99999/',
    'http:/user:s3cret@h:99999/',
    'http:\\\\user:s3cret@h:99999\\',
    'http://user:p@s3cret@h:99999/',
    'http://user:a/s3cret@h/',
    'user:s3cret@',
    '/x?s3cret',
    'http://user:s3cret?@h:99999/',
    'http://user:s3cret#@h:99999/',
  ];
  for (const secret of secrets) {
    const error = t.throws(
      () => Destination.from(secret),
      { name: 'InvalidURLError', code: 'ERR_INVALID_URL' },
      secret,
    );
    t.notMatch((error as Error).message, 's3cret', secret);
  }
  t.throws(() => Destination.from('users/7'), { message: 'not an absolute URL: "users/7"' });
  t.throws(() => Destination.from('x'.repeat(1000)), { message: /^.{100,160}$/ });
  t.equal(redacted('http://registry/@scope/name?x'), '"http://registry/@scope/name"');
});
