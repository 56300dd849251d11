import t from 'tap';
import { ZstdFrames } from '../../../src/middleware/decode/zstd-frames.ts';
import { cut, HAS_ZSTD, sliced, zstdOf } from './bodies.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** 24 bits: whether it is the last one, its type, its size. */
function block(last: boolean, type: number, size: number): number[] {
  const value = (size << 3) | (type << 1) | (last ? 1 : 0);
  return [value & 255, (value >> 8) & 255, value >> 16];
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);

const FRAMES: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['a window, one raw block', [...MAGIC, 0x00, 0x58, ...block(true, 0, 2), 1, 2]],
  ['an empty last block', [...MAGIC, 0x00, 0x58, ...block(false, 0, 1), 9, ...block(true, 0, 0)]],
  ['a single segment with one byte of size', [...MAGIC, 0x20, 2, ...block(true, 0, 2), 1, 2]],
  ['two bytes of size', [...MAGIC, 0x60, 0, 0, ...block(true, 0, 256), ...zeros(256)]],
  ['four bytes of size', [...MAGIC, 0xa0, 1, 0, 0, 0, ...block(true, 0, 1), 7]],
  [
    'eight bytes of size and a window',
    [...MAGIC, 0xc0, 0x58, 1, ...zeros(7), ...block(true, 0, 1), 7],
  ],
  ['a dictionary of one byte', [...MAGIC, 0x21, 5, 1, ...block(true, 0, 1), 7]],
  ['a dictionary of two', [...MAGIC, 0x22, 5, 5, 1, ...block(true, 0, 1), 7]],
  ['a dictionary of four', [...MAGIC, 0x23, 5, 5, 5, 5, 1, ...block(true, 0, 1), 7]],
  ['a run, which has one byte', [...MAGIC, 0x00, 0x58, ...block(true, 1, 70000), 7]],
  ['a checksum', [...MAGIC, 0x24, 1, ...block(true, 0, 1), 7, 0xde, 0xad, 0xbe, 0xef]],
  ['zeros in a checksum', [...MAGIC, 0x24, 1, ...block(true, 0, 1), 7, 0, 0, 0, 0]],
  ['a skippable frame', [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]],
  ['the last of the skippable magics, empty', [0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]],
];

function partsOf(pieces: readonly Uint8Array[]): { parts: Uint8Array[]; complete: boolean } {
  const frames = new ZstdFrames();
  const parts = pieces.flatMap((piece) => frames.split(piece));
  return { parts, complete: frames.complete };
}

for (const [what, frame] of FRAMES) {
  t.test(`a frame ends where it ends: ${what}`, async (t) => {
    const twice = Uint8Array.from([...frame, ...frame]);
    for (let at = 0; at <= twice.byteLength; at++) {
      const { parts, complete } = partsOf([twice.subarray(0, at)]);
      t.equal(complete, at > 0 && at % frame.length === 0, `${at} bytes`);
      t.equal(parts.length, Math.ceil(at / frame.length));
      t.strictSame(Buffer.concat(parts), Buffer.from(twice.subarray(0, at)), 'nothing is lost');
    }
  });

  t.test(`no part reaches over the end of a frame, however it comes: ${what}`, async (t) => {
    const twice = Uint8Array.from([...frame, ...frame]);
    const ways = [1, 2, 3, 7].map((size) => sliced(twice, size));
    for (let at = 1; at < twice.byteLength; at++) ways.push(cut(twice, at));
    for (const pieces of ways) {
      const { parts, complete } = partsOf(pieces);
      let place = 0;
      for (const part of parts) {
        const end = place + part.byteLength;
        if (place < frame.length && end > frame.length) t.fail(`a part from ${place} to ${end}`);
        place = end;
      }
      t.equal(place, twice.byteLength);
      t.ok(complete);
    }
  });
}

t.test('zeros behind a frame are padding; anything else behind them is handed on', async (t) => {
  const [, frame] = FRAMES[0] as (typeof FRAMES)[number];
  for (const size of [1, 4, 1000]) {
    const padded = partsOf(sliced(Uint8Array.from([...frame, 0, 0, 0, 0, 0]), size));
    t.ok(padded.complete);
    t.equal(Buffer.concat(padded.parts).byteLength, frame.length);

    const followed = partsOf(sliced(Uint8Array.from([...frame, 0, 0, ...frame]), size));
    t.notOk(followed.complete);
    t.equal(Buffer.concat(followed.parts).byteLength, 2 * frame.length);
  }
});

t.test('what is no frame is handed on as it is', async (t) => {
  for (const size of [1, 3, 1000]) {
    const { parts, complete } = partsOf(sliced(Buffer.from('this is no frame'), size));
    t.equal(Buffer.concat(parts).toString(), 'this is no frame');
    t.notOk(complete);
  }
  t.notOk(partsOf([Uint8Array.of(0, 0)]).complete, 'zeros alone are no padding');
  t.notOk(new ZstdFrames().complete, 'nor is nothing');
});

t.test('what the encoder makes is one frame', { skip: !HAS_ZSTD }, async (t) => {
  for (const size of [0, 1, 255, 256, 70_000, 300_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * i) >> 5);
    const frame = zstdOf(bytes);
    t.strictSame(partsOf([frame]), { parts: [frame], complete: true });
    t.notOk(partsOf([frame.subarray(0, -1)]).complete);
  }
});
