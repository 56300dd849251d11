import { inspect } from 'node:util';
import zlib from 'node:zlib';
import t from 'tap';
import {
  Client,
  ClosedError,
  CookieMiddleware,
  DecodeMiddleware,
  type DecodeOptions,
  DecodingError,
  Headers,
  ReadError,
  RedirectMiddleware,
  Request,
  type RequestInit,
  Response,
  stack,
} from '../../src/index.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { random } from '../support/random.ts';
import { rejection } from '../support/rejection.ts';
import {
  connection,
  lines,
  reply,
  repeat,
  reset,
  ScriptServer,
  send,
} from '../support/script-server.ts';
import { request as requested } from '../support/script.ts';
import {
  Answering,
  answering,
  cut,
  encoded,
  ENCODINGS,
  Feed,
  HAS_ZSTD,
  sliced,
  zstdOf,
} from './decode/bodies.ts';

assertNoLeaks(t);

const URL = 'http://example.test/';
const MiB = 1024 * 1024;
const TEXT = JSON.stringify({ text: 'Grüße, '.repeat(20), numbers: [1, 2, 3] });
const BYTES = Buffer.from(TEXT);
/** Does not compress, so that codings keep its size. */
const NOISE = random(14).bytes(200_000);

function get(
  transport: Answering,
  init?: RequestInit & { options?: DecodeOptions },
): Promise<Response> {
  const { options, ...rest } = init ?? {};
  return new DecodeMiddleware(transport, options).send(new Request('GET', URL, rest));
}

/** A response with this body, on its way through the layer. */
function decoding(
  coding: string,
  body: Uint8Array | Feed,
  init?: RequestInit & { options?: DecodeOptions },
): Promise<Response> {
  return get(answering(ENCODINGS.get(coding)?.name ?? coding, body), init);
}

/** The three ways to read: at once, from pieces to the end, piece by piece. */
const READINGS: readonly (readonly [
  how: string,
  read: (coding: string, pieces: Uint8Array[]) => Promise<Uint8Array>,
])[] = [
  ['in memory', async (coding, pieces) => (await decoding(coding, Buffer.concat(pieces))).bytes()],
  ['to its end', async (coding, pieces) => (await decoding(coding, new Feed(pieces))).bytes()],
  ['piece by piece', async (coding, pieces) => collect(await decoding(coding, new Feed(pieces)))],
];

for (const coding of ENCODINGS.keys()) {
  t.test(`${coding} is decoded`, async (t) => {
    for (const bytes of [BYTES, NOISE, Buffer.alloc(300_000, 'abc'), Buffer.of(7)]) {
      const body = encoded(bytes, coding);
      for (const [how, read] of READINGS) {
        for (const size of [1000, 40_000, MiB]) {
          t.ok(
            Buffer.from(await read(coding, sliced(body, size))).equals(bytes),
            `${how}, ${size}`,
          );
        }
      }
    }
    t.equal(await (await decoding(coding, encoded(BYTES, coding))).text(), TEXT);
    t.strictSame(await (await decoding(coding, encoded(BYTES, coding))).json(), JSON.parse(TEXT));
    t.strictSame(await collect(await decoding(coding, encoded(BYTES, coding))), BYTES);
  });

  t.test(`${coding} of nothing is nothing`, async (t) => {
    const body = encoded(Buffer.alloc(0), coding);
    for (const [how, read] of READINGS) t.equal((await read(coding, [body])).byteLength, 0, how);
  });

  t.test(`${coding} is decoded however it is split`, async (t) => {
    const body = encoded(BYTES, coding);
    for (const [how, read] of READINGS) {
      for (let at = 0; at <= body.byteLength; at++) {
        const bytes = await read(coding, cut(body, at));
        if (!BYTES.equals(bytes)) t.fail(`${how}, at ${at}`);
      }
      t.strictSame(Buffer.from(await read(coding, sliced(body, 1))), BYTES, `${how}, byte by byte`);
    }
  });

  t.test(`${coding} that was cut short is an error, wherever it was`, async (t) => {
    const body = encoded(BYTES, coding);
    for (const [how, read] of READINGS) {
      for (let at = 1; at < body.byteLength; at++) {
        const error = await rejection(read(coding, [body.subarray(0, at)]), DecodingError);
        if (!error.message.includes('was cut short inside of its '))
          t.fail(`${how}, ${at}: ${error.message}`);
      }
    }
  });

  t.test(`${coding} that was cut short after megabytes is an error`, async (t) => {
    const body = encoded(Buffer.concat(Array.from({ length: 10 }, () => NOISE)), coding);
    const pieces = sliced(body.subarray(0, -1), 50_000);
    for (const [how, read] of READINGS) await t.rejects(read(coding, pieces), DecodingError, how);
  });

  t.test(`what is not ${coding} is an error`, async (t) => {
    const bodies = ['<!doctype html>', '\xff\xff\xff\xff\xff\xff\xff\xff', '{"error":"not found"}'];
    for (const [how, read] of READINGS) {
      for (const body of bodies) {
        await t.rejects(
          read(coding, [Buffer.from(body, 'latin1')]),
          DecodingError,
          `${how}, ${body}`,
        );
      }
    }
  });

  t.test(`${coding} with a byte changed is an error, or what it was`, async (t) => {
    // brotli and raw deflate have no checksum.
    if (/br|raw|stored/.test(coding)) return;
    const body = encoded(BYTES, coding);
    for (const [how, read] of READINGS) {
      for (let at = 0; at < body.byteLength; at++) {
        const changed = Uint8Array.from(body);
        changed[at] = (changed[at] as number) ^ 0x41;
        const result = await read(coding, [changed]).catch((error: unknown) => error);
        if (result instanceof DecodingError) continue;
        if (!BYTES.equals(result as Uint8Array)) t.fail(`${how}, ${at}: ${String(result)}`);
      }
    }
  });

  t.test(`zero bytes behind ${coding} are padding`, async (t) => {
    const body = encoded(BYTES, coding);
    for (const [how, read] of READINGS) {
      for (const pieces of [
        [Buffer.concat([body, Buffer.alloc(5)])],
        [body, Buffer.alloc(5)],
        [...sliced(body, 1), ...sliced(Buffer.alloc(5), 1)],
        [body, Buffer.alloc(50_000), Buffer.alloc(50_000)],
      ]) {
        t.strictSame(
          Buffer.from(await read(coding, pieces)),
          BYTES,
          `${how}, ${pieces.length} pieces`,
        );
      }
    }
  });

  t.test(`other bytes behind ${coding} are an error`, async (t) => {
    const body = encoded(BYTES, coding);
    for (const [how, read] of READINGS) {
      for (const behind of ['\n', 'junk', '\0\0junk', '\0'.repeat(50_000) + 'junk']) {
        const trailing = Buffer.from(behind);
        for (const pieces of [
          [Buffer.concat([body, trailing])],
          [body, ...sliced(trailing, 20_000)],
        ]) {
          await t.rejects(read(coding, pieces), DecodingError, `${how}, ${behind.slice(-5)}`);
        }
      }
    }
  });
}

