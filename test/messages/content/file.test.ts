import { execFile, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { Client } from '../../../src/client.ts';
import { HTTPError } from '../../../src/errors.ts';
import { FileContent } from '../../../src/messages/content/file.ts';
import { ConnectionPool } from '../../../src/transports/connection-pool.ts';
import { collect } from '../../support/collect.ts';
import { assertNoLeaks } from '../../support/leaks.ts';
import { okServer } from '../../support/ok-server.ts';
import { rejection } from '../../support/rejection.ts';

assertNoLeaks(t);

const folder = mkdtempSync(join(tmpdir(), 'file-content-'));
t.teardown(() => rmSync(folder, { recursive: true }));
function fileOf(name: string, data: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}

t.test('a file has its size, a type by its name, and can be read again', async (t) => {
  const path = fileOf('ä b.json', '{"é":1}');
  for (const given of [path, pathToFileURL(path)]) {
    const content = new FileContent(given);
    t.same(
      [content.filename, content.contentType, content.contentLength, content.replayable],
      ['ä b.json', 'application/json', 8, true],
    );
    for (let time = 0; time < 2; time++)
      t.equal((await collect(content.stream())).toString(), '{"é":1}');
  }
  t.equal(new FileContent(fileOf('noending', 'x')).contentType, 'application/octet-stream');
});

t.test('type, name and length can be given', async (t) => {
  const path = fileOf('a.json', '1');
  const options = { contentType: 'a/b', filename: 'b.txt', contentLength: 1 };
  const content = new FileContent(path, options);
  t.same([content.contentType, content.filename, content.contentLength], ['a/b', 'b.txt', 1]);
  t.equal(new FileContent(path, { filename: 'b.txt' }).contentType, 'text/plain');
  t.throws(() => new FileContent(path, { contentLength: 2 }), {
    name: 'TypeError',
    message: `FileContent: contentLength is 2, but ${path} has 1 bytes`,
  });
});

t.test('it is read in pieces of 128 KiB, each with a buffer of its own', async (t) => {
  const size = 300_000;
  const data = Buffer.from(Array.from({ length: size }, (_, at) => at % 251));
  const pieces: Uint8Array[] = [];
  for await (const piece of new FileContent(fileOf('large', data)).stream()) pieces.push(piece);
  t.same(
    pieces.map(({ byteLength }) => byteLength),
    [131_072, 131_072, 37_856],
  );
  t.ok(Buffer.concat(pieces).equals(data));
  t.same(await collect(new FileContent(fileOf('empty', '')).stream()), Buffer.alloc(0));
});

t.test('what is not there is said when the content is made, and names the path', async (t) => {
  const path = join(folder, 'missing');
  t.throws(() => new FileContent(path), { code: 'ENOENT', message: new RegExp(path) });
  mkdirSync(join(folder, 'sub'));
  t.throws(() => new FileContent(join(folder, 'sub')), {
    name: 'TypeError',
    message: `FileContent: ${folder}/sub is a directory`,
  });
  for (const [bad, came] of [
    [7, 'number'],
    [null, 'object'],
    [new URL('http://h/x'), 'http:'],
  ] as const) {
    t.throws(() => new FileContent(bad as never), {
      name: 'TypeError',
      message: `FileContent: expected a path or a file: URL, got ${came}`,
    });
  }
  for (const option of ['contentType', 'filename']) {
    t.throws(() => new FileContent(fileOf('optioned', ''), { [option]: 7 }), {
      name: 'TypeError',
      message: `FileContent: ${option}: expected a string, got number`,
    });
  }
});

t.test('a file that has changed its size is an error, before the last byte', async (t) => {
  const path = fileOf('changing', 'x'.repeat(200_000));
  const content = new FileContent(path);
  appendFileSync(path, 'y');
  const error = await rejection(collect(content.stream()), HTTPError);
  t.equal(error.message, `the file ${path} has changed: it had 200000 bytes, now it has 200001`);

  for (const [change, now] of [
    [() => appendFileSync(path, 'yy'), 200_003],
    [() => truncateSync(path, 150_000), 150_000],
  ] as const) {
    let received = 0;
    const reading = (async () => {
      const stream = new FileContent(path).stream();
      for await (const piece of stream) {
        if (received === 0) change();
        received += piece.byteLength;
      }
    })();
    const late = await rejection(reading, HTTPError);
    t.match(late.message, `now it has ${now}`);
    t.ok(received < 200_001);
  }
});

t.test('a file that is gone when it is sent is an error that names the path', async (t) => {
  const path = fileOf('gone', 'x');
  const content = new FileContent(path);
  rmSync(path);
  await using server = await okServer();
  await using pool = new ConnectionPool();
  const error = (await rejection(pool.request('PUT', server.url, { body: content }))) as Error;
  t.equal((error as { code?: string }).code, 'ERR_WRITE');
  t.match((error.cause as Error).message, path);
});

t.test('who stops reading closes the file', async (t) => {
  const content = new FileContent(fileOf('stopped', Buffer.alloc(1_000_000)));
  for await (const piece of content.stream()) if (piece.byteLength > 0) break;
  t.pass('no handle is left: assertNoLeaks');
});

t.test(
  'a pipe has no size, and is read once',
  { skip: process.platform === 'win32' },
  async (t) => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const content = new FileContent(path);
    t.same([content.contentLength, content.replayable], [undefined, false]);
    t.equal(new FileContent(path, { contentLength: 3 }).contentLength, 3);
    const received = collect(content.stream());
    const writer = execFile('sh', ['-c', 'printf abc > "$0"', path]);
    t.equal((await received).toString(), 'abc');
    if (writer.exitCode === null) await once(writer, 'close');
  },
);

