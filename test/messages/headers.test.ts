import { inspect } from 'node:util';
import t from 'tap';
import {
  hasFramingFields,
  Headers,
  type HeadersInit,
  isToken,
  receivedHeaders,
} from '../../src/messages/headers.ts';
import { type Random, random } from '../support/random.ts';

const PlatformHeaders = globalThis.Headers;

/** Input that the types refuse, as JavaScript would give it. */
const untyped = (init: unknown): HeadersInit => init as HeadersInit;

t.test('headers are made of a record, pairs, a Map, a generator, or other headers', async (t) => {
  const pairs = [
    ['Accept', 'text/html'],
    ['X-Id', '7'],
  ] as const;
  const inits: HeadersInit[] = [
    { Accept: 'text/html', 'X-Id': '7' },
    pairs,
    new Map(pairs),
    (function* () {
      yield* pairs;
    })(),
    new Headers(pairs),
  ];
  for (const init of inits) t.same([...new Headers(init)], pairs);
  t.same(
    [...new Headers(new PlatformHeaders({ Accept: 'a', 'X-Id': '7' }))],
    [
      ['accept', 'a'],
      ['x-id', '7'],
    ],
  );
  t.same([...new Headers()], []);
});

t.test('in a record, a list repeats the field, and null and undefined are not there', async (t) => {
  const headers = new Headers({ a: ['1', '2'], b: null, c: undefined, d: [] });
  t.same(
    [...headers],
    [
      ['a', '1'],
      ['a', '2'],
    ],
  );
});

t.test('order, case and repetitions are kept', async (t) => {
  const pairs: [string, string][] = [
    ['X-B', '1'],
    ['x-a', '2'],
    ['X-b', '3'],
  ];
  const headers = new Headers(pairs);
  t.same([...headers], pairs);
  t.same([...headers.entries()], pairs);
  t.same([...headers.keys()], ['X-B', 'x-a', 'X-b']);
  t.same([...headers.values()], ['1', '2', '3']);
  t.equal(headers.toString(), '\r\nX-B: 1\r\nx-a: 2\r\nX-b: 3');
  const seen: unknown[] = [];
  headers.forEach((value, name, all) => seen.push([name, value, all === headers]));
  t.same(seen[2], ['X-b', '3', true]);
});

t.test(
  'names do not depend on case; a name is not found inside of another, or in a value',
  async (t) => {
    const headers = new Headers({ 'X-Long-Name': 'x-a: 1', 'Content-Type': 'a/b' });
    t.equal(headers.get('CONTENT-type'), 'a/b');
    for (const name of ['Name', 'X-Long', 'x-a', 'type', 'a', '']) {
      t.equal(headers.get(name), null, name);
      t.equal(headers.has(name), false, name);
      t.same(headers.getAll(name), [], name);
    }
  },
);

t.test('several values are joined by a comma; Set-Cookie is had one by one', async (t) => {
  const headers = new Headers([
    ['Set-Cookie', 'a=1, b'],
    ['Vary', 'a'],
    ['set-cookie', 'c=2'],
    ['vary', ''],
    ['VARY', 'b'],
  ]);
  t.equal(headers.get('vary'), 'a, , b');
  t.same(headers.getAll('vary'), ['a', '', 'b']);
  t.same(headers.getSetCookie(), ['a=1, b', 'c=2']);
  t.same(headers.toJSON(), { 'set-cookie': ['a=1, b', 'c=2'], vary: 'a, , b' });
  t.equal(JSON.stringify(headers), '{"set-cookie":["a=1, b","c=2"],"vary":"a, , b"}');
});

