import { readFileSync } from 'node:fs';
import t from 'tap';
import { BaseURL } from '../src/base-url.ts';
import { InvalidURLError } from '../src/errors.ts';
import { Destination } from '../src/messages/destination.ts';
import { random } from './support/random.ts';

// This file runs as build/test/base-url.test.js.
const page = readFileSync(new URL('../../docs/base-url.md', import.meta.url), 'utf8');

const join = (base: string, url: string | URL, allowAbsolute = false): string =>
  Destination.from(new BaseURL(base, allowAbsolute).join(url)).href;

t.test(
  'what is given is appended to the base, and a leading slash makes no difference',
  async (t) => {
    const cases: [base: string, given: string, result: string][] = [
      ['https://h/v1', 'users', 'https://h/v1/users'],
      ['https://h/v1', '/users', 'https://h/v1/users'],
      ['https://h/v1/', 'users', 'https://h/v1/users'],
      ['https://h/v1/', '/users', 'https://h/v1/users'],
      ['https://h/v1', 'users/', 'https://h/v1/users/'],
      ['https://h/v1', 'users/7?a=1#f', 'https://h/v1/users/7?a=1#f'],
      ['https://h/v1', '', 'https://h/v1'],
      ['https://h/v1', '/', 'https://h/v1'],
      ['https://h/v1', '?a=1', 'https://h/v1?a=1'],
      ['https://h/v1', '/?a=1', 'https://h/v1?a=1'],
      ['https://h/v1', '#f', 'https://h/v1#f'],
      ['https://h/v1/', '', 'https://h/v1/'],
      ['https://h/v1/', '/', 'https://h/v1/'],
      ['https://h/v1/', '?a=1', 'https://h/v1/?a=1'],
      ['https://h/v1/', '#f', 'https://h/v1/#f'],
      ['https://h/v1/?key=k', '', 'https://h/v1/?key=k'],
      ['https://h/v1//', '', 'https://h/v1//'],
      ['https://h/v1//', 'users', 'https://h/v1/users'],
      ['https://h', '', 'https://h/'],
      ['https://h', 'users', 'https://h/users'],
      ['https://h/', '/users', 'https://h/users'],
      ['https://h', '?a=1', 'https://h/?a=1'],
      ['https://h', '#f', 'https://h/#f'],
      ['https://H:443/V1', 'Users', 'https://h/V1/Users'],
      ['https://h:8443/v1', 'users', 'https://h:8443/v1/users'],
      ['http://[::1]:81/v1', 'users', 'http://[::1]:81/v1/users'],
      ['https://h/v1#f', 'users', 'https://h/v1/users'],
      ['https://h/v%201/', 'a b', 'https://h/v%201/a%20b'],
      ['https://h/v1', 'a//b', 'https://h/v1/a//b'],
      ['https://h/v1', 'a/b:c', 'https://h/v1/a/b:c'],
      ['https://h/v1', '/a:b/c', 'https://h/v1/a:b/c'],
      ['https://h/v1', '7:30', 'https://h/v1/7:30'],
    ];
    for (const [base, given, result] of cases) {
      t.equal(join(base, given), result, `${base} and ${JSON.stringify(given)}`);
    }
  },
);

t.test('a query of the base’s stays, and what is given is added to it', async (t) => {
  const cases: [given: string, result: string][] = [
    ['', 'https://h/v1?key=k'],
    ['users', 'https://h/v1/users?key=k'],
    ['users?a=1', 'https://h/v1/users?key=k&a=1'],
    ['?a=1', 'https://h/v1?key=k&a=1'],
    ['users?', 'https://h/v1/users?key=k'],
    ['users?a=1#f?x', 'https://h/v1/users?key=k&a=1#f?x'],
    ['users#f', 'https://h/v1/users?key=k#f'],
    ['users?a=b?c', 'https://h/v1/users?key=k&a=b?c'],
  ];
  for (const [given, result] of cases) t.equal(join('https://h/v1?key=k', given), result, given);
  t.equal(join('https://h?key=k', 'users'), 'https://h/users?key=k');
  t.equal(join('https://h/v1?', 'users'), 'https://h/v1/users');
});

