import t from 'tap';
import { DecodingError } from '../../src/errors.ts';
import { splitLines, textLines } from '../../src/messages/lines.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { decodeStream } from '../../src/messages/text.ts';
import { random } from '../support/random.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

async function* inPieces<T>(...pieces: T[]): AsyncGenerator<T> {
  yield* pieces;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

t.test('lines end by CRLF, LF or CR, and come the same from every split of the text', async (t) => {
  const cases: [text: string, lines: string[]][] = [
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\rb\r', ['a', 'b']],
    ['\n', ['']],
    ['\r\n', ['']],
    ['\r\r\n\n\r', ['', '', '', '']],
    ['a\n\nb\r\n\r\n', ['a', '', 'b', '']],
    ['a\u2028b\u0085c\vd\fe\n', ['a\u2028b\u0085c\vd\fe']],
    ['data: 1\r\n\r\ndata: 2', ['data: 1', '', 'data: 2']],
  ];
  for (const [text, lines] of cases) {
    for (let one = 0; one <= text.length; one++) {
      for (let two = one; two <= text.length; two++) {
        const pieces = [text.slice(0, one), text.slice(one, two), text.slice(two)];
        t.same(await all(splitLines(inPieces(...pieces))), lines, encodeURI(pieces.join('|')));
      }
    }
    t.same(await all(splitLines(inPieces(...text.split('')))), lines);
  }
});

t.test('random text in random pieces has the lines that it has in one', async (t) => {
  const r = random(20_265);
  for (let round = 0; round < 500; round++) {
    const pieces = Array.from({ length: r.int(0, 6) }, () =>
      Array.from({ length: r.int(0, 4) }, () => r.pick(['a', '\r', '\n', 'é'])).join(''),
    );
    const lines = pieces.join('').split(/\r\n|\r|\n/);
    if (lines.at(-1) === '') lines.pop();
    t.same(await all(splitLines(inPieces(...pieces))), lines, encodeURI(pieces.join('|')));
  }
});

t.test('a line comes as soon as its end has come', async (t) => {
  let pulled = 0;
  const source = (async function* () {
    for (const piece of ['a\nb', '\nc\r', '\nd']) {
      pulled++;
      yield piece;
    }
  })();
  const lines = splitLines(source);
  for (const [line, soFar] of [
    ['a', 1],
    ['b', 2],
    ['c', 2],
    ['d', 3],
  ] as const) {
    t.equal((await lines.next()).value, line);
    t.equal(pulled, soFar);
  }
});

t.test('a long line in many pieces takes time in proportion', async (t) => {
  const pieces = Array.from({ length: 50_000 }, () => 'x'.repeat(20));
  const start = performance.now();
  t.equal((await all(splitLines(inPieces(...pieces)))).join('').length, 1_000_000);
  t.ok(performance.now() - start < 5000);
});

t.test('who stops reading lines or text ends the source', async (t) => {
  let ended = false;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('a\n');
    } finally {
      ended = true;
    }
  };
  for await (const line of splitLines(decodeStream(source(), () => 'utf-8')))
    if (line === 'a') break;
  t.ok(ended);
});

// ── the bound ───────────────────────────────────────────────────────────────────────────────────

const request = new Request('GET', 'http://h/log');

const of = (...pieces: string[]): Response =>
  new Response(200, { body: new StubSource(...pieces), request });

t.test(
  'a line of as many bytes as maxLineSize passes, one more is an error that names the line',
  async (t) => {
    for (const ends of ['\n', '\r\n', '\r', '']) {
      for (const line of ['abcdef', 'ééé', '€€', 'a😀b']) {
        const at = of(`1${ends || '\n'}`, `${line}${ends}`);
        t.same(await all(textLines(at, { maxLineSize: 6 })), ['1', line]);
        const body = new StubSource(`1${ends || '\n'}`, line, `x${ends}`);
        const over = textLines(new Response(200, { body, request }), { maxLineSize: 6 });
        const error = await rejection(all(over), DecodingError);
        t.equal(
          error.message,
          'GET http://h/log: line 2 of the body has more than 6 bytes (maxLineSize)',
        );
        t.equal(body.cancels, 1, 'the response is closed');
      }
    }
  },
);

t.test('a line that does not end is not waited for to its end', async (t) => {
  const endless = new Response(200, {
    request,
    body: new StubSource(...Array.from({ length: 100 }, () => 'x'.repeat(1000))),
  });
  await t.rejects(all(textLines(endless, { maxLineSize: 5000 })), DecodingError);
  t.equal(endless.bytesDownloaded, 6000);
});

t.test('the bound is 1 MiB by default, and null is none', async (t) => {
  const size = 1024 * 1024;
  t.equal((await all(textLines(of('x'.repeat(size)))))[0]?.length, size);
  await t.rejects(all(textLines(of('x'.repeat(size + 1)))), DecodingError);
  t.equal(
    (await all(of('x'.repeat(size), 'y').iterLines({ maxLineSize: null })))[0]?.length,
    size + 1,
  );
  for (const maxLineSize of [0, -1, 1.5, NaN, '5']) {
    t.throws(() => of('').iterLines({ maxLineSize: maxLineSize as number }), {
      name: 'TypeError',
      message: `maxLineSize: expected a number of bytes above 0, or null, got ${String(maxLineSize)}`,
    });
  }
});