t.test('each change makes new headers, and the old ones stay', async (t) => {
  const headers = new Headers({ A: '1', B: '2' });
  const changed: [Headers, string][] = [
    [headers.with('a', '3'), '\r\na: 3\r\nB: 2'],
    [headers.with('a', ['3', '4']), '\r\na: 3\r\na: 4\r\nB: 2'],
    [headers.with('b', []), '\r\nA: 1'],
    [headers.with('C', '3'), '\r\nA: 1\r\nB: 2\r\nC: 3'],
    [headers.with('C', []), '\r\nA: 1\r\nB: 2'],
    [headers.withAppended('a', '3'), '\r\nA: 1\r\nB: 2\r\na: 3'],
    [headers.withAppended('a', ['3', '4']), '\r\nA: 1\r\nB: 2\r\na: 3\r\na: 4'],
    [headers.withDefault('C', '3'), '\r\nA: 1\r\nB: 2\r\nC: 3'],
    [headers.without('a'), '\r\nB: 2'],
    [headers.merge({ b: '3', C: '4' }), '\r\nA: 1\r\nb: 3\r\nC: 4'],
    [headers.merge({ b: null, a: undefined }), '\r\nA: 1'],
    [headers.merge([['b', '3']]), '\r\nA: 1\r\nb: 3'],
    [headers.merge(new Headers({ b: '3' })), '\r\nA: 1\r\nb: 3'],
    [headers.merge(new PlatformHeaders({ b: '3' })), '\r\nA: 1\r\nb: 3'],
    [new Headers().merge({ a: '1' }), '\r\na: 1'],
  ];
  for (const [result, wire] of changed) t.equal(result.toString(), wire);
  t.equal(headers.toString(), '\r\nA: 1\r\nB: 2');
});

t.test('merge replaces by what can be iterated once, too', async (t) => {
  const once = new Map([['a', '2']]).entries();
  t.equal(new Headers({ A: '1' }).merge(once).toString(), '\r\na: 2');
});

t.test('a repeated field that is replaced stands where the first one stood', async (t) => {
  const headers = new Headers([
    ['a', '1'],
    ['b', '2'],
    ['A', '3'],
    ['c', '4'],
  ]);
  t.equal(headers.with('a', '5').toString(), '\r\na: 5\r\nb: 2\r\nc: 4');
});

t.test('what changes nothing gives the same headers back', async (t) => {
  const headers = new Headers({ a: '1' });
  t.equal(headers.without('b'), headers);
  t.equal(headers.withDefault('A', '2'), headers);
  t.equal(headers.merge(undefined), headers);
  t.equal(Headers.from(headers), headers);
  t.equal(Headers.from(undefined), Headers.from(undefined));
  t.same([...Headers.from({ a: '1' })], [['a', '1']]);
});

t.test('white space around a value is dropped, and only that', async (t) => {
  const headers = new Headers({ a: ' \t x \t y\t ', b: '   ', c: '' });
  t.same([...headers.values()], ['x \t y', '', '']);
  t.equal(new Headers({ a: '\u00a0x\u00a0' }).get('a'), '\u00a0x\u00a0');
});

const NOT_NAMES = [
  '',
  ' ',
  'a b',
  'a:',
  ':a',
  'a\r\n',
  'a\nb',
  'ä',
  'a\0',
  'a(',
  '"a"',
  'a/b',
  'a@',
  '\u212a',
];
const NOT_VALUES = [
  'a\rb',
  'a\nb',
  'a\r\nb: c',
  '\r\n',
  'a\n',
  '\0',
  'a\x01',
  '\x1b[0m',
  '\x7f',
  '€',
  '\ud800',
];

t.test('a name that is no token is a TypeError', async (t) => {
  for (const name of NOT_NAMES) {
    t.throws(() => new Headers({ [name]: 'x' }), TypeError, JSON.stringify(name));
    t.throws(() => new Headers().with(name, 'x'), TypeError);
    t.throws(() => new Headers().withAppended(name, 'x'), TypeError);
    t.throws(() => new Headers().withDefault(name, 'x'), TypeError);
    t.throws(() => new Headers({ a: '1' }).merge({ [name]: 'x' }), TypeError);
    t.equal(isToken(name), false);
  }
  t.throws(() => new Headers({ 'a b': '' }), {
    message: 'header name: expected a token (RFC 9110 §5.6.2), got "a b"',
  });
  t.ok(isToken("!#$%&'*+-.^_`|~09AZaz"));
});