t.test('an absolute URL has to be of the same origin, unless others are allowed', async (t) => {
  for (const same of [
    'https://h/other',
    'https://h:443/other',
    'HTTPS://H/other',
    '//h/other',
    new URL('https://h/other'),
  ]) {
    t.equal(join('https://h/v1', same), 'https://h/other');
  }
  const others = [
    'https://other/x',
    'http://h/x',
    'https://h:444/x',
    'https://h.other/x',
    '//other/x',
    '///other/x',
    '//u:p@other/',
    'https://h@other/x',
    'HTTPS://OTHER/',
    'ftp://h/x',
    'https:other/x',
    'https:\\\\other\\x',
  ];
  for (const other of others) {
    t.throws(
      () => join('https://h/v1', other),
      {
        name: 'InvalidURLError',
        message: /is of another origin than the base URL/,
      },
      other,
    );
    const text = other.replace(/^\/\/\/?/, 'https://');
    t.equal(join('https://h/v1', other, true), Destination.from(text).href);
  }
  t.throws(() => join('https://h/v1', new URL('https://other/')), { name: 'InvalidURLError' });
  t.equal(join('https://h/v1', new URL('https://other/x'), true), 'https://other/x');
});

t.test('what has a scheme and no host is no URL, allowed or not', async (t) => {
  for (const url of [
    'mailto:a@b',
    'javascript:alert(1)',
    'users:7',
    'https://',
    'https://h:99999/',
  ]) {
    t.throws(() => join('https://h/v1', url), { name: 'InvalidURLError' }, url);
    t.throws(() => join('https://h/v1', url, true), { name: 'InvalidURLError' }, url);
  }
});

t.test('dots do not lead out of the base', async (t) => {
  const out = [
    '..',
    '../',
    '../x',
    '/../x',
    'a/../..',
    'a/../../x',
    '%2e%2e/x',
    '.%2E/x',
    '%2e./x',
    '..\\x',
    'a/..\\..\\x',
    'a/./../../x',
    '.\t./x',
    '.\n./x',
    '%2\te%2e/x',
    '\t../x',
    '.\r\n.',
    '../v10',
    '../v1x/y',
    '../?a=1',
    '..#f',
    '../V1',
  ];
  for (const url of out) {
    t.throws(
      () => join('https://h/v1', url),
      { name: 'InvalidURLError', message: /leads out of the base URL "https:\/\/h\/v1"$/ },
      JSON.stringify(url),
    );
    t.throws(() => join('https://h/v1?key=k', url), { name: 'InvalidURLError' });
    t.throws(() => join('https://h/v1', url, true), { name: 'InvalidURLError' });
  }
  const inside: [string, string][] = [
    ['a/../b', 'https://h/v1/b'],
    ['../v1/b', 'https://h/v1/b'],
    ['../v1', 'https://h/v1'],
    ['a/..', 'https://h/v1/'],
    ['./b', 'https://h/v1/b'],
    ['a..b/...', 'https://h/v1/a..b/...'],
    ['b?c=../../d', 'https://h/v1/b?c=../../d'],
    ['b#../../d', 'https://h/v1/b#../../d'],
    ['..%2fx', 'https://h/v1/..%2fx'],
    ['a\tb', 'https://h/v1/ab'],
  ];
  for (const [url, result] of inside) t.equal(join('https://h/v1', url), result);
  t.equal(join('https://h', '../../x'), 'https://h/x', 'there is nothing above an origin');
});

t.test(
  'whatever is given, the result is below the base, or of its origin where it was absolute, or an error',
  async (t) => {
    const r = random(20_268);
    const parts = '/|..|.|%2e|\\|?|#|\t|\n| |@|:|a|v1|//other|https:|https://h|\0|é'.split('|');
    for (const base of ['https://h/v1', 'https://h/v1/', 'https://h/v1?key=k', 'https://h']) {
      const { origin, target } = Destination.from(base);
      const prefix = origin + (target.split('?')[0] ?? '').replace(/\/$/, '');
      const baseURL = new BaseURL(base, false);
      for (let round = 0; round < 5000; round++) {
        const given = Array.from({ length: r.int(0, 6) }, () => r.pick(parts)).join('');
        let joined: Destination;
        try {
          joined = Destination.from(baseURL.join(given));
        } catch (error) {
          if (!(error instanceof InvalidURLError))
            t.fail(`${JSON.stringify(given)}: ${String(error)}`);
          continue;
        }
        const below =
          joined.href === prefix ||
          ['/', '?', '#'].some((next) => joined.href.startsWith(prefix + next));
        const absolute = /^(\/\/|https:)/.test(given) && joined.origin === origin;
        if (!below && !absolute) t.fail(`${JSON.stringify(given)} below ${base} is ${joined.href}`);
      }
    }
  },
);

