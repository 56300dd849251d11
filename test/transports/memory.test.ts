import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';

assertNoLeaks(t);

const execute = promisify(execFile);
const program = fileURLToPath(new URL('flow.js', import.meta.url));
/** STRATA_FLOW=1024 TAP_TIMEOUT=300 for the measurement that docs/pool.md tells of. */
const MIBS = process.env['STRATA_FLOW'] ?? '64';

for (const way of ['up', 'down']) {
  t.test(`memory stays flat over ${MIBS} MiB ${way}, against a slower peer`, async (t) => {
    await using server = await okServer(async (request, response) => {
      if (request.method === 'GET') {
        let left = Number(request.url?.slice(1));
        response.setHeader('content-length', left);
        const piece = Buffer.alloc(256 * 1024, 'x');
        for (; left > 0; left -= piece.length)
          if (!response.write(piece.subarray(0, left)))
            await new Promise((resolve) => response.once('drain', resolve));
        response.end();
        return;
      }
      let read = 0;
      for await (const piece of request) {
        const before = read >> 21;
        read += (piece as Buffer).length;
        // It stops for breath after each 2 MiB.
        if (read >> 21 > before) await new Promise((resolve) => setTimeout(resolve, 3));
      }
      response.end(String(read));
    });
    const { stdout } = await execute(process.execPath, [
      '--expose-gc',
      program,
      `${server.url}/`,
      way,
      MIBS,
    ]);
    const grown = Number(stdout);
    t.ok(grown < 30, `${grown} MiB`);
    t.comment(`${grown} MiB`);
  });
}
