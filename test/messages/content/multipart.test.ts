import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import busboy from 'busboy';
import t from 'tap';
import { FileContent } from '../../../src/messages/content/file.ts';
import { BytesContent, HTMLContent, JSONContent } from '../../../src/messages/content/memory.ts';
import {
  MultipartContent,
  type MultipartInit,
  type MultipartOptions,
  type MultipartValue,
} from '../../../src/messages/content/multipart.ts';
import { StreamContent } from '../../../src/messages/content/stream.ts';
import { Request } from '../../../src/messages/request.ts';
import { ConnectionPool } from '../../../src/transports/connection-pool.ts';
import { collect } from '../../support/collect.ts';
import { okServer } from '../../support/ok-server.ts';
import { random } from '../../support/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'multipart-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const image = join(folder, 'foo.png');
writeFileSync(image, 'pixels');

async function sent(fields: MultipartInit, options: MultipartOptions = {}): Promise<string> {
  const content = new MultipartContent(fields, { boundary: 'B', ...options });
  const bytes = await collect(content.stream());
  if (content.contentLength !== undefined && content.contentLength !== bytes.byteLength)
    throw new Error(`announced ${content.contentLength} bytes, sent ${bytes.byteLength}`);
  return bytes.toString();
}

/** Each part: its header lines after `Content-Disposition: form-data; `, and what is in it. */
async function partsOf(fields: MultipartInit, options?: MultipartOptions): Promise<string[]> {
  const whole = `\r\n${await sent(fields, options)}`;
  return whole
    .split('\r\n--B')
    .slice(1, -1)
    .map((part) => part.replace('\r\nContent-Disposition: form-data; ', ''));
}

