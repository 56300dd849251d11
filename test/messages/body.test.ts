import { Readable } from 'node:stream';
import t from 'tap';
import { type BodyInit, contentOf } from '../../src/messages/body.ts';
import type { Content } from '../../src/messages/content/content.ts';
import {
  BytesContent,
  HTMLContent,
  JSONContent,
  TextContent,
} from '../../src/messages/content/memory.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { random } from '../support/random.ts';
import { ok, ScriptServer } from '../support/script-server.ts';

assertNoLeaks(t);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const view = Uint8Array.from(bytes('<abc>')).subarray(1, 4);
const { buffer } = Uint8Array.from(bytes('abc'));

function web(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function* later(...pieces: (Uint8Array | string)[]): AsyncGenerator<Uint8Array | string> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

const custom: Content = {
  replayable: true,
  contentLength: 3,
  contentType: 'x/y',
  stream: () => web(view),
};
const unsized: Content = { replayable: false, stream: () => web(view) };
const trailing: Content = { ...custom, trailers: () => [['X-Sum', '7']] };

/** What is given, how it arrives, under what type; and whether its length is known. */
const ARRIVALS: [
  what: string,
  init: RequestInit,
  body: string,
  type: string | undefined,
  sized: boolean,
][] = [
  ['a string', { body: 'abc' }, 'abc', 'text/plain;charset=UTF-8', true],
  ['a string beyond ASCII', { body: 'é€😀' }, 'é€😀', 'text/plain;charset=UTF-8', true],
  ['an empty string', { body: '' }, '', 'text/plain;charset=UTF-8', true],
  ['bytes', { body: bytes('abc') }, 'abc', undefined, true],
  ['no bytes', { body: new Uint8Array(0) }, '', undefined, true],
  ['a part of an array of bytes', { body: view }, 'abc', undefined, true],
  ['a Buffer', { body: Buffer.from('abc') }, 'abc', undefined, true],
  ['an ArrayBuffer', { body: buffer }, 'abc', undefined, true],
  ['a view of an ArrayBuffer', { body: new DataView(buffer, 1) }, 'bc', undefined, true],
  [
    'a typed array',
    { body: new Uint16Array(Uint8Array.from(bytes('abcd')).buffer) },
    'abcd',
    undefined,
    true,
  ],
  ['a Blob', { body: new Blob(['abc']) }, 'abc', undefined, true],
  [
    'a Blob with a type',
    { body: new Blob(['abc'], { type: 'text/css' }) },
    'abc',
    'text/css',
    true,
  ],
  ['a File', { body: new File(['abc'], 'x', { type: 'text/css' }) }, 'abc', 'text/css', true],
  [
    'URLSearchParams',
    { body: new URLSearchParams({ a: 'b c' }) },
    'a=b+c',
    'application/x-www-form-urlencoded;charset=UTF-8',
    true,
  ],
  ['a Node stream', { body: Readable.from([bytes('ab'), bytes('c')]) }, 'abc', undefined, false],
  ['a Node stream of text', { body: Readable.from(['é', 'c']) }, 'éc', undefined, false],
  ['an empty Node stream', { body: Readable.from([]) }, '', undefined, false],
  ['a web stream', { body: web(bytes('ab'), bytes('c')) }, 'abc', undefined, false],
  ['an async iterable', { body: later('é', bytes('bc')) }, 'ébc', undefined, false],
  ['an iterable', { body: new Set([bytes('ab'), bytes('c')]) }, 'abc', undefined, false],
  ['an iterable of text', { body: ['é', '', 'c'] }, 'éc', undefined, false],
  ['json', { json: { a: ['é', null] } }, '{"a":["é",null]}', 'application/json', true],
  ['json that is null', { json: null }, 'null', 'application/json', true],
  ['json that is false', { json: false }, 'false', 'application/json', true],
  ['json that is 0', { json: 0 }, '0', 'application/json', true],
  ['json that is an empty string', { json: '' }, '""', 'application/json', true],
  [
    'a form',
    { form: { a: 'b c', d: [1, true] } },
    'a=b+c&d=1&d=true',
    'application/x-www-form-urlencoded;charset=UTF-8',
    true,
  ],
  ['a TextContent', { body: new TextContent('abc', 'text/css') }, 'abc', 'text/css', true],
  ['an HTMLContent', { body: new HTMLContent('<p>') }, '<p>', 'text/html;charset=UTF-8', true],
  ['a JSONContent', { body: new JSONContent([1]) }, '[1]', 'application/json', true],
  [
    'a BytesContent',
    { body: new BytesContent(bytes('abc'), 'image/png') },
    'abc',
    'image/png',
    true,
  ],
  ['a content of one’s own', { body: custom }, 'abc', 'x/y', true],
  ['a content of unknown length', { body: unsized }, 'abc', undefined, false],
  ['a content with trailers', { body: trailing }, 'abc', 'x/y', false],
];

t.test(
  'every kind of body arrives at a server: its bytes, its type, and its length or chunks',
  async (t) => {
    await using server = await ScriptServer.start(() => ok());
    await using pool = new ConnectionPool();
    for (const [what, init, body, type, sized] of ARRIVALS) {
      await pool.request('POST', server.url, init);
      const received = await server.request(server.requests.length);
      t.equal(received.body.toString(), body, what);
      t.equal(received.header('content-type'), type, `${what}: its type`);
      t.equal(
        received.header('content-length'),
        sized ? String(Buffer.byteLength(body)) : undefined,
        `${what}: its length`,
      );
      t.equal(
        received.header('transfer-encoding'),
        sized ? undefined : 'chunked',
        `${what}: its coding`,
      );
      t.same(received.trailers, body === 'abc' && init.body === trailing ? [['X-Sum', '7']] : []);
    }
    t.equal(server.connections.count, 1, 'each leaves the connection as it should be');
  },
);

t.test('FormData arrives as a form with files', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using pool = new ConnectionPool();
  const body = new FormData();
  body.append('text', 'é');
  body.append('file', new File([Buffer.alloc(300_000, 'x')], 'x.bin', { type: 'image/png' }));
  await pool.request('POST', server.url, { body });
  const received = await server.request(1);
  const [, boundary] =
    /^multipart\/form-data; boundary=(.+)$/.exec(received.header('content-type') ?? '') ?? [];
  t.equal(received.header('content-length'), String(received.bodySize));
  t.equal(
    received.body
      .toString()
      .replace(/x{300000}/, '…')
      .replaceAll(String(boundary), 'B'),
    '--B\r\nContent-Disposition: form-data; name="text"\r\n\r\né\r\n' +
      '--B\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\nContent-Type: image/png\r\n\r\n…\r\n--B--\r\n',
  );
});