for (const coding of ['gzip', 'zstd']) {
  t.test(
    `${coding} bodies one behind the other are one`,
    { skip: !ENCODINGS.has(coding) },
    async (t) => {
      const bodies = [BYTES, Buffer.alloc(0), Buffer.from('and more')].map((each) =>
        encoded(each, coding),
      );
      const whole = Buffer.concat(bodies);
      const expected = Buffer.from(`${TEXT}and more`);
      for (const [how, read] of READINGS) {
        t.strictSame(Buffer.from(await read(coding, [whole])), expected, `${how}, whole`);
        t.strictSame(Buffer.from(await read(coding, bodies)), expected, `${how}, each by itself`);
        t.strictSame(
          Buffer.from(await read(coding, sliced(whole, 1))),
          expected,
          `${how}, byte by byte`,
        );
        for (let at = (bodies[0] as Uint8Array).byteLength + 1; at < whole.byteLength; at++) {
          if (at === whole.byteLength - (bodies[2] as Uint8Array).byteLength) continue;
          const cutShort = read(coding, [whole.subarray(0, at)]);
          if (!((await rejection(cutShort)) instanceof DecodingError))
            t.fail(`${how}, cut at ${at}`);
        }
      }
    },
  );
}

t.test('zstd frames to be skipped are skipped', { skip: !HAS_ZSTD }, async (t) => {
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const body = Buffer.concat([skippable, zstdOf(BYTES), skippable]);
  for (const [how, read] of READINGS) {
    for (const size of [1, 7, 1000])
      t.strictSame(Buffer.from(await read('zstd', sliced(body, size))), BYTES, how);
  }
});

t.test('zstd with a window of more than 8 MiB is refused', { skip: !HAS_ZSTD }, async (t) => {
  // The encoder makes the window no larger than what it knows of the content.
  const content = Buffer.alloc(9 * MiB, NOISE);
  t.equal(
    (await (await decoding('zstd', zstdOf(content.subarray(0, 8 * MiB), 23))).bytes()).length,
    8 * MiB,
  );
  const error = await rejection(
    (await decoding('zstd', zstdOf(content, 24))).bytes(),
    DecodingError,
  );
  t.match(error.message, /memory/);
});

t.test('where there is no zstd, its bodies are left as they are', { skip: HAS_ZSTD }, async (t) => {
  const body = Buffer.from('(zstd)');
  t.strictSame(await (await decoding('zstd', body)).bytes(), body);
});

// ── several ─────────────────────────────────────────────────────────────────────────────────────

t.test('several codings are undone, the last one first', async (t) => {
  const codings = [...ENCODINGS.keys()];
  const chains = codings.flatMap((a) => codings.map((b) => [a, b]));
  chains.push(['gzip', 'br', 'deflate'], ['br', 'br', 'br', 'br', 'br']);
  for (const chain of chains) {
    const names = chain.map((coding) => ENCODINGS.get(coding)?.name).join(', ');
    for (const bytes of [BYTES, NOISE]) {
      const body = encoded(bytes, ...chain);
      const whole = await get(answering(names, body));
      t.ok(Buffer.from(await whole.bytes()).equals(bytes), chain.join());
      for (const size of [bytes === BYTES ? 7 : 5000, 30_000]) {
        const pieces = await get(answering(names, new Feed(sliced(body, size))));
        t.ok((await collect(pieces)).equals(bytes), `${chain.join()}, ${size}`);
      }
    }
  }
});

