import t from 'tap';
import { IncomingBody } from '../../src/http1/incoming-body.ts';
import { receivedHeaders } from '../../src/messages/headers.ts';

const KiB = 1024;

/** The connection's side of a body: what it was asked for. */
class Flow {
  resumed = 0;
  resume(): void {
    this.resumed++;
  }
  async abandon(): Promise<void> {}
  onDropped(): void {}
}

/** What a socket does: reads so much of `bytes` as fits to where the body wants it, and hands it on. */
function read(body: IncomingBody, bytes: Uint8Array): { length: number; goesOn: boolean } {
  const target = body.buffer();
  const length = Math.min(target.length, bytes.length);
  target.set(bytes.subarray(0, length));
  const goesOn = body.push(target, 0, length);
  body.filled(target, length);
  return { length, goesOn };
}

function readAll(body: IncomingBody, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += read(body, bytes.subarray(at)).length;
}

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
}

async function drain(body: IncomingBody): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece; (piece = await body.pull()) !== null;) pieces.push(piece);
  return Buffer.concat(pieces);
}

t.test('a body of known, moderate length is read into one buffer', async (t) => {
  const bytes = pattern(100_000);
  const body = new IncomingBody(new Flow(), bytes.length);
  t.ok(body.isWhole);
  const all = body.rest();
  const { buffer } = body.buffer();
  t.equal(body.buffer().length, bytes.length);
  body.push(bytes, 0, 1000);
  t.equal(
    body.buffer().length,
    bytes.length - 1000,
    'what came with the head is copied, the rest read behind it',
  );
  readAll(body, bytes.subarray(1000));
  t.equal(body.bytesReceived, bytes.length);
  body.end(null);
  const result = await all;
  t.ok(result.equals(bytes));
  t.equal(result.buffer, buffer, 'without a copy');
  t.equal((await body.rest()).length, 0, 'once');
  t.equal(await body.pull(), null);
});

t.test('it can be read in pieces too', async (t) => {
  const body = new IncomingBody(new Flow(), 10);
  body.push(Buffer.from('xx01234xx'), 2, 7);
  t.equal(String(await body.pull()), '01234');
  const next = body.pull();
  body.push(Buffer.from('567'), 0, 3);
  t.equal(String(await next), '567');
  body.push(Buffer.from('89'), 0, 2);
  body.end(null);
  t.equal(String(await body.pull()), '89');
  t.equal(await body.pull(), null);
  t.equal(await body.pull(), null);
});

t.test('what is left of it after some pieces', async (t) => {
  const body = new IncomingBody(new Flow(), 10);
  body.push(Buffer.from('01234'), 0, 5);
  t.equal(String(await body.pull()), '01234');
  const rest = body.rest();
  body.push(Buffer.from('56789'), 0, 5);
  body.end(null);
  t.equal(String(await rest), '56789');
  t.equal(await body.pull(), null);
});

t.test('a length that nobody can have counts for no memory', async (t) => {
  const body = new IncomingBody(new Flow(), 2 ** 53 - 1);
  t.notOk(body.isWhole);
  t.ok(body.buffer().length <= 16 * KiB);
  t.ok(new IncomingBody(new Flow(), 1024 * KiB).isWhole);
  t.notOk(new IncomingBody(new Flow(), 1024 * KiB + 1).isWhole);
});

t.test(
  'a body of unknown length comes in views of the buffers that it was read into',
  async (t) => {
    const bytes = pattern(700 * KiB);
    const body = new IncomingBody(new Flow(), null);
    const sizes = new Set<number>();
    const pulled = drain(body);
    for (let at = 0; at < bytes.length;) {
      sizes.add(body.buffer().length);
      at += read(body, bytes.subarray(at)).length;
      await Promise.resolve();
    }
    body.end(null);
    t.ok((await pulled).equals(bytes));
    t.ok(Math.max(...sizes) === 256 * KiB, 'they grow with what comes');
  },
);

t.test('what is left of a buffer is used, unless it is too little', async (t) => {
  const body = new IncomingBody(new Flow(), null);
  const { buffer, length } = body.buffer();
  read(body, pattern(1000));
  t.equal(body.buffer().buffer, buffer);
  t.equal(body.buffer().length, length - 1000);
  read(body, pattern(length - 1000 - 4095));
  t.not(body.buffer().buffer, buffer);
});

t.test("bytes of somebody else's memory are copied", async (t) => {
  const body = new IncomingBody(new Flow(), null);
  const shared = Buffer.from('xxhelloxx');
  body.push(shared, 2, 7);
  body.filled(shared, 9);
  shared.fill(0);
  t.equal(String(await body.pull()), 'hello');
});

