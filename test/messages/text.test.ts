import t from 'tap';
import { charsetOf, checkEncoding, decode, decodeStream } from '../../src/messages/text.ts';

async function* inPieces<T>(...pieces: T[]): AsyncGenerator<T> {
  yield* pieces;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

t.test(
  'the charset of a Content-Type is found, where it names an encoding that is known',
  async (t) => {
    const cases: [string | null, string | null][] = [
      [null, null],
      ['', null],
      ['text/html', null],
      ['text/html; charset=utf-8', 'utf-8'],
      ['text/html;charset=ISO-8859-1', 'iso-8859-1'],
      ['text/html; Charset="Shift_JIS"; q=1', 'shift_jis'],
      ['text/html ; q=1 ; charset = latin1 ', 'latin1'],
      ['text/html; charset=latin1; charset=utf-8', 'latin1'],
      ['text/html; charset=', null],
      ['text/html; charset=""', null],
      ['text/html; charset=klingon', null],
      ['text/html; xcharset=latin1', null],
      ['charset=latin1', null],
      ['text/html; a="; charset=latin1"', null],
      ['text/html; a="\\"; charset=latin1"; charset=utf-16le', 'utf-16le'],
      ['text/html; a="b"; charset=latin1', 'latin1'],
      ['text/html; a="unclosed; charset=latin1', null],
    ];
    for (const [contentType, charset] of cases)
      t.equal(charsetOf(contentType), charset, String(contentType));
  },
);

t.test('a Content-Type made to take long is searched in no time', async (t) => {
  const start = performance.now();
  charsetOf(`text/html${'; charset '.repeat(5000)}`);
  charsetOf(`text/html;${' '.repeat(50_000)}x`);
  charsetOf(`text/html; a="${'\\"'.repeat(25_000)}`);
  t.ok(performance.now() - start < 1000);
});

t.test('an encoding that is not known is a RangeError', async (t) => {
  t.equal(checkEncoding('latin1'), 'latin1');
  for (const label of ['klingon', '', 'utf-9']) {
    t.throws(() => checkEncoding(label), {
      name: 'RangeError',
      message: `encoding: there is none called ${JSON.stringify(label)}`,
    });
  }
});

t.test(
  'bytes are decoded by their encoding; a byte order mark is dropped, and what is not valid replaced',
  async (t) => {
    const cases: [number[], string, string][] = [
      [[0x61, 0xc3, 0xa9], 'utf-8', 'aé'],
      [[0xef, 0xbb, 0xbf, 0x61], 'utf-8', 'a'],
      [[0x61, 0xc3], 'utf-8', 'a\ufffd'],
      [[0xe9], 'latin1', 'é'],
      [[0xff, 0xfe, 0x61, 0x00], 'utf-16le', 'a'],
      [[0x82, 0xa0], 'shift_jis', 'あ'],
      [[], 'utf-8', ''],
    ];
    for (const [bytes, encoding, text] of cases)
      t.equal(decode(Uint8Array.from(bytes), encoding), text);
  },
);

t.test('no character is split, wherever the bytes are', async (t) => {
  const text = '\ufeffaé€😀\u0301z';
  for (const [encoding, bytes] of [
    ['utf-8', Buffer.from(text)],
    ['utf-16le', Buffer.from(text, 'utf16le')],
  ] as const) {
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = await all(
        decodeStream(inPieces(bytes.subarray(0, at), bytes.subarray(at)), () => encoding),
      );
      t.equal(pieces.join(''), text.slice(1));
      t.notOk(pieces.includes(''), 'no piece is empty');
    }
    const bytewise = await all(
      decodeStream(inPieces(...Array.from(bytes, (byte) => Uint8Array.of(byte))), () => encoding),
    );
    t.same(bytewise, Array.from(text.slice(1)), 'each character comes as soon as it is whole');
  }
});

t.test('a character cut off at the end is replaced', async (t) => {
  t.same(await all(decodeStream(inPieces(Uint8Array.of(0x61, 0xe2, 0x82)), () => 'utf-8')), [
    'a',
    '\ufffd',
  ]);
  t.same(await all(decodeStream(inPieces<Uint8Array>(), () => 'utf-8')), []);
});

t.test('the encoding is decided once, by the first bytes', async (t) => {
  const asked: Uint8Array[] = [];
  const decide = (first: Uint8Array): string => {
    asked.push(first);
    return 'latin1';
  };
  const [first, second] = [Uint8Array.of(0xe9), Uint8Array.of(0xe8)];
  t.same(await all(decodeStream(inPieces(first, second), decide)), ['é', 'è']);
  t.same(asked, [first]);
});