t.test('several codings cut short are an error, wherever that is', async (t) => {
  const body = encoded(BYTES, 'gzip', 'deflate', 'br');
  for (let at = 1; at < body.byteLength; at++) {
    const response = await get(answering('gzip, deflate, br', body.subarray(0, at)));
    if (!((await rejection(response.bytes())) instanceof DecodingError)) t.fail(`${at}`);
  }
  const inside = zlib.brotliCompressSync(encoded(BYTES, 'gzip').subarray(0, -3));
  const error = await rejection((await get(answering('gzip, br', inside))).text(), DecodingError);
  t.match(error.message, /cut short inside of its gzip coding/, 'it says which one');
});

t.test('names have no case, identity is nothing, and lines are one list', async (t) => {
  const body = encoded(BYTES, 'gzip', 'br');
  for (const value of ['GZIP,Br', ' gzip ,\t br ', 'identity, gzip, identity, br', ',gzip,,br,']) {
    t.equal(await (await get(answering(value, body))).text(), TEXT, value);
  }
  const lines = new Answering((request) => {
    const headers = new Headers([
      ['content-encoding', 'gzip'],
      ['Content-Encoding', 'br'],
    ]);
    return new Response(200, { headers, body, request });
  });
  t.equal(await (await get(lines)).text(), TEXT);
});

t.test('more than five codings are refused, and the body is closed', async (t) => {
  const five = Array.from({ length: 5 }, () => 'gzip');
  t.equal(await (await get(answering(five.join(), encoded(BYTES, ...five)))).text(), TEXT);

  const feed = new Feed([encoded(BYTES, 'gzip')]);
  const six = get(answering('gzip, gzip, gzip, gzip, gzip, gzip', feed));
  const error = await rejection(six, DecodingError);
  t.equal(
    error.message,
    'GET http://example.test/: the body has 6 content codings, and 5 are undone',
  );
  t.strictSame([feed.pulls, feed.cancels], [0, 1]);
});

t.test('a body with a coding that is not known is left as it is', async (t) => {
  const body = encoded(BYTES, 'gzip');
  for (const value of [
    'foo',
    'gzip, foo',
    'foo, gzip',
    'compress',
    'gzip;q=1',
    '',
    'identity',
    'aws-chunked',
  ]) {
    const answer = new Response(200, { headers: { 'content-encoding': value }, body });
    const response = await get(new Answering(() => answer));
    t.equal(response, answer, value);
    t.strictSame(await response.bytes(), body);
  }
});

// ── what is left alone ──────────────────────────────────────────────────────────────────────────

t.test('a response without a coding is handed on itself', async (t) => {
  const answer = new Response(200, { text: 'plain' });
  t.equal(await get(new Answering(() => answer)), answer);
});

t.test('where there is no body, there is nothing to decode', async (t) => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
    ['GET', 101],
    ['CONNECT', 200],
  ] as const) {
    const answer = new Response(status, { headers: { 'content-encoding': 'gzip' } });
    const layer = new DecodeMiddleware(new Answering(() => answer));
    t.equal(await layer.send(new Request(method, URL)), answer, `${method} ${status}`);
  }
});

t.test('an empty body is empty, whatever it is said to be', async (t) => {
  for (const coding of ENCODINGS.keys()) {
    for (const body of [
      new Uint8Array(0),
      new Feed([]),
      new Feed([new Uint8Array(0), new Uint8Array(0)]),
    ]) {
      t.equal(await (await decoding(coding, body)).text(), '');
    }
    t.equal((await collect(await decoding(coding, new Feed([])))).byteLength, 0);
  }
  t.equal(await (await get(answering('gzip, br', new Feed([])))).text(), '');
});

t.test('empty pieces are nothing', async (t) => {
  const empty = new Uint8Array(0);
  const [first, second] = cut(encoded(BYTES, 'deflate'), 9) as [Uint8Array, Uint8Array];
  for (const [how, read] of READINGS) {
    t.strictSame(
      Buffer.from(await read('deflate', [empty, first, empty, empty, second, empty])),
      BYTES,
      how,
    );
  }
});