t.test('a slow reader holds the socket back, and lets it go on', async (t) => {
  const flow = new Flow();
  const body = new IncomingBody(flow, null);
  const bytes = pattern(64 * KiB);
  let pushed = 0;
  while (body.push(bytes, 0, bytes.length)) pushed++;
  t.equal(pushed, 7, 'at half a megabyte');
  t.ok(body.paused);
  for (let i = 0; i < 4; i++) await body.pull();
  t.equal(flow.resumed, 0, 'not before half of it has been read');
  await body.pull();
  t.equal(flow.resumed, 1);
  t.notOk(body.paused);
  await body.pull();
  t.equal(flow.resumed, 1, 'once');
});

t.test('a reader that waits gets what comes at once: nothing waits', async (t) => {
  const body = new IncomingBody(new Flow(), null);
  const bytes = pattern(64 * KiB);
  for (let i = 0; i < 20; i++) {
    const piece = body.pull();
    t.equal(body.push(bytes, 0, bytes.length), true);
    await piece;
  }
});

t.test(
  'the reader of a body that has ended says nothing to the connection, which is on to another',
  async (t) => {
    const flow = new Flow();
    const body = new IncomingBody(flow, null);
    const bytes = pattern(256 * KiB);
    body.push(bytes, 0, bytes.length);
    t.equal(body.push(bytes, 0, bytes.length), false);
    body.end(null);
    t.equal((await drain(body)).length, 512 * KiB);
    t.equal(flow.resumed, 0);
  },
);

t.test('the end', async (t) => {
  const trailers = receivedHeaders('\r\na: b');
  const waiting = new IncomingBody(new Flow(), null);
  const piece = waiting.pull();
  waiting.end(trailers);
  t.equal(await piece, null, 'comes to the reader that waits');
  t.equal(waiting.trailers, trailers);
  t.notOk(waiting.open);
  const late = new IncomingBody(new Flow(), null);
  late.push(Buffer.from('abc'), 0, 3);
  late.end(null);
  t.equal(String(await late.pull()), 'abc', 'and to one that comes later, after what there is');
  t.equal(await late.pull(), null);
  late.fail(new Error('too late'));
  t.equal(await late.pull(), null, 'it is for good');
  const failed = new IncomingBody(new Flow(), null);
  failed.fail(new Error('cut short'));
  failed.end(trailers);
  await t.rejects(failed.pull(), { message: 'cut short' }, 'and so is a failure');
});

t.test('a failure comes after what there is', async (t) => {
  const error = new Error('cut short');
  for (const length of [null, 10]) {
    const body = new IncomingBody(new Flow(), length);
    body.push(Buffer.from('abc'), 0, 3);
    body.fail(error);
    body.fail(new Error('another'));
    t.notOk(body.open);
    t.equal(String(await body.pull()), 'abc');
    await t.rejects(body.pull(), error);
    await t.rejects(body.pull(), error);
  }
  const whole = new IncomingBody(new Flow(), 10);
  const rest = whole.rest();
  whole.push(Buffer.from('abc'), 0, 3);
  whole.fail(error);
  await t.rejects(rest, error, 'all of it there will never be');
  await t.rejects(whole.rest(), error);
  const waiting = new IncomingBody(new Flow(), null);
  const piece = waiting.pull();
  waiting.fail(error);
  await t.rejects(piece, error);
});

t.test('an abort comes before what there is', async (t) => {
  const reason = new Error('given up');
  for (const length of [null, 10]) {
    const body = new IncomingBody(new Flow(), length);
    body.push(Buffer.from('abc'), 0, 3);
    body.abort(reason);
    await t.rejects(body.pull(), reason);
  }
});

t.test('a body of no bytes', async (t) => {
  const body = new IncomingBody(new Flow(), 0);
  body.end(null);
  t.equal((await body.rest()).length, 0);
  t.equal(await body.pull(), null);
});

t.test(
  'pieces that are lent are read into the same buffer, which grows with what comes',
  async (t) => {
    const bytes = pattern(2_000_000);
    const body = new IncomingBody(new Flow(), null);
    body.push(bytes, 0, 1000);
    const pieces: Buffer[] = [];
    const buffers = new Set<ArrayBufferLike>();
    const reading = body.consume((piece) => {
      pieces.push(Buffer.from(piece));
      buffers.add(piece.buffer);
    });
    t.equal(pieces.length, 1, 'what has come is lent at once');
    readAll(body, bytes.subarray(1000));
    body.end(null);
    await reading;
    t.ok(Buffer.concat(pieces).equals(bytes));
    t.equal(buffers.size, 4, 'what came with the head is a copy; then 16, 64 and 256 KiB');
    t.equal(body.bytesReceived, bytes.length);
  },
);

t.test(
  'what the sink throws goes to whoever pushes, and the reader is told by fail()',
  async (t) => {
    for (const length of [null, 10]) {
      const body = new IncomingBody(new Flow(), length);
      const thrown = new Error('enough');
      const reading = body.consume(() => {
        throw thrown;
      });
      reading.catch(() => {});
      t.throws(() => body.push(Buffer.from('01234'), 0, 5), thrown);
      body.fail(thrown);
      await t.rejects(reading, thrown);
    }
  },
);
