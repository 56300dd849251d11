import t from 'tap';
import { byteBound, ByteLines, lineText } from '../../src/messages/byte-lines.ts';

function linesOf(ends: 'lf' | 'any', ...pieces: string[]): string[] {
  const lines = new ByteLines(ends);
  const found: string[] = [];
  for (const piece of pieces)
    for (const line of lines.cut(Buffer.from(piece, 'latin1')))
      found.push(Buffer.from(line).toString('latin1'));
  const rest = lines.rest();
  if (rest !== null) found.push(`${Buffer.from(rest).toString('latin1')}…`);
  return found;
}

const CASES: [text: string, any: string[], lf: string[]][] = [
  ['', [], []],
  ['a', ['a…'], ['a…']],
  ['a\nb', ['a', 'b…'], ['a', 'b…']],
  ['\n\n', ['', ''], ['', '']],
  ['a\r\nb\r\n', ['a', 'b'], ['a\r', 'b\r']],
  ['a\rb\r', ['a', 'b'], ['a\rb\r…']],
  ['\r\r\n\n\r\n\r', ['', '', '', '', ''], ['\r\r', '', '\r', '\r…']],
  ['a\n\rb\r\r\nc', ['a', '', 'b', '', 'c…'], ['a', '\rb\r\r', 'c…']],
  [
    'ab\xc3\xa9\ncd\r\nef\rgh\n\n',
    ['ab\xc3\xa9', 'cd', 'ef', 'gh', ''],
    ['ab\xc3\xa9', 'cd\r', 'ef\rgh', ''],
  ],
];

t.test('lines are the same wherever the bytes are divided', async (t) => {
  for (const [text, any, lf] of CASES) {
    for (const [ends, expected] of [
      ['any', any],
      ['lf', lf],
    ] as const) {
      const why = `${ends} ${JSON.stringify(text)}`;
      t.same(linesOf(ends, text), expected, why);
      t.same(linesOf(ends, ...text.split('')), expected, `${why}, byte by byte`);
      t.same(linesOf(ends, ...text.split(''), ''), expected, `${why}, with nothing behind`);
      for (let at = 0; at <= text.length; at++)
        for (let to = at; to <= text.length; to++)
          t.same(linesOf(ends, text.slice(0, at), text.slice(at, to), text.slice(to)), expected);
    }
  }
});

t.test('a line is there as soon as it ends: at the CR, before its LF', async (t) => {
  const lines = new ByteLines('any');
  const give = (text: string): number => [...lines.cut(Buffer.from(text))].length;
  t.same([give('a'), give('\r'), give('\n'), give('b\n'), give('\n')], [0, 1, 0, 1, 1]);
});

t.test('what has not ended yet is counted', async (t) => {
  const lines = new ByteLines('any');
  t.equal([...lines.cut(Buffer.from('a\nbcd'))].length, 1);
  t.equal(lines.pending, 3);
  t.equal([...lines.cut(Buffer.from('e'))].length, 0);
  t.equal(lines.pending, 4);
  t.equal([...lines.cut(Buffer.from('\n'))].length, 1);
  t.equal(lines.pending, 0);
});

t.test('lines are UTF-8; the mark at the very start is no part of the text', async (t) => {
  t.equal(lineText(Buffer.from('\ufeffé'), true), 'é');
  t.equal(lineText(Buffer.from('\ufeff\ufeffé'), true), '\ufeffé');
  t.equal(lineText(Buffer.from('\ufeffé'), false), '\ufeffé');
  t.equal(lineText(Uint8Array.of(0x61, 0xff), true), 'a\ufffd');
});

t.test('a bound is a number of bytes, or null', async (t) => {
  t.same(
    [byteBound('x', undefined, 9), byteBound('x', null, 9), byteBound('x', 1, 9)],
    [9, Infinity, 1],
  );
  for (const bad of [0, -1, 1.5, NaN, Infinity, '1'])
    t.throws(() => byteBound('x', bad as number, 9), {
      name: 'TypeError',
      message: `x: expected a number of bytes above 0, or null, got ${bad}`,
    });
});
