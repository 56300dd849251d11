import t from 'tap';
import { bytesOf, storedBody, type StoredBody } from '../../src/cassette/body.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

t.test('a body stands there as what it is', async (t) => {
  const cases: [why: string, body: Uint8Array, stored: StoredBody | undefined][] = [
    ['nothing', bytes(''), undefined],
    ['JSON', bytes('{"b":1,"a":[1,"x"]}'), { json: { b: 1, a: [1, 'x'] } }],
    ['a line behind it', bytes('[1]\n'), { json: [1], end: '\n' }],
    ['indented', bytes('{\n  "a": 1\n}'), { json: { a: 1 }, indent: '  ' }],
    ['by tabs', bytes('{\n\t"a": {}\n}\n'), { json: { a: {} }, indent: '\t', end: '\n' }],
    ['a number that JSON prints in another way', bytes('{"a":1.0}'), { text: '{"a":1.0}' }],
    ['one that is too large', bytes('[12345678901234567890]'), { text: '[12345678901234567890]' }],
    ['a name that is there twice', bytes('{"a":1,"a":2}'), { text: '{"a":1,"a":2}' }],
    ['names that are numbers', bytes('{"b":1,"1":2}'), { text: '{"b":1,"1":2}' }],
    ['spaces of its own', bytes('{"a": 1}'), { text: '{"a": 1}' }],
    ['a name that objects have', bytes('{"__proto__":1}'), undefined],
    ['no JSON', bytes('{oops'), { text: '{oops' }],
    ['a word', bytes('hello'), { text: 'hello' }],
    ['lines', bytes('a\nb\r\n'), { text: ['a', 'b\r', ''] }],
    ['a byte order mark', bytes('\ufeffé'), { text: '\ufeffé' }],
    ['latin1', Uint8Array.of(0xe9, 0x41), { base64: '6UE=' }],
    ['a zero byte', Uint8Array.of(0x41, 0), { base64: 'QQA=' }],
  ];
  for (const [why, body, stored] of cases) {
    if (stored !== undefined) t.strictSame(storedBody(body), stored, why);
    const again = storedBody(body);
    const read = JSON.parse(JSON.stringify({ again })) as { again?: StoredBody };
    t.strictSame(bytesOf(read.again), body, `${why}: the same bytes come back`);
  }
});

t.test('binary is cut in lines', async (t) => {
  const body = Uint8Array.from({ length: 200 }, (_, place) => place);
  const stored = storedBody(body) as { base64: readonly string[] };
  t.strictSame(
    stored.base64.map(({ length }) => length),
    [76, 76, 76, 40],
  );
  t.strictSame(bytesOf(stored), body);
});
