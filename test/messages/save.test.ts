import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { DecodingError, ReadError, StatusError } from '../../src/errors.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { resumeHeaders, type SaveOptions } from '../../src/messages/save.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';
import { type Given, StubSource } from '../support/stub-source.ts';

const request = new Request('GET', 'http://h/archive.bin');
const broken = new ReadError('the connection broke', { request });

/** A folder of the test's own, and a path in it. */
function place(t: Test) {
  const folder = t.testdir({});
  return {
    path: join(folder, 'archive.bin'),
    names: async () => (await readdir(folder)).toSorted(),
    text: (name = 'archive.bin') => readFile(join(folder, name), 'utf8'),
  };
}

const of = (...pieces: (Given | PromiseLike<Given>)[]): Response =>
  new Response(200, { body: new StubSource(...pieces), request });

// ── in full or not at all ───────────────────────────────────────────────────────────────────────

t.test('a body is written to a file', async (t) => {
  const { path, names, text } = place(t);
  t.same(await of('one ', '', 'two').saveTo(path), { path, bytes: 7 });
  t.equal(await text(), 'one two');
  t.same(await names(), ['archive.bin'], 'and there is nothing beside it');
  t.same(await of().saveTo(pathToFileURL(path)), { path, bytes: 0 });
  t.equal(await text(), '', 'one that was there is replaced');
  const kept = new Response(201, { text: 'kept' });
  await kept.saveTo(path);
  await kept.saveTo(path, { sync: true });
  t.equal(await text(), 'kept', 'a body in memory can be saved as often as one likes');
});

t.test('a large body in pieces of all sizes is the same in the file', async (t) => {
  const { path } = place(t);
  const bytes = randomBytes(6_000_000);
  const pieces: Uint8Array[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 300_001)
    pieces.push(bytes.subarray(at, at + size));
  t.same(await of(...pieces).saveTo(path), { path, bytes: bytes.length });
  t.ok((await readFile(path)).equals(bytes));
});

t.test('until it is whole, the file has another name', async (t) => {
  const { path, names, text } = place(t);
  await writeFile(path, 'old');
  const rest = deferred<string>();
  const saving = of('begun', rest.promise).saveTo(path);
  while ((await names()).length < 2) await new Promise(setImmediate);
  t.match((await names())[1], /^archive\.bin\.[0-9a-f]{8}\.part$/);
  t.equal(await text(), 'old');
  rest.resolve(' and done');
  await saving;
  t.same(await names(), ['archive.bin']);
  t.equal(await text(), 'begun and done');
});

t.test('a body that breaks off leaves nothing, and what was there stays', async (t) => {
  const { path, names, text } = place(t);
  await writeFile(path, 'old');
  t.equal(await rejection(of('begun', broken).saveTo(path)), broken);
  t.same(await names(), ['archive.bin']);
  t.equal(await text(), 'old');
});

t.test('two that are saved to one path do not mix', async (t) => {
  const { path, names, text } = place(t);
  await Promise.all(['a', 'b'].map((each) => of(each.repeat(1000), each).saveTo(path)));
  t.match(await text(), /^(a{1001}|b{1001})$/);
  t.same(await names(), ['archive.bin']);
});

t.test('what is not a success is not saved', async (t) => {
  const { path, names } = place(t);
  for (const status of [304, 404, 500]) {
    for (const resume of [false, true]) {
      const body = new StubSource('an error page');
      const response = new Response(status, { body, request });
      const error = await rejection(response.saveTo(path, { resume }), StatusError);
      t.equal(error.response.status, status);
      t.equal(body.cancels, 1, 'the response is closed');
    }
  }
  t.same(await names(), []);
});

t.test('the file system has the last word, and the response is closed', async (t) => {
  const { path, names } = place(t);
  for (const resume of [false, true]) {
    const body = new StubSource('a');
    const response = new Response(200, { body, request });
    const error = await rejection(response.saveTo(join(path, 'none/x'), { resume }));
    t.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    t.equal(body.cancels, 1);
  }
  await mkdir(path);
  await t.rejects(of('a').saveTo(path), { code: /EISDIR|ENOTEMPTY|EEXIST|EPERM/ });
  t.same(await names(), ['archive.bin'], 'where there is a folder, nothing is left beside it');
});

