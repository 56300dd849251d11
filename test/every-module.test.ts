import { readFileSync, readdirSync } from 'node:fs';
import t from 'tap';

// Coverage shows only what was loaded: a file that no test imports would be missing from the
// report instead of standing there with 0 %.
const src = new URL('../src/', import.meta.url);

const modules = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.js'))
  .map((path) => new URL(path.replaceAll('\\', '/'), src))
  // A program starts to work when it is imported.
  .filter((url) => !readFileSync(url, 'utf8').startsWith('#!'));

t.test('every module loads', async (t) => {
  t.not(modules.length, 0);
  for (const url of modules) {
    await t.resolves(import(url.href), url.href.slice(src.href.length));
  }
});