t.test('as a body it is sent whole, with its type and its length', async (t) => {
  const data = Buffer.alloc(500_000, 'strata');
  let seen: unknown;
  await using server = await okServer(async (request, response) => {
    const { 'content-type': type, 'content-length': length } = request.headers;
    seen = [type, length, (await collect(request)).equals(data)];
    response.end();
  });
  await using pool = new ConnectionPool();
  const body = new FileContent(fileOf('a.zip', data));
  for (let time = 0; time < 2; time++) {
    await pool.request('PUT', server.url, { body });
    t.same(seen, ['application/zip', '500000', true]);
  }
});

t.test('where there is no Node, there are no files, and no table of types', async (t) => {
  const path = fileOf('b.png', 'x');
  const own = Object.getOwnPropertyDescriptor(process, 'getBuiltinModule')!;
  try {
    for (const missing of [undefined, () => undefined]) {
      Object.assign(process, { getBuiltinModule: missing });
      // A module of its own: it has not loaded the table yet.
      const fresh = new URL('../../../src/messages/content/media-type.js', import.meta.url);
      fresh.search = String(missing === undefined);
      const { mediaTypeOf } = (await import(
        fresh.href
      )) as typeof import('../../../src/messages/content/media-type.ts');
      t.equal(mediaTypeOf('a.png'), 'application/octet-stream');
    }
    Object.assign(process, { getBuiltinModule: undefined });
    t.throws(() => new FileContent(path), {
      name: 'TypeError',
      message: 'FileContent: there is no file system here',
    });
  } finally {
    Object.defineProperty(process, 'getBuiltinModule', own);
  }
});

t.test('a redirect that keeps the body sends the files of a form again', async (t) => {
  const seen: string[] = [];
  await using server = await okServer(async (request, response) => {
    seen.push((await collect(request)).toString());
    if (request.url === '/a') response.writeHead(307, { location: '/b' });
    response.end();
  });
  await using client = new Client();
  const multipart = { file: new FileContent(fileOf('c.txt', 'granite')) };
  const response = await client.post(`${server.url}/a`, { multipart });
  t.equal(response.status, 200);
  t.match(seen[0], /filename="c\.txt"\r\nContent-Type: text\/plain\r\n\r\ngranite\r\n/);
  t.equal(seen[1], seen[0]);
});