t.test('what is no path, and no option, is a TypeError, and the response is closed', async (t) => {
  const { path } = place(t);
  const cases: [unknown, unknown, string][] = [
    ['', {}, 'saveTo: expected a path or a file: URL, got an empty string'],
    [7, {}, 'saveTo: expected a path or a file: URL, got number'],
    [new URL('http://h/'), {}, 'saveTo: expected a path or a file: URL, got http:'],
    [path, null, 'saveTo: expected { resume, sync, mode }, got null'],
    [path, { atomic: true }, 'saveTo: there is no option "atomic", only resume, sync, mode'],
    [path, { resume: 1 }, 'saveTo: resume: expected true or false, got number'],
    [path, { mode: -1 }, 'saveTo: mode: expected permissions such as 0o644, got -1'],
  ];
  for (const [given, options, message] of cases) {
    const body = new StubSource('a');
    const response = new Response(200, { body, request });
    await t.rejects(response.saveTo(given as string, options as SaveOptions), {
      name: 'TypeError',
      message,
    });
    t.equal(body.cancels, 1);
  }
});

t.test('the file has the permissions asked for', async (t) => {
  if (process.platform === 'win32') return;
  const { path } = place(t);
  for (const mode of [0o600, 0o700]) {
    await of('a').saveTo(path, { mode });
    t.equal((await stat(path)).mode & 0o777, mode);
  }
});

// ── going on ────────────────────────────────────────────────────────────────────────────────────

const WHOLE = 'The whole of it.';
const RESUME = { resume: true } as const;

const first = (headers: Record<string, string>, ...pieces: Given[]): Response =>
  new Response(200, { headers, body: new StubSource(...pieces), request });

/** The answer to a request with what `resumeHeaders` says. */
const part = async (
  path: string,
  status: number,
  headers: Record<string, string>,
  ...pieces: Given[]
): Promise<Response> =>
  new Response(status, {
    headers,
    body: new StubSource(...pieces),
    request: request.with({ headers: await resumeHeaders(path) }),
  });

const TAGGED = { etag: '"1"', 'content-length': '16' };

t.test('with nothing kept, the headers ask for a body that has parts', async (t) => {
  const { path } = place(t);
  t.same(await resumeHeaders(path), { 'accept-encoding': 'identity' });
  await t.rejects(resumeHeaders(7 as never), TypeError);
});

t.test('what has come is kept, and gone on with', async (t) => {
  const { path, names, text } = place(t);
  t.equal(await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME)), broken);
  t.same(await names(), ['archive.bin.part', 'archive.bin.part.json']);
  t.same(await resumeHeaders(path), {
    'accept-encoding': 'identity',
    range: 'bytes=9-',
    'if-range': '"1"',
  });
  const again = await part(path, 206, { 'content-range': 'bytes 9-15/16' }, ' of', broken);
  t.equal(await rejection(again.saveTo(path, RESUME)), broken);
  t.match(await resumeHeaders(pathToFileURL(path)), { range: 'bytes=12-' });
  const rest = await part(
    path,
    206,
    { etag: '"1"', 'content-range': 'bytes 12-15/16' },
    ' it',
    '.',
  );
  t.same(await rest.saveTo(path, RESUME), { path, bytes: 16 });
  t.equal(await text(), WHOLE);
  t.same(await names(), ['archive.bin']);
});

t.test('a date can stand for the body where there is no entity tag', async (t) => {
  const { path, text } = place(t);
  const dated = {
    'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT',
    date: 'Mon, 07 Nov 1994 08:49:37 GMT',
  };
  await rejection(first(dated, 'The whole', broken).saveTo(path, RESUME));
  t.match(await resumeHeaders(path), { 'if-range': dated['last-modified'] });
  const rest = await part(path, 206, { 'content-range': 'bytes 9-15/16' }, ' of it.');
  await rest.saveTo(path, RESUME);
  t.equal(await text(), WHOLE);
});

t.test('a body that comes whole starts over', async (t) => {
  const { path, names, text } = place(t);
  await rejection(first(TAGGED, 'The old one, which', broken).saveTo(path, RESUME));
  const response = await part(path, 200, { etag: '"2"' }, WHOLE);
  t.same(await response.saveTo(path, RESUME), { path, bytes: 16 });
  t.equal(await text(), WHOLE);
  t.same(await names(), ['archive.bin']);
});

