import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

interface Manifest {
  name: string;
  type: string;
  license: string;
  sideEffects: boolean;
  engines: Record<string, string>;
  files: string[];
  exports: Record<string, string | Record<string, string>>;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

// This file runs as build/test/package.test.js.
const root = new URL('../../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Manifest;

t.test('the package is an ES module without side effects', async (t) => {
  t.equal(manifest.name, 'strata-http');
  t.equal(manifest.type, 'module');
  t.equal(manifest.sideEffects, false);
  t.equal(manifest.license, 'MIT');
});

t.test('it runs on Node 20.19, the first that can require() it', async (t) => {
  t.equal(manifest.engines['node'], '>=20.19');
  t.match(manifest.devDependencies['@types/node'], /^20\./, 'the oldest Node is what is typed');
});

t.test('what is built is shipped, with the sources its maps point to', async (t) => {
  t.strictSame(manifest.files, ['dist', 'src']);
});

t.test('every entry point has types first, and a source', async (t) => {
  const { './package.json': itself, ...entries } = manifest.exports;
  t.equal(itself, './package.json');
  t.hasProps(entries, ['.']);
  for (const [name, entry] of Object.entries(entries)) {
    if (typeof entry === 'string') {
      t.fail(`${name} has no types`);
      continue;
    }
    t.strictSame(Object.keys(entry), ['types', 'default'], `${name}: types come first`);
    const base = entry['default']?.match(/^\.\/dist\/(.+)\.js$/)?.[1];
    t.equal(entry['types'], `./dist/${base}.d.ts`, `${name}: types stand beside the module`);
    t.ok(existsSync(new URL(`src/${base}.ts`, root)), `${name}: src/${base}.ts is there`);
  }
});

t.test('to install it runs nothing', async (t) => {
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
    t.notOk(Object.hasOwn(manifest.scripts, name), name);
  }
});

t.test('the tools are pinned, so that a check says the same tomorrow', async (t) => {
  for (const [name, version] of Object.entries(manifest.devDependencies)) {
    t.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

t.test('dependencies are ranges, so that a fix reaches the user', async (t) => {
  for (const [name, range] of Object.entries(manifest.dependencies)) {
    t.match(range, /^\^\d+\.\d+\.\d+$/, name);
  }
});