t.test('the response is as it was, but for its body', async (t) => {
  const body = encoded(BYTES, 'gzip');
  const headers = {
    'content-encoding': 'gzip',
    'content-length': String(body.byteLength),
    etag: '"1"',
  };
  const request = new Request('GET', URL);
  const answer = new Response(404, {
    headers,
    body,
    request,
    statusText: 'Nope',
    httpVersion: '2',
    elapsed: 5,
  });
  const response = await get(new Answering(() => answer));
  t.strictSame(
    { ...response.headers.toJSON() },
    headers,
    'Content-Encoding and Content-Length too, as in Fetch',
  );
  const { status, statusText, httpVersion, elapsed } = response;
  t.strictSame(
    { status, statusText, httpVersion, elapsed },
    { status: 404, statusText: 'Nope', httpVersion: '2', elapsed: 5 },
  );
  t.equal(response.request, request);
  await response.read();
  t.throws(() => response.raiseForStatus(), { message: /404 Nope: \{"text":"Grüße/ });
});

t.test('iterRaw has the body as it came, and bytesDownloaded counts that', async (t) => {
  const body = encoded(BYTES, 'gzip', 'br');
  const trailers = new Headers({ digest: 'x' });
  for (const source of [() => body, () => new Feed(sliced(body, 7), { trailers })]) {
    const raw = await get(answering('gzip, br', source()));
    t.strictSame(await collect(raw.iterRaw()), Buffer.from(body));
    t.equal(raw.bytesDownloaded, body.byteLength);

    const response = await get(answering('gzip, br', source()));
    t.equal(await response.text(), TEXT);
    t.equal(response.bytesDownloaded, body.byteLength);
  }
  const fed = await get(answering('gzip, br', new Feed([body], { trailers })));
  await fed.read();
  t.equal(fed.trailers?.get('digest'), 'x');
});

// ── Accept-Encoding ─────────────────────────────────────────────────────────────────────────────

const ACCEPTED = HAS_ZSTD ? 'gzip, deflate, br, zstd' : 'gzip, deflate, br';

t.test('a request asks for what can be decoded', async (t) => {
  const plain = answering(null, null);
  await get(plain);
  t.equal(plain.requests[0]?.headers.get('accept-encoding'), ACCEPTED);
});

t.test(
  "a request's own Accept-Encoding is kept, and the answer decoded all the same",
  async (t) => {
    const transport = answering('br', encoded(BYTES, 'br'));
    for (const own of ['gzip', 'identity', '']) {
      const response = await get(transport, { headers: { 'accept-encoding': own } });
      t.equal(transport.requests.at(-1)?.headers.get('accept-encoding'), own);
      t.equal(await response.text(), TEXT);
    }
  },
);

t.test('a part is asked for as it is', async (t) => {
  const transport = answering(null, null);
  await get(transport, { headers: { range: 'bytes=5-' } });
  t.equal(transport.requests[0]?.headers.get('accept-encoding'), 'identity');
});

t.test('with advertise: false nothing is asked for, and what comes is decoded', async (t) => {
  const transport = answering('gzip', encoded(BYTES, 'gzip'));
  const response = await get(transport, { options: { advertise: false } });
  t.equal(transport.requests[0]?.headers.has('accept-encoding'), false);
  t.equal(await response.text(), TEXT);
});

t.test('with decode: false a request asks for nothing and gets what came', async (t) => {
  const body = encoded(BYTES, 'gzip');
  const transport = answering('gzip', body);
  const response = await get(transport, { decode: false });
  t.equal(transport.requests[0]?.headers.has('accept-encoding'), false);
  t.strictSame(await response.bytes(), body);
});

// ── bounds ──────────────────────────────────────────────────────────────────────────────────────

t.test('maxSize bytes may come out, and not one more', async (t) => {
  for (const size of [1, 1000, 300_000, 3 * MiB]) {
    const bytes = Buffer.alloc(size, 'ab');
    for (const coding of ENCODINGS.keys()) {
      const body = encoded(bytes, coding);
      for (const source of [() => body, () => new Feed(sliced(body, 1000))]) {
        const exact = await decoding(coding, source(), { options: { maxSize: size } });
        t.equal((await exact.bytes()).byteLength, size);
        if (size === 1) continue;
        const over = await decoding(coding, source(), { options: { maxSize: size - 1 } });
        const error = await rejection(over.bytes(), DecodingError);
        t.equal(
          error.message,
          `GET http://example.test/: the body decodes to more than ${size - 1} bytes (maxSize)`,
        );
      }
    }
  }
});

t.test('maxSize is about what comes out at last', async (t) => {
  // gzip of noise is larger than that, and stands between.
  const body = encoded(NOISE, 'gzip', 'gzip');
  const response = await get(answering('gzip, gzip', body), {
    options: { maxSize: NOISE.byteLength },
  });
  t.equal((await response.bytes()).byteLength, NOISE.byteLength);
});

t.test('what came before a bound was broken has been handed out', async (t) => {
  const body = encoded(Buffer.alloc(MiB), 'gzip');
  const response = await decoding('gzip', new Feed([body]), { options: { maxSize: 500_000 } });
  let size = 0;
  await t.rejects(async () => {
    for await (const piece of response) size += piece.byteLength;
  }, DecodingError);
  t.ok(size > 400_000 && size <= 500_000, `${size}`);
});

t.test('a body that decodes to a thousand times its size is a bomb, from 10 MiB on', async (t) => {
  const bomb = zlib.gzipSync(Buffer.alloc(12 * MiB));
  const response = await decoding('gzip', new Feed([bomb]));
  const error = await rejection(response.bytes(), DecodingError);
  t.match(error.message, /decodes to more than 1000 times its \d+ bytes \(maxRatio\)/);

  const small = zlib.brotliCompressSync(Buffer.alloc(10 * MiB));
  t.equal(
    (await (await decoding('br', small)).bytes()).byteLength,
    10 * MiB,
    'at the floor it is none',
  );

  for (const maxRatio of [null, 2000]) {
    const bound = await decoding('gzip', new Feed([bomb]), { options: { maxRatio } });
    t.equal((await bound.bytes()).byteLength, 12 * MiB, `with maxRatio: ${maxRatio}`);
  }
  const strict = await decoding('gzip', encoded(Buffer.alloc(12 * MiB, NOISE), 'gzip'), {
    options: { maxRatio: 1 },
  });
  t.equal((await strict.bytes()).byteLength, 12 * MiB, 'noise is none by any measure');
});

t.test('a bomb inside of a bomb is one before it comes to the inner one', async (t) => {
  const nothing = zlib.gzipSync('');
  const inner = Buffer.alloc(700_000 * nothing.byteLength, nothing);
  const feed = new Feed([
    zlib.brotliCompressSync(inner, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
  ]);
  const error = await rejection((await get(answering('gzip, br', feed))).bytes(), DecodingError);
  t.match(error.message, /maxRatio/);
});

t.test('a request has bounds of its own, and the rest from the layer', async (t) => {
  const body = encoded(BYTES, 'gzip');
  const options = { maxSize: 10, maxRatio: 5 };
  await t.rejects((await decoding('gzip', body, { options })).bytes(), /more than 10 bytes/);
  await t.rejects(
    (await decoding('gzip', body, { options, decode: true })).bytes(),
    /more than 10 bytes/,
  );
  await t.rejects(
    (await decoding('gzip', body, { options, decode: {} })).bytes(),
    /more than 10 bytes/,
  );
  await t.rejects(
    (await decoding('gzip', body, { options, decode: { maxSize: 20 } })).bytes(),
    /more than 20 bytes/,
  );
  t.equal(
    await (await decoding('gzip', body, { options, decode: { maxSize: null } })).text(),
    TEXT,
  );
});

t.test('options that are none are a TypeError', async (t) => {
  const next = answering(null, null);
  const wrong = (options: unknown): void => {
    void new DecodeMiddleware(next, options as DecodeOptions);
  };
  for (const maxSize of [0, -1, 1.5, NaN, Infinity, '1'])
    t.throws(() => wrong({ maxSize }), { name: 'TypeError', message: /decode\.maxSize: expected/ });
  for (const maxRatio of [0, NaN, Infinity, '1'])
    t.throws(() => wrong({ maxRatio }), {
      name: 'TypeError',
      message: /decode\.maxRatio: expected/,
    });
  t.throws(() => wrong({ advertise: 'yes' }), {
    name: 'TypeError',
    message: /decode\.advertise: expected/,
  });
  t.throws(() => wrong(null), TypeError);
  for (const decode of ['gzip', null, 1]) {
    await t.rejects(get(next, { decode } as unknown as RequestInit), {
      name: 'TypeError',
      message: /^decode: expected/,
    });
  }
  await t.rejects(get(next, { decode: { maxSize: 0 } }), TypeError);
  t.equal(next.requests.length, 0, 'and nothing is sent');
});

// ── flow ────────────────────────────────────────────────────────────────────────────────────────

t.test('nothing is asked of the body before somebody reads', async (t) => {
  const feed = new Feed(sliced(encoded(NOISE, 'gzip'), 10_000));
  const response = await decoding('gzip', feed);
  t.equal(feed.pulls, 0);
  const pieces = response[Symbol.asyncIterator]();
  await pieces.next();
  t.equal(feed.pulls, 1, 'and then no more than it takes');
  await pieces.return?.();
});

t.test('pieces are handed out as they come', async (t) => {
  for (const [coding, stream] of [
    ['gzip', zlib.createGzip()],
    ['deflate', zlib.createDeflate()],
    ['br', zlib.createBrotliCompress()],
  ] as const) {
    const gates = Array.from({ length: 4 }, () => deferred<Uint8Array | null>());
    const source = {
      bytesReceived: 0,
      trailers: null,
      place: 0,
      pull: () => gates[source.place++]!.promise,
      async cancel() {},
    };
    const response = await get(answering(coding, source));
    const texts = response.iterText();
    for (const [place, text] of ['first', 'second'].entries()) {
      stream.write(text);
      await new Promise<void>((resolve) => stream.flush(resolve));
      gates[place]?.resolve(stream.read());
      t.strictSame(await texts.next(), { done: false, value: text }, coding);
    }
    stream.end();
    gates[2]?.resolve(await collect(stream));
    gates[3]?.resolve(null);
    t.equal((await texts.next()).done, true);
  }
});

t.test('a reader that stops makes it stop, however much there is', async (t) => {
  const bomb = encoded(Buffer.alloc(256 * MiB), 'gzip');
  const feed = new Feed([bomb, bomb]);
  const response = await decoding('gzip', feed, { options: { maxRatio: null } });
  const before = process.memoryUsage();
  let size = 0;
  let most = 0;
  for await (const piece of response) {
    t.ok(piece.byteLength <= 64 * 1024);
    size += piece.byteLength;
    // Time enough to decode all of it.
    await new Promise((resolve) => setTimeout(resolve, 5));
    most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
    if (size > 3 * MiB) break;
  }
  t.ok(most < 32 * MiB, `${most} bytes`);
  t.strictSame([feed.pulls, feed.cancels], [1, 1]);
});

t.test('leaving early closes what is within', async (t) => {
  for (const wait of [0, 1, 3]) {
    const feed = new Feed(sliced(encoded(NOISE, 'gzip'), 10_000));
    const response = await decoding('gzip', feed);
    let pieces = 0;
    if (wait > 0) for await (const _ of response) if (++pieces === wait) break;
    await response.close();
    await response.close();
    t.equal(feed.cancels, 1);
  }
});

t.test('what is being read when it is closed fails', async (t) => {
  const gate = deferred<Uint8Array | null>();
  const source = {
    bytesReceived: 0,
    trailers: null,
    cancels: 0,
    pull: () => gate.promise,
    async cancel() {
      this.cancels++;
    },
  };
  const waiting = await get(answering('gzip', source));
  const first = waiting[Symbol.asyncIterator]().next();
  await waiting.close();
  gate.resolve(encoded(BYTES, 'gzip'));
  await t.rejects(first, ClosedError, 'while it waits for bytes');
  t.equal(source.cancels, 1);

  const feed = new Feed([encoded(Buffer.alloc(50 * MiB), 'gzip')]);
  const working = await decoding('gzip', feed);
  const pieces = working[Symbol.asyncIterator]();
  await pieces.next();
  await pieces.next();
  const next = pieces.next();
  await working.close();
  const outcome = await next.catch((error: unknown) => error);
  t.ok(
    outcome instanceof ClosedError || (outcome as IteratorResult<Uint8Array>).done === false,
    'while it decodes',
  );
  t.equal(feed.cancels, 1);
});

t.test('what the body within fails with passes through unchanged', async (t) => {
  const failure = new Error('the line is dead');
  const body = encoded(NOISE, 'gzip');
  for (const pieces of [[], sliced(body, 1000).slice(0, 5), [body.subarray(0, -1)], [body]]) {
    for (const coding of ['gzip', 'gzip, identity']) {
      const all = await get(answering(coding, new Feed(pieces, { failure })));
      t.equal(await rejection(all.bytes()), failure);
      const feed = new Feed(pieces, { failure });
      t.equal(await rejection(collect(await get(answering(coding, feed)))), failure);
      t.equal(feed.cancels, 1);
    }
  }
});

t.test('a body that cannot be decoded is closed', async (t) => {
  for (const body of [Buffer.from('nonsense'), encoded(NOISE, 'gzip').fill(7, 100_000, 100_010)]) {
    const feed = new Feed([...sliced(body, 20_000), NOISE, NOISE]);
    await t.rejects((await decoding('gzip', feed)).bytes(), DecodingError);
    t.equal(feed.cancels, 1);
  }
});

t.test('an abort ends the decoding of what has come too', async (t) => {
  const controller = new AbortController();
  const feed = new Feed([encoded(Buffer.alloc(50 * MiB), 'gzip')]);
  const response = await decoding('gzip', feed, { signal: controller.signal });
  const reason = new Error('enough');
  let pieces = 0;
  const reading = (async () => {
    for await (const _ of response) if (++pieces === 3) controller.abort(reason);
  })();
  t.equal(await rejection(reading), reason);
  t.equal(pieces, 3);
  t.equal(feed.cancels, 1);
});

t.test('an error says what was asked for and what went wrong, and keeps the cause', async (t) => {
  const response = await get(answering('gzip', Buffer.from('nonsense')));
  const error = await rejection(response.text(), DecodingError);
  t.equal(
    error.message,
    'GET http://example.test/: the body is not the gzip that its Content-Encoding says: incorrect header check',
  );
  t.equal((error.cause as NodeJS.ErrnoException).code, 'Z_DATA_ERROR');
  t.equal(error.code, 'ERR_DECODING');
  t.equal(error.request.url.href, URL);
  t.equal(await rejection(response.text()), error, 'and stays the same');
});

t.test('many at once do not come in each other’s way', async (t) => {
  const bodies = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i * 10_000, `${i} `));
  const codings = [...ENCODINGS.keys()];
  const read = bodies.map(async (bytes, i) => {
    const coding = codings[i % codings.length] as string;
    const feed = new Feed(sliced(encoded(bytes, coding), 500));
    return (await collect(await decoding(coding, feed))).equals(bytes);
  });
  t.strictSame(
    await Promise.all(read),
    bodies.map(() => true),
  );
});

// ── the client ──────────────────────────────────────────────────────────────────────────────────

t.test('a client asks for compressed bodies and decodes them', async (t) => {
  const transport = answering('gzip', encoded(BYTES, 'gzip'));
  await using client = new Client({ transport });
  t.match(client.toString(), /CookieMiddleware → DecodeMiddleware → Answering$/);
  t.equal(await (await client.get(URL)).text(), TEXT);
  t.equal(transport.requests.at(-1)?.headers.get('accept-encoding'), ACCEPTED);
});

t.test('what a client is told of Accept-Encoding counts, and null is none', async (t) => {
  const transport = answering('gzip', encoded(BYTES, 'gzip'));
  const sent = async (
    own: string | null,
    of: 'client' | 'request',
  ): Promise<string | null | undefined> => {
    const headers = { 'Accept-Encoding': own };
    await using client = new Client({ transport, ...(of === 'client' ? { headers } : {}) });
    const response = await client.get(URL, of === 'request' ? { headers } : {});
    t.equal(await response.text(), TEXT, 'it is decoded all the same');
    return transport.requests.at(-1)?.headers.get('accept-encoding');
  };
  for (const of of ['client', 'request'] as const) {
    t.equal(await sent(null, of), null);
    t.equal(await sent('identity', of), 'identity');
    t.equal(await sent('br;q=1.0', of), 'br;q=1.0');
  }
});

t.test(
  'decode: false, of the client or the request, asks for nothing and decodes nothing',
  async (t) => {
    const body = encoded(BYTES, 'gzip');
    const transport = answering('gzip', body);
    await using never = new Client({ transport, decode: false });
    t.notMatch(never.toString(), /Decode/);
    t.strictSame(await (await never.get(URL)).bytes(), body);
    t.equal(transport.requests.at(-1)?.headers.has('accept-encoding'), false);

    await using client = new Client({ transport });
    t.strictSame(await (await client.get(URL, { decode: false })).bytes(), body);
    t.equal(transport.requests.at(-1)?.headers.has('accept-encoding'), false);
    await client.get(URL, { decode: false, headers: { 'accept-encoding': 'gzip' } });
    t.equal(
      transport.requests.at(-1)?.headers.get('accept-encoding'),
      'gzip',
      'but for what it says itself',
    );
  },
);

t.test('a client hands its bounds on', async (t) => {
  const transport = answering('gzip', encoded(BYTES, 'gzip'));
  await using client = new Client({ transport, decode: { maxSize: 20 } });
  await t.rejects(client.get(URL), /more than 20 bytes/);
  t.equal(await (await client.get(URL, { decode: { maxSize: 1000 } })).text(), TEXT);
  t.equal(transport.requests[0]?.headers.get('accept-encoding'), ACCEPTED);

  await using silent = new Client({ transport, decode: { advertise: false } });
  t.equal(await (await silent.get(URL)).text(), TEXT);
  t.equal(transport.requests.at(-1)?.headers.has('accept-encoding'), false);
});

t.test('a client asks for a part as it is', async (t) => {
  const transport = answering(null, null);
  await using client = new Client({ transport });
  await client.get(URL, { headers: { Range: 'bytes=0-99' } });
  t.equal(transport.requests[0]?.headers.get('accept-encoding'), 'identity');
  await client.get(URL, { headers: { Range: 'bytes=0-99', 'accept-encoding': 'gzip' } });
  t.equal(transport.requests[1]?.headers.get('accept-encoding'), 'gzip');
});

t.test('an option that is not there is a TypeError that says which one is', async (t) => {
  const wrong = (decode: unknown) => () => new Client({ decode: decode as DecodeOptions });
  t.throws(wrong({ maxsize: 1 }), {
    name: 'TypeError',
    message: /decode: there is no option "maxsize"; did you mean maxSize\?/,
  });
  t.throws(wrong('gzip'), TypeError);
  t.throws(wrong({ maxSize: -1 }), TypeError);
  await using client = new Client({ transport: answering(null, null) });
  const request = client.get(URL, { decode: { maxRate: 1 } as object });
  await t.rejects(request, { name: 'TypeError', message: /did you mean maxRatio\?/ });
});

// ── the wire ────────────────────────────────────────────────────────────────────────────────────

function acceptEncodingOf({ requests }: ScriptServer, place: number): string | undefined {
  const fields = requests[place]?.headers ?? [];
  return fields.find(([name]) => name.toLowerCase() === 'accept-encoding')?.[1];
}

function gzipped(bytes: Uint8Array, status = '200 OK', ...fields: string[]): Buffer {
  const body = zlib.gzipSync(bytes);
  const head = lines(
    `HTTP/1.1 ${status}`,
    'Content-Encoding: gzip',
    `Content-Length: ${body.length}`,
    ...fields,
    '',
    '',
  );
  return Buffer.concat([Buffer.from(head), body]);
}

t.test('off the wire: every split of a small response', async (t) => {
  const body = zlib.gzipSync('split');
  const head = lines(
    'HTTP/1.1 200 OK',
    'Content-Encoding: gzip',
    'Transfer-Encoding: chunked',
    '',
    '',
  );
  const chunks = sliced(body, 4).flatMap((piece) => [
    Buffer.from(`${piece.byteLength.toString(16)}\r\n`),
    piece,
    Buffer.from('\r\n'),
  ]);
  const answer = Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]);
  await using server = await ScriptServer.start([
    connection(
      ...[undefined, 1, 5, 16].map((split) => reply(answer, split === undefined ? {} : { split })),
    ),
  ]);
  await using client = new Client();
  for (let i = 0; i < 4; i++) t.equal(await (await client.get(server.url)).text(), 'split');
  t.equal(acceptEncodingOf(server, 0), ACCEPTED);
});

