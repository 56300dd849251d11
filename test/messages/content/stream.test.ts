import { Readable } from 'node:stream';
import t from 'tap';
import { StreamConsumedError } from '../../../src/errors.ts';
import { GzipContent } from '../../../src/messages/content/gzip.ts';
import { MultipartContent } from '../../../src/messages/content/multipart.ts';
import {
  BlobContent,
  FormDataContent,
  StreamContent,
} from '../../../src/messages/content/stream.ts';
import { collect } from '../../support/collect.ts';
import { random } from '../../support/random.ts';
import { rejection } from '../../support/rejection.ts';

t.test('a stream has whatever type and length it is given, and can be read once', async (t) => {
  const bare = new StreamContent(['a']);
  t.same([bare.contentType, bare.contentLength, bare.replayable], [undefined, undefined, false]);
  const content = new StreamContent(['ab'], { contentType: 'text/css', contentLength: 2 });
  t.same([content.contentType, content.contentLength], ['text/css', 2]);
  t.equal((await collect(content.stream())).toString(), 'ab');
  t.throws(() => content.stream(), {
    name: 'StreamConsumedError',
    code: 'ERR_STREAM_CONSUMED',
    message: 'the body was a stream, which can be sent once, and it has been',
  });
});

t.test('pieces may be text, bytes, an ArrayBuffer or a view of one', async (t) => {
  const buffer = Uint8Array.of(0, 0x62, 0x63, 0).buffer;
  const pieces = [
    'é',
    Uint8Array.of(0x61),
    new DataView(buffer, 1, 2),
    buffer,
    '',
    new Uint8Array(0),
  ];
  const bytes = await collect(new StreamContent(pieces as Uint8Array[]).stream());
  t.equal(bytes.toString('latin1'), '\xc3\xa9abc\0bc\0');
});

t.test('a piece that is neither is a TypeError', async (t) => {
  for (const [piece, came] of [
    [7, 'number'],
    [null, 'null'],
    [{}, 'object'],
  ] as const) {
    const error = await rejection(collect(new StreamContent([piece] as never).stream()), TypeError);
    t.equal(error.message, `body: expected pieces of bytes or text, got ${came}`);
  }
});

t.test('every kind of stream is read to its end', async (t) => {
  const pieces = ['a', 'b', 'c'].map((text) => Buffer.from(text));
  const web = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
  const notIterable = { getReader: web().getReader.bind(web()) } as ReadableStream<Uint8Array>;
  const sources = [
    pieces,
    new Set(pieces),
    (function* () {
      yield* pieces;
    })(),
    (async function* () {
      yield* pieces;
    })(),
    Readable.from(pieces),
    Readable.from(['a', 'b', 'c'], { objectMode: false }),
    web(),
    notIterable,
  ];
  for (const source of sources)
    t.equal((await collect(new StreamContent(source).stream())).toString(), 'abc');
});

t.test('who stops reading ends the source', async (t) => {
  const ended: string[] = [];
  const generator = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('x');
    } finally {
      ended.push('generator');
    }
  };
  const web = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(Buffer.from('x')),
      cancel: () => void ended.push('web stream'),
    });
  const readable = new Readable({
    read: () => void readable.push('x'),
    destroy: (error, done) => {
      ended.push('readable');
      done(error);
    },
  });
  const reader = web();
  const sources = [
    generator(),
    web(),
    readable,
    { getReader: () => reader.getReader() } as ReadableStream<Uint8Array>,
  ];
  for (const source of sources) {
    for await (const piece of new StreamContent(source).stream()) if (piece.length > 0) break;
  }
  t.same(ended, ['generator', 'web stream', 'readable', 'web stream']);
});

t.test('an error of the source passes through', async (t) => {
  const reason = new Error('the disk is gone');
  const failing = (async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    throw reason;
  })();
  t.equal(await rejection(collect(new StreamContent(failing).stream())), reason);
  const web = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(reason) });
  const notIterable = { getReader: () => web.getReader() } as ReadableStream<Uint8Array>;
  t.equal(await rejection(collect(new StreamContent(notIterable).stream())), reason);
});

t.test('a Blob has its type and its size, and can be read again', async (t) => {
  for (const [blob, type] of [
    [new Blob(['é', 'a'], { type: 'text/css' }), 'text/css'],
    [new Blob(['é', 'a']), undefined],
    [new File(['éa'], 'x.txt', { type: 'text/plain' }), 'text/plain'],
  ] as const) {
    const content = new BlobContent(blob);
    t.same([content.contentType, content.contentLength, content.replayable], [type, 3, true]);
    for (let time = 0; time < 2; time++)
      t.equal((await collect(content.stream())).toString(), 'éa');
  }
});