t.test(
  'a value with CR, LF, NUL, another control or beyond latin1 is a TypeError that does not quote it',
  async (t) => {
    for (const value of NOT_VALUES) {
      const secret = `s3cret${value}`;
      for (const make of [
        () => new Headers({ 'X-Key': secret }),
        () => new Headers({ 'X-Key': ['fine', secret] }),
        () => new Headers([['X-Key', secret]]),
        () => new Headers().with('X-Key', secret),
        () => new Headers().withAppended('X-Key', ['fine', secret]),
        () => new Headers({ a: '1' }).merge({ 'X-Key': secret }),
      ]) {
        t.throws(make, { name: 'TypeError', message: /^header X-Key: / }, JSON.stringify(value));
        try {
          make();
        } catch (error) {
          t.notMatch((error as Error).message, 's3cret');
        }
      }
    }
    t.throws(() => new Headers({ a: 'x\r\n' }), {
      message: 'header a: the value has a character that HTTP does not allow there, U+000D',
    });
    t.equal(new Headers({ a: '\t\x20~\x80\xff' }).get('a'), '~\x80\xff');
  },
);

t.test('what is no string, record or pair is a TypeError that says what came', async (t) => {
  const cases: [() => unknown, RegExp][] = [
    [() => new Headers(untyped(null)), /^headers: expected a record, pairs or Headers, got null$/],
    [() => new Headers(untyped('a: b')), /got string$/],
    [() => new Headers(untyped([['a']])), /^headers: expected pairs/],
    [() => new Headers(untyped([['a', 'b', 'c']])), /^headers: expected pairs/],
    [() => new Headers(untyped(['ab'])), /^headers: expected pairs/],
    [() => new Headers(untyped({ a: 1 })), /^header a: expected a string, got number$/],
    [() => new Headers(untyped({ a: [1] })), /^header a: expected a string, got number$/],
    [() => new Headers(untyped({ a: [null] })), /^header a: expected a string, got null$/],
    [() => new Headers(untyped([[1, 'a']])), /^header name: expected a token .*, got number$/],
    [() => new Headers().with('a', 1 as never), /^header a: expected a string, got number$/],
    [
      () => new Headers().withAppended('a', null as never),
      /^header a: expected a string, got null$/,
    ],
    [
      () => new Headers().with('a', undefined as never),
      /^header a: expected a string, got undefined$/,
    ],
    [() => new Headers().merge(untyped(null)), /got null$/],
  ];
  for (const [make, message] of cases) t.throws(make, { name: 'TypeError', message });
});

t.test('names such as __proto__ and constructor are fields like any other', async (t) => {
  const headers = new Headers([
    ['__proto__', '1'],
    ['constructor', '2'],
  ]);
  t.equal(headers.get('__proto__'), '1');
  t.same(Object.entries(headers.toJSON()), [
    ['__proto__', '1'],
    ['constructor', '2'],
  ]);
});

t.test('inspecting headers shows neither credentials nor cookies', async (t) => {
  const headers = new Headers({
    Accept: 'text/html',
    Authorization: 'Bearer s3cret',
    'Proxy-Authorization': 's3cret',
    Cookie: 's3cret',
    'Set-Cookie': 's3cret',
    'X-API-Key': 's3cret',
  });
  t.equal(
    inspect(headers),
    'Headers { Accept: text/html, Authorization: …, Proxy-Authorization: …, Cookie: …, Set-Cookie: …, X-API-Key: … }',
  );
});

t.test('nor what is called like a credential', async (t) => {
  const headers = new Headers({
    'X-Session-Token': 's3cret',
    'X-Goog-Api-Key': 's3cret',
    Age: '1',
  });
  t.equal(inspect(headers), 'Headers { X-Session-Token: …, X-Goog-Api-Key: …, Age: 1 }');
});

t.test('headers off the wire are read as they came', async (t) => {
  const headers = receivedHeaders('\r\nA:1\r\nB: \t2 \r\nSet-Cookie:\r\na:  \xff3');
  t.same(
    [...headers],
    [
      ['A', '1'],
      ['B', '2'],
      ['Set-Cookie', ''],
      ['a', '\xff3'],
    ],
  );
  t.equal(headers.get('a'), '1, \xff3');
  t.equal(headers.without('b').toString(), '\r\nA: 1\r\nSet-Cookie: \r\na: \xff3');
});