t.test('what could not be gone on with is not kept', async (t) => {
  const { path, names } = place(t);
  for (const headers of [
    {},
    { etag: 'W/"1"' },
    { etag: '"1"', 'accept-ranges': 'none' },
    { etag: '"1"', 'content-encoding': 'gzip' },
  ]) {
    t.equal(await rejection(first(headers, 'a', broken).saveTo(path, RESUME)), broken);
    t.same(await names(), [], JSON.stringify(headers));
  }
});

t.test(
  'a part that is not what is missing is an error, and the next request starts over',
  async (t) => {
    const { path, names, text } = place(t);
    const cases: Record<string, string>[] = [
      {},
      { 'content-range': 'bytes 8-15/16' },
      { 'content-range': 'bytes 9-14/16' },
      { 'content-range': 'bytes 9-16/17' },
      { 'content-range': 'bytes */16' },
      { 'content-range': 'items 9-15/16' },
      { 'content-range': 'bytes 9-15/16', etag: '"2"' },
      { 'content-range': 'bytes 9-15/16', 'content-encoding': 'gzip' },
    ];
    await writeFile(path, 'old');
    for (const headers of cases) {
      await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
      const response = await part(path, 206, headers, ' of it.');
      const error = await rejection(response.saveTo(path, RESUME), DecodingError);
      t.match(error.message, 'is not what is missing of the file: 9 bytes are there');
      t.same(await names(), ['archive.bin'], JSON.stringify(headers));
      t.equal(await text(), 'old');
    }
    const nothing = await part(path, 206, { 'content-range': 'bytes 0-15/16' }, WHOLE);
    await t.rejects(nothing.saveTo(path, RESUME), { message: /no bytes are there/ });
  },
);

t.test('a part for which nobody has asked by If-Range must say what it is a part of', async (t) => {
  const { path, text } = place(t);
  const headers = { 'content-range': 'bytes 9-15/16' };
  const plain = (more: object): Response =>
    new Response(206, {
      headers: { ...headers, ...more },
      body: new StubSource(' of it.'),
      request,
    });
  await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
  await t.rejects(plain({}).saveTo(path, RESUME), DecodingError);
  await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
  await plain({ etag: '"1"' }).saveTo(path, RESUME);
  t.equal(await text(), WHOLE);
});

t.test('a part that is shorter than it says is not taken for the rest', async (t) => {
  const { path, names } = place(t);
  await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
  const response = await part(path, 206, { 'content-range': 'bytes 9-15/16' }, ' of');
  const error = await rejection(response.saveTo(path, RESUME), DecodingError);
  t.match(error.message, 'the file came to 12 bytes, not to 16');
  t.same(await names(), []);
});

t.test('a 416 says that all of it is there already', async (t) => {
  const { path, names, text } = place(t);
  await rejection(first(TAGGED, WHOLE, broken).saveTo(path, RESUME));
  const done = await part(path, 416, { 'content-range': 'bytes */16' }, 'sorry');
  t.same(await done.saveTo(path, RESUME), { path, bytes: 16 });
  t.equal(await text(), WHOLE);
  t.same(await names(), ['archive.bin']);
});

t.test('a 416 for another size is an error, and the next request starts over', async (t) => {
  const { path, names } = place(t);
  await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
  const response = await part(path, 416, { 'content-range': 'bytes */5' });
  await t.rejects(response.saveTo(path, RESUME), StatusError);
  t.same(await names(), []);
});

t.test('an error of the server keeps what there is', async (t) => {
  const { path } = place(t);
  await rejection(first(TAGGED, 'The whole', broken).saveTo(path, RESUME));
  const response = await part(path, 503, {}, 'later');
  await t.rejects(response.saveTo(path, RESUME), StatusError);
  t.match(await resumeHeaders(path), { range: 'bytes=9-' });
});

t.test('a note that is none, or about another file, is passed over', async (t) => {
  const { path } = place(t);
  await writeFile(`${path}.part`, 'The whole');
  for (const note of [
    '',
    '{',
    '7',
    'null',
    '{"validator":1}',
    '{"validator":"a","size":"16"}',
    '{"validator":"\\"1\\"","size":5}',
  ]) {
    await writeFile(`${path}.part.json`, note);
    t.same(await resumeHeaders(path), { 'accept-encoding': 'identity' }, note);
  }
  await writeFile(`${path}.part`, '');
  await writeFile(`${path}.part.json`, '{"validator":"\\"1\\"","size":5}');
  t.same(await resumeHeaders(path), { 'accept-encoding': 'identity' });
});
