import t from 'tap';
import { parseChallenges, parseParams } from '../../src/auth/challenge.ts';
import { digestChallenges, type DigestChallenge } from '../../src/auth/digest-challenge.ts';
import { DigestSession } from '../../src/auth/digest-session.ts';
import { hashNamed } from '../../src/auth/hash.ts';
import { Request } from '../../src/messages/request.ts';

function challengeIn(...fields: string[]): DigestChallenge {
  const [challenge] = digestChallenges(parseChallenges(fields));
  if (challenge === undefined) throw new Error('no challenge');
  return challenge;
}

async function sessionOf(
  field: string,
  user: string,
  password: string,
  cnonce?: string,
): Promise<DigestSession> {
  const challenge = challengeIn(field);
  const hash = await hashNamed(challenge.hash);
  if (hash === null) throw new Error('no hash');
  return new DigestSession(
    challenge,
    hash,
    [user, password],
    cnonce === undefined ? undefined : () => cnonce,
  );
}

/** The parameters of what is sent. */
function paramsOf(value: string | null): Record<string, string> {
  return Object.fromEntries(parseParams((value ?? '').replace(/^Digest /, '')));
}

const MUFASA = ['Mufasa', 'Circle of Life'] as const;
const REALM = 'http-auth@example.org';
const NONCE = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
const OPAQUE = 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS';
const INDEX = new Request('GET', 'http://www.example.org/dir/index.html');

for (const [algorithm, response] of [
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
] as const) {
  t.test(`the answer of RFC 7616 §3.9.1 with ${algorithm}`, async (t) => {
    const session = await sessionOf(
      `Digest realm="${REALM}", qop="auth, auth-int", algorithm=${algorithm}, nonce="${NONCE}", opaque="${OPAQUE}"`,
      ...MUFASA,
      CNONCE,
    );
    t.equal(
      await session.authorization(INDEX),
      `Digest username="Mufasa", realm="${REALM}", nonce="${NONCE}", uri="/dir/index.html", algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="${CNONCE}", response="${response}", opaque="${OPAQUE}"`,
    );
  });
}

t.test('the answer of RFC 7616 §3.9.2, as its erratum 4897 has it', async (t) => {
  const session = await sessionOf(
    'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true',
    'J\u00e4s\u00f8n Doe',
    'Secret, or not?',
    'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
  );
  const sent = paramsOf(
    await session.authorization(new Request('GET', 'http://api.example.org/doe.json')),
  );
  t.match(sent, {
    username: '793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b',
    response: '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5',
    userhash: 'true',
  });
});

t.test('the answer of RFC 2617 §3.5', async (t) => {
  const session = await sessionOf(
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    'Mufasa',
    'Circle Of Life',
    '0a4f113b',
  );
  const sent = paramsOf(await session.authorization(INDEX));
  t.equal(sent['response'], '6629fae49393a05397450978507c4ef1');
  t.notOk('algorithm' in sent, 'what the server did not name is not named');
});

t.test('without qop there is neither count nor cnonce (RFC 2069)', async (t) => {
  const session = await sessionOf(
    'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
    'Mufasa',
    'Circle Of Life',
  );
  const sent = paramsOf(await session.authorization(INDEX));
  t.strictSame(Object.keys(sent), ['username', 'realm', 'nonce', 'uri', 'response']);
  t.equal(sent['response'], '670fd8c2df070c60b045671b8b24ff02');
});

t.test('a nonce is counted, and no two requests have the same count', async (t) => {
  const session = await sessionOf('Digest realm=r, nonce=n, qop=auth', 'u', 'p');
  const sent = await Promise.all(
    Array.from({ length: 20 }, () => session.authorization(INDEX).then(paramsOf)),
  );
  t.same(
    new Set(sent.map(({ nc }) => nc)),
    new Set(sent.map((_, at) => (at + 1).toString(16).padStart(8, '0'))),
  );
  t.equal(new Set(sent.map(({ cnonce }) => cnonce)).size, 20);
});