t.test('credentials of the base’s are for what is below it, and for its origin', async (t) => {
  const base = new BaseURL('https://user:pass@h/v1', true);
  for (const url of [
    'users',
    '/users',
    '../v1/x',
    'https://h/other',
    '//h/other',
    new URL('https://h/x'),
  ]) {
    const destination = Destination.from(base.join(url));
    t.same(destination.credentials, ['user', 'pass'], String(url));
    t.notMatch(destination.href, 'pass');
  }
  t.same(
    Destination.from(base.join('https://v:q@h/x')).credentials,
    ['v', 'q'],
    'those that are given win',
  );
  t.equal(Destination.from(base.join('https://other/x')).credentials, null);
  t.equal(Destination.from(base.join('http://h/x')).credentials, null);
});

t.test('what docs/base-url.md says in its table is so', async (t) => {
  const rows = Array.from(page.matchAll(/^\| `(\S+)` \| (.+?) \| (.+?) \|/gm), (row) =>
    row.slice(1),
  );
  t.ok(rows.length > 20, `${rows.length} rows`);
  for (const [base = '', given = '', result = ''] of rows) {
    const url = given === 'nothing' ? '' : code(given);
    const name = `${base} and ${given}`;
    if (result === 'refused') {
      t.throws(() => join(base, url), { name: 'InvalidURLError' }, name);
      // What is refused for its origin alone is let through with allowAbsoluteUrls; nothing else is.
      const isElsewhere = /^([a-z]+:)?\/\//.test(url);
      if (isElsewhere) t.doesNotThrow(() => join(base, url, true), name);
      else t.throws(() => join(base, url, true), { name: 'InvalidURLError' }, name);
    } else t.equal(join(base, url), code(result), name);
  }
});

function code(cell: string): string {
  const [, text] = /^`(.*)`$/.exec(cell) ?? [];
  if (text === undefined) throw new Error(`expected code, got ${cell}`);
  return text;
}

t.test('whether other origins are allowed is true or false', async (t) => {
  for (const bad of ['yes', 1, null, undefined]) {
    t.throws(() => new BaseURL('https://h', bad as never), {
      name: 'TypeError',
      message: /^allowAbsoluteUrls: expected true or false, got /,
    });
  }
});

t.test('a base is an absolute URL', async (t) => {
  for (const base of ['', '/v1', 'h/v1', 'mailto:a@b']) {
    t.throws(() => new BaseURL(base, false), { name: 'InvalidURLError' });
  }
  t.throws(() => new BaseURL(7 as never, false), TypeError);
  t.equal(
    Destination.from(new BaseURL(new URL('https://h/v1'), false).join('x')).href,
    'https://h/v1/x',
  );
});

t.test('what is joined is a string or a URL', async (t) => {
  for (const url of [undefined, null, 7, {}])
    t.throws(() => join('https://h/v1', url as never), TypeError);
});

t.test('errors show neither credentials nor queries', async (t) => {
  for (const [base, url] of [
    ['https://u:s3cret@h/v1?key=s3cret', '../x?key=s3cret'],
    ['https://u:s3cret@h/v1?key=s3cret', 'https://u:s3cret@other/x?key=s3cret'],
    ['https://u:s3cret@h/v1', '//u:s3cret@other/#s3cret'],
  ] as const) {
    try {
      join(base, url);
      t.fail(url);
    } catch (error) {
      t.notMatch((error as Error).message, 's3cret');
    }
  }
  t.throws(() => join('https://h/v1', 'https://registry:8443/@scope/name?x'), {
    message:
      '"https://registry:8443/@scope/name" is of another origin than the base URL "https://h/v1" (allowAbsoluteUrls is false)',
  });
});
