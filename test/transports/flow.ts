// A program: sends, or receives, so many MiB against a peer that is slower, and prints by how many MiB the process has grown.
//
//     node build/test/transports/flow.js http://127.0.0.1:8080/ up|down 1024

import { ConnectionPool } from '../../src/transports/connection-pool.ts';

const MIB = 1024 * 1024;
const [url = '', way, size] = process.argv.slice(2);
const total = Number(size) * MIB;

await using pool = new ConnectionPool({ timeout: 60_000 });
// What is loaded and compiled once is not what is asked about.
await pool.request('POST', url, { body: pieces(MIB) });
await pool.request('GET', `${url}${MIB}`);

const start = process.memoryUsage.rss();
let most = start;
const sampling = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
if (way === 'up') await pool.request('POST', url, { body: pieces(total) });
else await slowly();
clearInterval(sampling);
console.log(((most - start) / MIB).toFixed(1));

/** A source that is as fast as it is asked. */
async function* pieces(bytes: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}

/** A reader that stops for breath after each 2 MiB. */
async function slowly(): Promise<void> {
  await using response = await pool.stream('GET', `${url}${total}`);
  let read = 0;
  for await (const piece of response) {
    const before = Math.floor(read / (2 * MIB));
    read += piece.length;
    if (Math.floor(read / (2 * MIB)) > before) {
      // V8 lets 32 MiB of buffers that nobody holds pile up before it looks: they are not what is asked about either.
      globalThis.gc?.({ type: 'minor' });
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
  if (read !== total) throw new Error(`${read} of ${total} bytes came`);
}
