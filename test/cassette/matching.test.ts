import t from 'tap';
import { differences, rulesOf, type MatchRules } from '../../src/cassette/matching.ts';
import { recordedRequest, type RecordedRequest } from '../../src/cassette/recorded-request.ts';
import { Redaction } from '../../src/cassette/redaction.ts';
import { GzipContent } from '../../src/messages/content/gzip.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { collect } from '../support/collect.ts';

async function recorded(method: string, url: string, init?: RequestInit): Promise<RecordedRequest> {
  const request = new Request(method, url, init);
  const body =
    request.content === null ? new Uint8Array(0) : await collect(request.content.stream());
  return recordedRequest(request, body, new Redaction());
}

async function parts(
  a: Promise<RecordedRequest>,
  b: Promise<RecordedRequest>,
  match?: MatchRules,
): Promise<readonly string[]> {
  return differences(rulesOf(match), await a, await b).parts;
}

t.test('method, URL and body have to be the same', async (t) => {
  const one = recorded('POST', 'http://h/a?x=1&y=2', { json: { a: 1, b: [{ c: 'x' }] } });
  const cases: [why: string, other: Promise<RecordedRequest>, differ: string[]][] = [
    ['the same', recorded('POST', 'http://h/a?x=1&y=2', { json: { a: 1, b: [{ c: 'x' }] } }), []],
    [
      'in another order',
      recorded('POST', 'http://h/a?y=2&x=1', { json: { b: [{ c: 'x' }], a: 1 } }),
      [],
    ],
    [
      'with other headers',
      recorded('POST', 'http://h/a?x=1&y=2', {
        json: { a: 1, b: [{ c: 'x' }] },
        headers: { 'x-id': '7' },
      }),
      [],
    ],
    [
      'another one',
      recorded('PUT', 'https://h/b?x=1', { json: { a: 1, b: [{ c: 'y' }] } }),
      ['method', 'origin', 'path', 'query (y)', 'body (at b[0].c)'],
    ],
    [
      'a member more',
      recorded('POST', 'http://h/a?x=1&y=2', { json: { a: 1, b: [{ c: 'x' }], d: null } }),
      ['body (at d)'],
    ],
    ['no JSON', recorded('POST', 'http://h/a?x=1&y=2', { body: 'a' }), ['body']],
    ['another kind of JSON', recorded('POST', 'http://h/a?x=1&y=2', { json: [] }), ['body']],
  ];
  for (const [why, other, differ] of cases) t.strictSame(await parts(one, other), differ, why);
  t.strictSame(
    await parts(recorded('GET', 'http://h/?a=1&a=2'), recorded('GET', 'http://h/?a=2&a=1')),
    ['query (a)'],
    'values of one name have an order',
  );
});

t.test('secrets, codings and boundaries make no difference', async (t) => {
  const form = (password: string): RequestInit => ({
    multipart: { password, file: new Uint8Array([0, 255]) },
  });
  t.strictSame(
    await parts(
      recorded('POST', 'http://h/?token=1', form('p')),
      recorded('POST', 'http://h/?token=2', form('p')),
    ),
    [],
  );
  const text = 'hello '.repeat(100);
  t.strictSame(
    await parts(
      recorded('POST', 'http://h/', { body: new GzipContent(text) }),
      recorded('POST', 'http://h/', { body: text }),
    ),
    [],
  );
  t.strictSame(
    await parts(
      recorded('POST', 'http://h/', { json: { password: 'a' } }),
      recorded('POST', 'http://h/', { json: { password: 'b' } }),
    ),
    [],
  );
});

t.test('rules of your own', async (t) => {
  const a = recorded('GET', 'http://h/1?v=1', {
    headers: { accept: 'a/b', authorization: 'Bearer x' },
  });
  const b = recorded('GET', 'http://h/2?v=1', {
    headers: { accept: 'a/c', authorization: 'Bearer y' },
  });
  t.strictSame(await parts(a, b, ['method', 'origin', 'query']), []);
  t.strictSame(await parts(a, b, ['header:Accept', 'header:authorization']), ['header Accept']);
  const sameStart = (one: RecordedRequest, other: RecordedRequest): boolean =>
    one.url.pathname.slice(0, 2) === other.url.pathname.slice(0, 2);
  t.strictSame(await parts(a, b, [sameStart]), ['what sameStart compares']);
  t.strictSame(await parts(a, b, [(one) => one.text === 'x']), ['what your function compares']);
  for (const match of [['uri'], [1], 'method', ['header:']]) {
    t.throws(() => rulesOf(match as unknown as MatchRules), {
      name: 'TypeError',
      message: /^cassette: match: expected /,
    });
  }
});