t.test('with -sess the key is made once, so that the cnonce stays', async (t) => {
  for (const algorithm of ['MD5-sess', 'SHA-256-sess', 'SHA-512-256-sess']) {
    const session = await sessionOf(
      `Digest realm=r, nonce=n, qop=auth, algorithm=${algorithm}`,
      'u',
      'p',
    );
    const [first, second] = [
      paramsOf(await session.authorization(INDEX)),
      paramsOf(await session.authorization(INDEX)),
    ];
    t.equal(first['algorithm'], algorithm);
    t.equal(first['cnonce'], second['cnonce']);
    t.not(first['response'], second['response']);
  }
});

t.test('auth-int hashes the body, in memory or from a stream that can be had again', async (t) => {
  const session = (): Promise<DigestSession> =>
    sessionOf('Digest realm=r, nonce=n, qop="auth-int", algorithm=SHA-256', 'u', 'p', 'c');
  const post = (body: RequestBody): Request => new Request('POST', 'http://h/x', { body });
  const whole = await (await session()).authorization(post('hello'));
  t.match(paramsOf(whole), { qop: 'auth-int' });
  t.equal(await (await session()).authorization(post(new Blob(['hel', 'lo']))), whole);
  t.not(await (await session()).authorization(post('hullo')), whole);
  async function* once(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode('hello');
  }
  t.equal(await (await session()).authorization(post(once())), null, 'but from no other');
});

type RequestBody = string | Blob | AsyncIterable<Uint8Array>;

t.test('a name beyond ASCII goes as the server can take it', async (t) => {
  const name = 'J\u00e4s\u00f8n';
  const plain = await sessionOf('Digest realm=r, nonce=n', name, 'p');
  t.match(await plain.authorization(INDEX), /^Digest username="J\u00c3\u00a4s\u00c3\u00b8n", /);
  const utf8 = await sessionOf('Digest realm=r, nonce=n, charset=UTF-8', name, 'p');
  t.match(await utf8.authorization(INDEX), /^Digest username\*=UTF-8''J%C3%A4s%C3%B8n, /);
  const decomposed = await sessionOf(
    'Digest realm=r, nonce=n, charset=UTF-8',
    name.normalize('NFD'),
    'p',
  );
  t.equal(await decomposed.authorization(INDEX), await utf8.authorization(INDEX));
});

t.test('quotes and backslashes go quoted', async (t) => {
  const session = await sessionOf('Digest realm="My \\"Cool\\" Realm", nonce=n', 'a"b\\c', 'p');
  const sent = await session.authorization(INDEX);
  t.match(sent, /username="a\\"b\\\\c", realm="My \\"Cool\\" Realm"/);
});

t.test('the request-target that is sent is what is hashed', async (t) => {
  const session = await sessionOf('Digest realm=r, nonce=n', 'u', 'p');
  const sent = await session.authorization(
    new Request('OPTIONS', 'http://h/x?y=1', { target: '*' }),
  );
  t.equal(paramsOf(sent)['uri'], '*');
  t.equal(
    paramsOf(await session.authorization(new Request('GET', 'http://h/x?y=1')))['uri'],
    '/x?y=1',
  );
});

t.test('of several challenges the strongest is first, of equals the first', async (t) => {
  const fields = ['MD5', 'SHA-256', 'SHA-512-256', 'SHA-256-sess', 'SHA-9999'].map(
    (algorithm) => `Digest realm=r, nonce=${algorithm}, algorithm=${algorithm}`,
  );
  t.strictSame(
    digestChallenges(parseChallenges(fields)).map(({ nonce }) => nonce),
    ['SHA-512-256', 'SHA-256', 'SHA-256-sess', 'MD5'],
  );
});

t.test('what is not known is not guessed at', async (t) => {
  for (const field of [
    'Basic realm=r, nonce=n',
    'Digest realm=r',
    'Digest nonce=n, algorithm=SHA-1',
    'Digest nonce=n, algorithm=MD5-session',
    'Digest nonce=n, qop=auth-conf',
    'Digest nonce=n, qop=""',
  ]) {
    t.strictSame(digestChallenges(parseChallenges([field])), [], field);
  }
});

t.test('a domain bounds where a nonce is used unasked', async (t) => {
  const session = await sessionOf(
    'Digest realm=r, nonce=n, domain="/private http://other/ http://h/also"',
    'u',
    'p',
  );
  const covers = (path: string): boolean => session.covers(new Request('GET', `http://h${path}`));
  t.strictSame(['/private/x', '/also', '/', '/public'].map(covers), [true, true, false, false]);
});