t.test('a form with files is encoded as the platform encodes it', async (t) => {
  const r = random(20_266);
  const text = (): string =>
    Array.from({ length: r.int(0, 6) }, () => r.pick('ab \r\n"\\%;=é😀-'.split(''))).join('');
  for (let round = 0; round < 100; round++) {
    const form = new FormData();
    for (let parts = r.int(0, 4); parts > 0; parts--) {
      // undici leaves an empty file name out, and with it what makes the part a file.
      const filename = `x${text()}`;
      if (r() < 0.5) form.append(text(), text());
      else form.append(text(), new Blob([text()], r() < 0.5 ? {} : { type: 'text/css' }), filename);
    }
    const content = new FormDataContent(form);
    const boundary = content.contentType.split('boundary=')[1] ?? '';
    const bytes = await collect(content.stream());
    t.equal(content.contentLength, bytes.length);
    t.same(await collect(content.stream()), bytes, 'it can be read again');

    const platform = new Response(form);
    const theirs = (platform.headers.get('content-type') ?? '').split('boundary=')[1] ?? '';
    const expected = (await platform.text()).replaceAll(theirs, boundary);
    t.equal(bytes.toString().trimEnd(), expected.trimEnd());
  }
});

t.test('what a form has been encoded to, the platform reads back', async (t) => {
  const form = new FormData();
  form.append('name', 'Zoë "Z"\nx');
  form.append('file "1"', new File(['a\0b'], 'ü\r\n".png', { type: 'image/png' }));
  form.append('name', '');
  const content = new FormDataContent(form);
  t.match(content.contentType, /^multipart\/form-data; boundary=[\w'()+,\-./:=?]{1,70}$/);
  const headers = { 'content-type': content.contentType };
  // What is deprecated is to parse what comes from strangers.
  // oxlint-disable-next-line typescript/no-deprecated
  const back = await new Response(await collect(content.stream()), { headers }).formData();
  t.same(back.getAll('name'), ['Zoë "Z"\r\nx', '']);
  const file = back.get('file "1"') as unknown as File;
  t.same([await file.text(), file.type], ['a\0b', 'image/png']);
});

t.test('two forms do not share a boundary', async (t) => {
  const form = new FormData();
  t.not(new FormDataContent(form).contentType, new FormDataContent(form).contentType);
});

t.test(
  'a form with files is taken when the content is made: changing it changes nothing',
  async (t) => {
    const form = new FormData();
    form.append('a', '1');
    const content = new FormDataContent(form);
    const length = content.contentLength;
    form.append('b', '2');
    const bytes = await collect(content.stream());
    t.notMatch(bytes.toString(), /name="b"/);
    t.equal(bytes.length, length);
    t.equal(content.contentLength, length);
  },
);

// ── one that is not sent ────────────────────────────────────────────────────────────────────────

t.test('a stream that will not be sent is destroyed, or cancelled', async (t) => {
  const node = Readable.from(['a']);
  const content = new StreamContent(node);
  content.discard();
  content.discard();
  t.equal(node.destroyed, true);
  t.throws(() => content.stream(), StreamConsumedError);

  let cancelled = 0;
  const web = (cancel: () => void): ReadableStream<string> => new ReadableStream({ cancel });
  new StreamContent(web(() => cancelled++)).discard();
  new StreamContent(
    web(() => {
      throw new Error('of its own');
    }),
  ).discard();
  t.equal(cancelled, 1);
  new StreamContent(['a']).discard();
});

t.test('one that is being sent is left alone', async (t) => {
  const node = Readable.from(['a', 'b']);
  const content = new StreamContent(node);
  const stream = content.stream();
  content.discard();
  t.equal(node.destroyed, false);
  t.equal((await collect(stream)).toString(), 'ab');
});

t.test(
  'a form or a compressed body that will not be sent gives up the streams in it',
  async (t) => {
    const streams = Array.from({ length: 3 }, () => Readable.from(['x']));
    const [a, b, c] = streams as [Readable, Readable, Readable];
    new GzipContent(new MultipartContent({ a: new StreamContent(a), b: 'text' })).discard();
    t.equal(a.destroyed, true);
    const form = new MultipartContent({
      first: new StreamContent(b),
      second: new StreamContent(c),
    });
    for await (const piece of form.stream()) if (String(piece) === 'x') break;
    t.same([b.destroyed, c.destroyed], [true, true], 'also where it ends half-way');
  },
);
