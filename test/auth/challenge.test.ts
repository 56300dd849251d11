import t from 'tap';
import { parseChallenges, parseParams } from '../../src/auth/challenge.ts';

type Short = [scheme: string, params: Record<string, string> | string];

/** Challenges in short: the scheme, and its parameters or its token68. */
function read(...fields: string[]): Short[] {
  return parseChallenges(fields).map(({ scheme, token68, params }) => [
    scheme,
    token68 ?? Object.fromEntries(params),
  ]);
}

const CASES: readonly [why: string, fields: string[], expected: Short[]][] = [
  ['one', ['Basic realm="simple"'], [['basic', { realm: 'simple' }]]],
  [
    'the example of RFC 9110 §11.6.1',
    ['Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'],
    [
      ['basic', { realm: 'simple' }],
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
    ],
  ],
  [
    'several fields',
    ['Basic realm="a"', 'Digest realm="b", nonce="n"'],
    [
      ['basic', { realm: 'a' }],
      ['digest', { realm: 'b', nonce: 'n' }],
    ],
  ],
  ['a scheme alone', ['Negotiate'], [['negotiate', {}]]],
  [
    'schemes alone',
    ['Negotiate, NTLM ,Basic'],
    [
      ['negotiate', {}],
      ['ntlm', {}],
      ['basic', {}],
    ],
  ],
  [
    'a token68, and what comes behind it',
    ['Negotiate oRQwEqADCgEAo/+~==, Basic realm=x'],
    [
      ['negotiate', 'oRQwEqADCgEAo/+~=='],
      ['basic', { realm: 'x' }],
    ],
  ],
  ['commas in quotes', ['Basic realm="a, Digest b=c"'], [['basic', { realm: 'a, Digest b=c' }]]],
  [
    'white space around =',
    ['Digest realm \t=\t "r" , nonce = n'],
    [['digest', { realm: 'r', nonce: 'n' }]],
  ],
  [
    'empty list elements',
    [', ,Basic realm="r",, charset="UTF-8",'],
    [['basic', { realm: 'r', charset: 'UTF-8' }]],
  ],
  ['an empty quoted-string', ['Basic realm=""'], [['basic', { realm: '' }]]],
  ['a quoted backslash', ['Basic realm="a\\\\b\\c"'], [['basic', { realm: 'a\\bc' }]]],
  ['names do not depend on case', ['DIGEST ReAlM="R"'], [['digest', { realm: 'R' }]]],
  ['the last of two', ['Digest nonce=1, nonce=2'], [['digest', { nonce: '2' }]]],
  [
    'base64 without quotes',
    ['Digest nonce=ab/c==, realm=r'],
    [['digest', { nonce: 'ab/c==', realm: 'r' }]],
  ],
  ['nothing', [''], []],
  ['commas alone', [',,, ,'], []],
  ['a parameter of nobody', ['realm="x", Basic'], [['basic', {}]]],
  ['a quote without an end', ['Basic realm="x, Digest nonce="n'], [['basic', {}]]],
  [
    'a field without an end does not take the next',
    ['Basic realm="x', 'Digest nonce=n'],
    [
      ['basic', {}],
      ['digest', { nonce: 'n' }],
    ],
  ],
  ['a name and = alone are a token68', ['Digest realm='], [['digest', 'realm=']]],
  ['text behind a quoted-string', ['Digest realm="a"b, nonce=n'], [['digest', { nonce: 'n' }]]],
  ['a scheme that is none', ['Ba(sic realm="x", Digest nonce=n'], [['digest', { nonce: 'n' }]]],
];

for (const [why, fields, expected] of CASES) {
  t.test(`challenges: ${why}`, async (t) => {
    t.strictSame(read(...fields), expected);
  });
}

t.test('a parameter called like a property of objects is a parameter', async (t) => {
  const [challenge] = parseChallenges(['X __proto__=a, constructor="b"']);
  t.equal(challenge?.params.get('__proto__'), 'a');
  t.equal(challenge?.params.get('constructor'), 'b');
  t.equal(challenge?.params.get('tostring'), undefined);
});

t.test('hostile fields are read in a time that grows with their length alone', async (t) => {
  const size = 200_000;
  for (const hostile of [
    'a'.repeat(size),
    `X ${'a'.repeat(size)}`,
    `X ${'='.repeat(size)}`,
    `X a="${'\\'.repeat(size)}`,
    `X a="${'\\"'.repeat(size / 2)}`,
    `X ${'a="'.repeat(size / 3)}`,
    'X a='.repeat(size / 4),
    `X${' '.repeat(size)}a`,
    'a b '.repeat(size / 4),
    '"'.repeat(size),
    `${'('.repeat(size)}`,
    ', '.repeat(size / 2),
  ]) {
    const started = performance.now();
    parseChallenges([hostile]);
    parseParams(hostile);
    const elapsed = performance.now() - started;
    t.ok(elapsed < 1000, `${hostile.slice(0, 12)}…: ${elapsed.toFixed(0)} ms`);
  }
});

t.test('of very many challenges only the first are read', async (t) => {
  t.equal(read(...Array.from({ length: 64 }, () => 'Basic')).length, 64);
  t.equal(read(...Array.from({ length: 65 }, () => 'Basic')).length, 64);
});

t.test('parameters alone, as in Authentication-Info', async (t) => {
  t.strictSame(Object.fromEntries(parseParams('nextnonce="n2", qop=auth, junk, rspauth="ab"')), {
    nextnonce: 'n2',
    qop: 'auth',
    rspauth: 'ab',
  });
});