t.test(
  'a request without a body says so where its method would have one, and else says nothing',
  async (t) => {
    await using server = await ScriptServer.start(() => ok());
    await using pool = new ConnectionPool();
    for (const [method, length] of [
      ['GET', undefined],
      ['DELETE', undefined],
      ['OPTIONS', undefined],
      ['POST', '0'],
      ['PUT', '0'],
      ['PATCH', '0'],
    ] as const) {
      for (const init of [{}, { body: null }, { json: undefined }]) {
        await pool.request(method, server.url, init);
        const received = await server.request(server.requests.length);
        t.same(
          ['content-length', 'transfer-encoding', 'content-type'].map((name) =>
            received.header(name),
          ),
          [length, undefined, undefined],
          method,
        );
      }
    }
  },
);

t.test('random bytes in random pieces arrive as they are', async (t) => {
  await using server = await ScriptServer.start(() => ok());
  await using pool = new ConnectionPool();
  const r = random(20_267);
  for (let round = 0; round < 20; round++) {
    const pieces = Array.from({ length: r.int(0, 6) }, () =>
      r.bytes(r.pick([0, 1, 10, 1000, 70_000])),
    );
    const whole = Buffer.concat(pieces);
    for (const body of [whole, later(...pieces), web(...pieces), new Blob(pieces)]) {
      await pool.request('PUT', server.url, { body });
      t.ok((await server.request(server.requests.length)).body.equals(whole));
    }
  }
});

t.test('a stream is pulled as the server takes it, and not all ahead', async (t) => {
  const piece = Buffer.alloc(1024 * 1024);
  let pulled = 0;
  const body = (async function* () {
    for (; pulled < 256; pulled++) yield piece;
  })();
  await using server = await ScriptServer.start(() => ok());
  await using pool = new ConnectionPool();
  const sent = pool.request('PUT', server.url, { body });
  const wire = await server.connection(1);
  await server.request(1);
  wire.stopReading();
  // Loopback swallows some megabytes; then the source has to wait.
  let before = -1;
  while (pulled !== before) {
    before = pulled;
    for (let turns = 0; turns < 50; turns++)
      await new Promise((resolve) => void setImmediate(resolve));
  }
  t.ok(pulled < 128, `${pulled} MB were pulled`);
  wire.resumeReading();
  await sent;
  t.equal((await server.request(1)).bodySize, 256 * piece.length);
});

t.test('what is no body is a TypeError that says what came', async (t) => {
  for (const [body, came] of [
    [7, 'Number'],
    [true, 'Boolean'],
    [{}, 'Object'],
    [{ a: 1 }, 'Object'],
    [{ stream: () => [] }, 'Object'],
    [new Date(), 'Date'],
    [() => 'x', 'Function'],
    [Symbol('x'), 'Symbol'],
    [null, 'null'],
    [undefined, 'Undefined'],
    [Promise.resolve('x'), 'Promise'],
  ] as const) {
    t.throws(() => contentOf(body as BodyInit), {
      name: 'TypeError',
      message: `body: expected a string, bytes, Blob, URLSearchParams, FormData, stream, iterable or Content, got ${came}`,
    });
  }
});