t.test('off the wire: a discarded redirect is not decoded, and the next answer is', async (t) => {
  await using server = await ScriptServer.start([
    connection(
      reply(gzipped(Buffer.from('moved'), '302 Found', 'Location: /next')),
      reply(gzipped(BYTES)),
      reply(gzipped(Buffer.from('moved').subarray(1), '302 Found', 'Location: /next')),
    ),
  ]);
  await using client = new Client();
  const response = await client.get(server.url);
  t.equal(await response.text(), TEXT);
  t.equal(acceptEncodingOf(server, 1), ACCEPTED);
  const unfollowed = await client.get(server.url, { redirect: false });
  t.equal(await unfollowed.text(), 'oved', 'but for one that is kept');
  t.equal(server.connections.count, 1);
});

t.test('off the wire: a body that cannot be decoded leaves the connection usable', async (t) => {
  const nonsense = lines(
    'HTTP/1.1 200 OK',
    'Content-Encoding: gzip',
    'Content-Length: 8',
    '',
    'nonsense',
  );
  const short = gzipped(BYTES).subarray(0, -4);
  await using server = await ScriptServer.start([
    connection(
      reply(nonsense),
      reply(
        Buffer.from(
          short.toString('latin1').replace(/(?<=Length: )\d+/, (n) => String(Number(n) - 4)),
          'latin1',
        ),
      ),
      reply(gzipped(BYTES)),
    ),
  ]);
  await using client = new Client();
  await t.rejects(client.get(server.url), DecodingError);
  await t.rejects(client.get(server.url), /cut short/);
  t.equal(await (await client.get(server.url)).text(), TEXT);
  t.equal(server.connections.count, 1);
});

