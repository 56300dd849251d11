import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { assertNoLeaks } from '../support/leaks.ts';

assertNoLeaks(t);

const examples = new URL('../../examples/', import.meta.url);
const cassettes = new URL('cassettes/record-and-replay/', examples);

/** The suite, run by `node --test`, with nothing of the runner of this test about it. */
function suite(settings: Record<string, string> = {}): Promise<string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TAP|_TAP|NODE_|STRATA_)|^CI$/.test(name),
  );
  const env = { ...Object.fromEntries(kept), ...settings };
  const program = fileURLToPath(new URL('record-and-replay.js', examples));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--test', program], { env }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stdout, { cause: error }));
    });
  });
}

t.test('the suite records once, and replays', async (t) => {
  rmSync(cassettes, { recursive: true, force: true });
  t.match(await suite(), 'the shop was asked 3 times');
  const names = readdirSync(cassettes);
  t.strictSame(names.sort(), ['nobody-else-can.json', 'who-is-logged-in-can-order.json']);
  for (const name of names) {
    t.notMatch(readFileSync(new URL(name, cassettes), 'utf8'), /hunter2|token-of-ada|"date"/i);
  }
  t.match(await suite({ CI: 'true' }), 'the shop was asked 0 times');
  t.match(await suite({ STRATA_CASSETTES: 'record' }), 'the shop was asked 3 times');
  rmSync(cassettes, { recursive: true });
});