t.test('fields that frame or route are known, however they came in', async (t) => {
  const plain = new Headers({ 'content-type': 'a/b', 'keep-aliv': '1', hosts: 'x' });
  t.equal(hasFramingFields(plain), false);
  for (const name of [
    'Host',
    'CONTENT-LENGTH',
    'transfer-encoding',
    'Connection',
    'te',
    'Expect',
  ]) {
    for (const headers of [
      new Headers({ [name]: '1' }),
      plain.with(name, '1'),
      plain.withAppended(name, '1'),
      plain.withDefault(name, '1'),
      plain.merge({ [name]: '1' }),
      new Headers().merge(new Headers({ [name]: '1' })),
      new Headers(new Headers({ [name]: '1' })),
      receivedHeaders(`\r\nA: b\r\n${name}: 1`),
    ]) {
      t.equal(hasFramingFields(headers), true, name);
      t.equal(hasFramingFields(headers.without(name)), false, name);
      t.equal(hasFramingFields(headers.with('x', '1')), true, name);
    }
  }
});

// Against the platform's, on random input. It sorts, lowers names and has its own rule for `cookie`; all else agrees.

const NAMES = ['a', 'B', 'b', 'A', 'Set-Cookie', 'set-cookie', 'X-One', 'x-ONE', 'Content-Type'];

function randomValue(r: Random): string {
  const length = r.int(0, 6);
  return Array.from({ length }, () =>
    r.pick(['x', 'Y', ' ', '\t', ',', ':', '\xe9', '\xff', '=']),
  ).join('');
}

t.test(
  'get, has, getSetCookie and iteration agree with the platform’s Headers, after any changes',
  async (t) => {
    const r = random(20_261);
    for (let round = 0; round < 400; round++) {
      const pairs = Array.from({ length: r.int(0, 5) }, (): [string, string] => [
        r.pick(NAMES),
        randomValue(r),
      ]);
      let ours = new Headers(pairs);
      const theirs = new PlatformHeaders(pairs);
      for (let step = r.int(0, 4); step > 0; step--) {
        const [name, value] = [r.pick(NAMES), randomValue(r)];
        switch (r.int(0, 2)) {
          case 0:
            ours = ours.with(name, value);
            theirs.set(name, value);
            break;
          case 1:
            ours = ours.withAppended(name, value);
            theirs.append(name, value);
            break;
          default:
            ours = ours.without(name);
            theirs.delete(name);
        }
      }
      const trail = JSON.stringify([...ours]);
      for (const name of NAMES) {
        if (ours.get(name) !== theirs.get(name) || ours.has(name) !== theirs.has(name))
          t.fail(`${name} in ${trail}`);
      }
      t.same(ours.getSetCookie(), theirs.getSetCookie(), trail);
      t.same([...new PlatformHeaders([...ours])], [...theirs], trail);
    }
  },
);

t.test(
  'names are taken where the platform takes them, values where it does and HTTP does',
  async (t) => {
    const r = random(20_262);
    const characters = 'aZ09-_!~|\'"(),/:;<=>?@[\\]{} \t\r\n\0\x01\x1f\x7f\x80\xff€';
    const accepts = (make: () => unknown): boolean => {
      try {
        make();
        return true;
      } catch (error) {
        if (error instanceof TypeError) return false;
        throw error;
      }
    };
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: r.int(0, 4) }, () => r.pick(characters.split(''))).join('');
      const shown = JSON.stringify(text);
      const name = accepts(() => new Headers([[text, 'v']]));
      if (name !== accepts(() => new PlatformHeaders([[text, 'v']]))) t.fail(`the name ${shown}`);
      const value = accepts(() => new Headers([['n', text]]));
      const platform = accepts(() => new PlatformHeaders([['n', text]]));
      // oxlint-disable-next-line no-control-regex
      if (value !== (platform && !/[\0-\x08\x0a-\x1f\x7f]/.test(text)))
        t.fail(`the value ${shown}`);
    }
  },
);