t.test('off the wire: a connection that breaks in mid-body is a ReadError', async (t) => {
  const answer = gzipped(NOISE);
  await using server = await ScriptServer.start([
    repeat(connection(requested(), send(answer.subarray(0, 100_000)), reset())),
  ]);
  await using client = new Client();
  await t.rejects(client.get(server.url), ReadError);
  await t.rejects(async () => {
    await using response = await client.stream('GET', server.url);
    await collect(response);
  }, ReadError);
});

t.test(
  'off the wire: an abort in mid-body rejects with its reason, and early close cuts off',
  async (t) => {
    const answer = gzipped(Buffer.concat(Array.from({ length: 20 }, () => NOISE)));
    await using server = await ScriptServer.start([
      repeat(connection(requested(), send(answer.subarray(0, 2_000_000)))),
    ]);
    await using client = new Client();
    const controller = new AbortController();
    const reason = new Error('mine');
    const aborted = (async () => {
      await using response = await client.stream('GET', server.url, { signal: controller.signal });
      for await (const _ of response) controller.abort(reason);
    })();
    t.equal(await rejection(aborted), reason);
    await server.connectionClosed(1);

    const response = await client.stream('GET', server.url);
    for await (const _ of response) break;
    await server.connectionClosed(2);
  },
);

t.test('off the wire: a large body of each coding, with cookies and redirects', async (t) => {
  const large = Buffer.concat(Array.from({ length: 25 }, () => NOISE));
  const codings = ['gzip', 'deflate', 'br', ...(HAS_ZSTD ? ['zstd'] : [])];
  const bodies = new Map(codings.map((coding) => [coding, encoded(large, coding)]));
  await using server = await okServer((request, response) => {
    const coding = (request.url as string).slice(1);
    if (!request.headers.cookie)
      return response.writeHead(307, { 'set-cookie': 'a=1', location: request.url }).end();
    response.writeHead(200, { 'content-encoding': coding });
    return response.end(bodies.get(coding));
  });
  await using client = new Client({ cookies: true });
  for (const coding of codings) {
    t.ok(large.equals(await (await client.get(`${server.url}/${coding}`)).bytes()), coding);
    await using response = await client.stream('GET', `${server.url}/${coding}`);
    let size = 0;
    for await (const piece of response) size += piece.byteLength;
    t.equal(size, large.byteLength);
    t.equal(response.bytesDownloaded, bodies.get(coding)?.byteLength);
  }
});

t.test('it stands in any stack', async (t) => {
  const transport = answering('gzip', encoded(BYTES, 'gzip'));
  const inner = stack(
    RedirectMiddleware.layer(),
    CookieMiddleware.layer(),
    DecodeMiddleware.layer({ maxSize: 10_000 }),
    transport,
  );
  t.equal(inspect(inner), '<RedirectMiddleware → CookieMiddleware → DecodeMiddleware → Answering>');
  t.equal(await (await inner.request('GET', URL)).text(), TEXT);
});
