import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { okServer } from '../../support/ok-server.ts';

/** So much is uploaded, and the memory that this takes must not grow with it. `UPLOAD_MIB=1000` for more of it. */
const MIB = Number(process.env['UPLOAD_MIB'] ?? 100);
/** V8 lets some 30 MiB of buffers lie before it collects them, that of Node 24 twice as much. */
const ALLOWED_MIB = 80;

const folder = mkdtempSync(join(tmpdir(), 'memory-use-'));
t.teardown(() => rmSync(folder, { recursive: true }));

/** What the process is that uploads: it says how much more memory it had at its peak than before. */
const program = (index: string): string => `
  import { Client, FileContent } from ${JSON.stringify(index)};
  const [small, large, url, how] = process.argv.slice(1);
  const client = new Client();
  const send = (path) => client.post(url, how === 'multipart'
    ? { form: { a: 1 }, multipart: { file: new FileContent(path) } }
    : { body: new FileContent(path), onUploadProgress() {} });
  for (let i = 0; i < 5; i++) await send(small);
  const before = process.resourceUsage().maxRSS;
  const response = await send(large);
  console.log(JSON.stringify({
    answer: await response.text(),
    grown: (process.resourceUsage().maxRSS - before) / 1024,
  }));
  await client.close();
`;

function fileOf(mib: number): [path: string, digest: string] {
  const path = join(folder, `${mib}.bin`);
  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  for (let written = 0; written < mib; written++) {
    const piece = Buffer.alloc(1024 * 1024, written);
    hash.update(piece);
    writeSync(file, piece);
  }
  closeSync(file);
  return [path, hash.digest('hex')];
}

t.test(`a file of ${MIB} MiB is uploaded in a memory that does not grow with it`, async (t) => {
  const [small] = fileOf(1);
  const [large, digest] = fileOf(MIB);
  await using server = await okServer(async (request, response) => {
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of request as AsyncIterable<Buffer>) {
      size += piece.byteLength;
      hash.update(piece);
    }
    response.end(`${request.headers['content-length'] === `${size}`} ${hash.digest('hex')}`);
  });
  const index = new URL('../../../src/index.js', import.meta.url).href;
  for (const how of ['body', 'multipart']) {
    const args = ['--input-type=module', '-e', program(index), small, large, server.url, how];
    const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' };
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, args, { env }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
    const { answer, grown } = JSON.parse(output) as { answer: string; grown: number };
    if (how === 'body') t.equal(answer, `true ${digest}`);
    else t.match(answer, /^true /);
    t.ok(grown < ALLOWED_MIB, `${how}: ${grown.toFixed(1)} MiB more`);
  }
});