async function* bytesOf(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

t.test('parts stand between boundaries, in their order, each with its head', async (t) => {
  t.equal(
    await sent({ title: 'Sunset', photo: ['a.png', 'pixels'] }),
    [
      '--B',
      'Content-Disposition: form-data; name="title"',
      '',
      'Sunset',
      '--B',
      'Content-Disposition: form-data; name="photo"; filename="a.png"',
      'Content-Type: image/png',
      '',
      'pixels',
      '--B--',
      '',
    ].join('\r\n'),
  );
  t.equal(await sent({}), '--B--\r\n', 'none at all');
});

t.test('a value is sent by what it is', async (t) => {
  const file = new File(['x'], 'ä.css', { type: 'text/x' });
  const untyped = new File(['x'], 'a.css');
  const cases: [why: string, MultipartValue, string][] = [
    ['a string is a plain field', 'é', 'name="f"\r\n\r\né'],
    ['a number', 7, 'name="f"\r\n\r\n7'],
    ['a boolean', false, 'name="f"\r\n\r\nfalse'],
    ['bytes are a file without a name', Buffer.from('x'), UPLOAD],
    ['an ArrayBuffer', Uint8Array.of(0x78).buffer, UPLOAD],
    ['a Blob', new Blob(['x']), UPLOAD],
    [
      'a Blob with a type',
      new Blob(['x'], { type: 'text/css' }),
      'name="f"; filename="upload"\r\nContent-Type: text/css\r\n\r\nx',
    ],
    ['a File', file, 'name="f"; filename="ä.css"\r\nContent-Type: text/x\r\n\r\nx'],
    [
      'a File without a type',
      untyped,
      'name="f"; filename="a.css"\r\nContent-Type: text/css\r\n\r\nx',
    ],
    ['a stream', Readable.from([Buffer.from('x')]), UPLOAD],
    ['a web stream', new Blob(['x']).stream(), UPLOAD],
    ['an async iterable', bytesOf('x'), UPLOAD],
    ['an iterable', new Set(['x']), UPLOAD],
    [
      'the stream of a file',
      createReadStream(image),
      'name="f"; filename="foo.png"\r\nContent-Type: image/png\r\n\r\npixels',
    ],
    [
      'a FileContent',
      new FileContent(image),
      'name="f"; filename="foo.png"\r\nContent-Type: image/png\r\n\r\npixels',
    ],
    [
      'JSON is a plain field with a type',
      new JSONContent([1]),
      'name="f"\r\nContent-Type: application/json\r\n\r\n[1]',
    ],
    [
      'any Content',
      new HTMLContent('x'),
      'name="f"\r\nContent-Type: text/html;charset=UTF-8\r\n\r\nx',
    ],
    ['a Content without a type', new BytesContent(Buffer.from('x')), 'name="f"\r\n\r\nx'],
  ];
  for (const [why, value, expected] of cases) t.same(await partsOf({ f: value }), [expected], why);
  t.same(
    await partsOf({ a: null, b: undefined, c: '1' }),
    ['name="c"\r\n\r\n1'],
    'nothing is left out',
  );
});

const UPLOAD = 'name="f"; filename="upload"\r\nContent-Type: application/octet-stream\r\n\r\nx';

// httpx: "if a tuple is used as a value, it must have between 2 and 3 elements" (and a fourth, with headers).
t.test('a list says it in full: file name, content, type, headers', async (t) => {
  const cases: [why: string, MultipartValue, string][] = [
    [
      'the type is guessed from the name',
      ['r.xls', 'x'],
      typed('r.xls', 'application/vnd.ms-excel'),
    ],
    ['whatever its case', ['R.PNG', 'x'], typed('R.PNG', 'image/png')],
    ['by the last ending', ['a.png.txt', 'x'], typed('a.png.txt', 'text/plain')],
    ['unknown', ['a.klingon', 'x'], typed('a.klingon', 'application/octet-stream')],
    ['without an ending', ['png', 'x'], typed('png', 'application/octet-stream')],
    ['a name that is all ending', ['.png', 'x'], typed('.png', 'application/octet-stream')],
    ['of a folder with a point', ['a.png/b', 'x'], typed('a.png/b', 'application/octet-stream')],
    ['the type is given', ['a.png', 'x', 'a/b'], typed('a.png', 'a/b')],
    ['null leaves it open', ['a.png', 'x', null], typed('a.png', 'image/png')],
    ['no file name, no type', [null, 'x'], 'name="f"\r\n\r\nx'],
    ['even where one is given', [null, 'x', 'text/plain'], 'name="f"\r\n\r\nx'],
    ['even where the content has one', [null, new JSONContent(1)], 'name="f"\r\n\r\n1'],
    ['an empty name is none', ['', 'x'], 'name="f"\r\n\r\nx'],
    ['a number', ['a.txt', 7], typed('a.txt', 'text/plain').replace(/x$/, '7')],
    ['bytes', ['a.png', Buffer.from('x')], typed('a.png', 'image/png')],
    ['a stream', ['a.png', Readable.from(['x'])], typed('a.png', 'image/png')],
    ['a Blob without a type', ['a.png', new Blob(['x'])], typed('a.png', 'image/png')],
    [
      'the type of a Blob comes before the guess',
      ['a.png', new Blob(['x'], { type: 'a/b' })],
      typed('a.png', 'a/b'),
    ],
    [
      'that of a Content too',
      ['a.png', new StreamContent(['x'], { contentType: 'a/b' })],
      typed('a.png', 'a/b'),
    ],
    [
      'headers of its own',
      ['a.png', 'x', null, { 'X-Id': '7' }],
      'name="f"; filename="a.png"\r\nContent-Type: image/png\r\nX-Id: 7\r\n\r\nx',
    ],
    [
      'a type there comes before all others',
      ['a.png', 'x', 'a/b', { 'content-type': 'c/d' }],
      'name="f"; filename="a.png"\r\ncontent-type: c/d\r\n\r\nx',
    ],
    [
      'and is how a field without a file gets one',
      [null, '{}', null, [['Content-Type', 'application/json']]],
      'name="f"\r\nContent-Type: application/json\r\n\r\n{}',
    ],
  ];
  for (const [why, value, expected] of cases) t.same(await partsOf({ f: value }), [expected], why);
});

function typed(filename: string, type: string): string {
  return `name="f"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\nx`;
}

t.test('a list of [field, value] repeats a field', async (t) => {
  const images: MultipartInit = [
    ['images', ['foo.png', 'a', 'image/png']],
    ['images', ['bar.png', 'b', 'image/png']],
  ];
  const expected = [
    'name="images"; filename="foo.png"\r\nContent-Type: image/png\r\n\r\na',
    'name="images"; filename="bar.png"\r\nContent-Type: image/png\r\n\r\nb',
  ];
  t.same(await partsOf(images), expected);
  const form = new FormData();
  form.append('a', '1');
  form.append('a', new Blob(['x']), 'b.txt');
  t.same(await partsOf(form), [
    'name="a"\r\n\r\n1',
    'name="a"; filename="b.txt"\r\nContent-Type: text/plain\r\n\r\nx',
  ]);
});

t.test('the fields of form come first', async (t) => {
  t.same(await partsOf({ f: ['a.txt', 'x'] }, { form: { a: ['1', 2], b: null, c: true } }), [
    'name="a"\r\n\r\n1',
    'name="a"\r\n\r\n2',
    'name="c"\r\n\r\ntrue',
    typed('a.txt', 'text/plain'),
  ]);
});

// WHATWG HTML §4.10.21.8
t.test('names are escaped, values are not', async (t) => {
  t.same(await partsOf([['a"\r\nb\nc\rd%\\é', ['"\r\n\r\n%\\é.txt', '"\n\r']]]), [
    'name="a%22%0D%0Ab%0D%0Ac%0D%0Ad%\\é"; filename="%22%0D%0A%0D%0A%\\é.txt"\r\nContent-Type: text/plain\r\n\r\n"\n\r',
  ]);
});

t.test('a boundary can be given, and is quoted where it has to be', async (t) => {
  const typeWith = (boundary?: string): string =>
    new MultipartContent({}, { boundary }).contentType;
  t.equal(typeWith('+++'), 'multipart/form-data; boundary=+++');
  t.equal(typeWith("a b'(),/:=?"), `multipart/form-data; boundary="a b'(),/:=?"`);
  t.equal(typeWith('x'.repeat(70)), `multipart/form-data; boundary=${'x'.repeat(70)}`);
  t.match(typeWith(), /^multipart\/form-data; boundary=----strata-[\w-]{36}$/);
  t.not(typeWith(), typeWith(), 'each has its own');
  for (const bad of ['', 'x'.repeat(71), 'a ', 'a"b', 'a\r\nb', 'a;b', 'é', 7]) {
    t.throws(() => typeWith(bad as string), {
      name: 'TypeError',
      message: /^boundary: expected 1 to 70 of the characters of RFC 2046 §5.1.1, got /,
    });
  }
});

t.test(
  'the length is known, and the body replayable, where that holds for every part',
  async (t) => {
    const stream = (contentLength?: number): StreamContent =>
      new StreamContent(bytesOf('x'), { contentLength });
    const cases: [MultipartInit, known: boolean, replayable: boolean, inMemory: boolean][] = [
      [{}, true, true, true],
      [{ a: 'é', b: Buffer.from('x') }, true, true, true],
      [{ a: 'é', b: new Blob(['é']) }, true, true, false],
      [{ a: 'é', b: new FileContent(image) }, true, true, false],
      [{ a: 'é', b: stream() }, false, false, false],
      [{ a: stream(1), b: 'é' }, true, false, false],
      [{ a: ['a.txt', stream(1)], b: bytesOf('x') }, false, false, false],
    ];
    for (const [fields, known, replayable, inMemory] of cases) {
      const content = new MultipartContent(fields);
      t.equal(content.contentLength !== undefined, known);
      t.equal(content.replayable, replayable);
      t.equal(content.bytes !== undefined, inMemory);
      const bytes = await collect(content.stream());
      if (known) t.equal(content.contentLength, bytes.byteLength);
      if (inMemory) t.same(Buffer.from(content.bytes!()), bytes);
      if (replayable) t.same(await collect(content.stream()), bytes, 'the same again');
    }
  },
);

t.test('one part is read after the other, and small ones leave together', async (t) => {
  const asked: string[] = [];
  const source = async function* (name: string): AsyncGenerator<Uint8Array> {
    asked.push(name);
    yield Buffer.alloc(10);
  };
  const content = new MultipartContent({ a: '1', b: source('b'), c: '2', d: source('d') });
  const pieces: string[] = [];
  for await (const piece of content.stream())
    pieces.push(`${piece.byteLength > 10} ${asked.join('')}`);
  t.same(pieces, ['true ', 'false b', 'true b', 'false bd', 'true bd']);
  const large = new MultipartContent({ a: 'x'.repeat(20_000), b: Buffer.alloc(1_000_000), c: '1' });
  const sizes: number[] = [];
  for await (const piece of large.stream()) sizes.push(piece.byteLength);
  t.equal(sizes.length, 5);
  t.same([sizes[1], sizes[3]], [20_000, 1_000_000], 'large ones are not copied');
});

t.test('bad input is a TypeError that names the field, and shows no value', async (t) => {
  const inTurn = (async function* () {})();
  const cases: [fields: unknown, message: string | RegExp][] = [
    [null, 'multipart: expected a record or a list of [field, value], got null'],
    ['x', 'multipart: expected a record or a list of [field, value], got string'],
    [['x'], 'multipart: expected a list of [field, value]'],
    [[['a', 'b', 'c']], 'multipart: expected a list of [field, value]'],
    [[[1, 'b']], 'multipart: expected a list of [field, value]'],
    [{ a: {} }, /^multipart\.a: expected a string, bytes, .*, got Object$/],
    [{ a: () => {} }, /^multipart\.a: expected .*, got Function$/],
    [{ a: ['a.txt', {}] }, /^multipart\.a: expected .*, got Object$/],
    [{ a: ['a.txt', null] }, /^multipart\.a: expected .*, got null$/],
    [{ a: [] }, LIST],
    [{ a: ['secret'] }, LIST],
    [{ a: [inTurn, inTurn] }, LIST],
    [{ a: [undefined, 'x'] }, LIST],
    [{ a: ['a', 'b', 'c', {}, 'e'] }, LIST],
    [
      { a: ['a.txt', 'x', 'a\r\nb'] },
      'multipart.a: header Content-Type: the value has a character that HTTP does not allow there, U+000D',
    ],
    [{ a: ['a.txt', 'x', 7] }, LIST],
    [
      { a: ['a.txt', 'x', null, 7] },
      'multipart.a: headers: expected a record, pairs or Headers, got number',
    ],
    [{ a: ['a.txt', 'x', null, { 'a b': '1' }] }, /^multipart\.a: header name: expected a token/],
    [{ a: ['a.txt', 'x', null, { a: '1\r\nb: 2' }] }, /^multipart\.a: header a: the value has/],
    [
      { a: ['a.txt', 'x', null, { 'content-DISPOSITION': 'form-data' }] },
      'multipart.a: Content-Disposition is made of the name and the file name',
    ],
  ];
  for (const [fields, message] of cases)
    t.throws(() => new MultipartContent(fields as MultipartInit), { name: 'TypeError', message });
  t.throws(() => new MultipartContent({}, { form: { a: {} as never } }), {
    message: 'form.a: expected a string, number or boolean, got object',
  });
});

const LIST =
  'multipart.a: expected [filename | null, content, type?, headers?]; a field that comes more than once needs a list of [field, value]';

t.test('a request takes its fields as multipart, beside form', async (t) => {
  const request = new Request('POST', 'http://h/', {
    form: { a: 1 },
    multipart: { f: ['x', 'y'] },
  });
  const type = request.headers.get('content-type') ?? '';
  t.match(type, /^multipart\/form-data; boundary=----strata-/);
  const text = (await collect(request.content!.stream())).toString();
  t.match(text, /name="a"\r\n\r\n1\r\n.*name="f"; filename="x"/s);
  const other = request.with({ multipart: { b: '2' } });
  t.not(other.headers.get('content-type'), type, 'another body has another boundary');
  t.equal(other.headers.get('content-type'), other.content?.contentType);
  t.notOk(request.with({ body: null }).headers.has('content-type'));
  t.equal(request.with({ json: 1 }).headers.get('content-type'), 'application/json');
});

t.test('a Content-Type that is set by hand brings the boundary', async (t) => {
  const of = (type: string): Request =>
    new Request('POST', 'http://h/', { headers: { 'content-type': type }, multipart: { a: '1' } });
  const request = of('multipart/form-data; charset=x; boundary="a b"');
  t.equal(request.headers.get('content-type'), 'multipart/form-data; charset=x; boundary="a b"');
  t.match((await collect(request.content!.stream())).toString(), /^--a b\r\n.*\r\n--a b--\r\n$/s);
  t.match(
    (await collect(of('multipart/mixed; boundary=x').content!.stream())).toString(),
    /^--x\r\n/,
  );
  t.throws(() => of('multipart/form-data'), {
    name: 'TypeError',
    message:
      'content-type: expected a boundary, since the body is multipart, got multipart/form-data; without this header it is filled in',
  });
  t.throws(() => of('multipart/form-data; boundary="é"'), { message: /^boundary: expected/ });
});

t.test('servers read what was meant', async (t) => {
  type Seen = [name: string, value: string, filename?: string, type?: string];
  const parsers: Record<string, (type: string, body: Readable) => Promise<Seen[]>> = {
    busboy: (type, body) =>
      new Promise((resolve, reject) => {
        const seen: Seen[] = [];
        const waiting: Promise<unknown>[] = [];
        body
          .pipe(busboy({ headers: { 'content-type': type }, defParamCharset: 'utf8' }))
          .on('field', (name, value) => seen.push([name, value]))
          .on('file', (name, file, { filename = '', mimeType }) => {
            const entry: Seen = [name, '', filename, mimeType];
            seen.push(entry);
            waiting.push(collect(file).then((bytes) => (entry[1] = bytes.toString())));
          })
          .on('error', reject)
          .on('close', () => void Promise.all(waiting).then(() => resolve(seen), reject));
      }),
    platform: async (type, body) => {
      const headers = { 'content-type': type };
      // What is deprecated is to parse what comes from strangers.
      // oxlint-disable-next-line typescript/no-deprecated
      const form = await new Response(await collect(body), { headers }).formData();
      return Promise.all(
        Array.from(form, async ([name, value]): Promise<Seen> =>
          typeof value === 'string'
            ? [name, value]
            : [name, await value.text(), value.name ?? '', value.type],
        ),
      );
    },
  };
  const r = random(5);
  const text = (): string =>
    Array.from({ length: r.int(1, 9) }, () => r.pick(Array.from('ab%;=é😀-. \r\n'))).join('');
  let parse = parsers['busboy']!;
  await using server = await okServer(async (request, response) => {
    const seen = await parse(request.headers['content-type'] as string, request);
    response.end(JSON.stringify({ seen, length: request.headers['content-length'] ?? null }));
  });
  await using pool = new ConnectionPool();
  for (const [name, parser] of Object.entries(parsers)) {
    parse = parser;
    for (let round = 0; round < 30; round++) {
      const fields: [string, MultipartValue][] = [];
      const expected: Seen[] = [];
      let known = true;
      for (let count = r.int(1, 5); count > 0; count--) {
        const field = `f${r.int(0, 2)}é`;
        const value = text();
        const filename = `${r.pick(['ä b', 'x', "o'%"])}.${r.pick(['png', 'txt'])}`;
        const type = filename.endsWith('png') ? 'image/png' : 'text/plain';
        if (r() < 0.3) {
          fields.push([field, value]);
          expected.push([field, value]);
          continue;
        }
        const streamed = r() < 0.4;
        known &&= !streamed;
        fields.push([field, [filename, streamed ? bytesOf(value) : new Blob([value])]]);
        expected.push([field, value, filename, type]);
      }
      const response = await pool.request('POST', server.url, { multipart: fields });
      const { seen, length } = await response.json<{ seen: Seen[]; length: string | null }>();
      t.same(seen, expected, name);
      t.equal(length !== null, known, 'the length is announced where it is known');
    }
  }
});
