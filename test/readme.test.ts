import { existsSync, readFileSync } from 'node:fs';
import { format } from 'node:util';
import t from 'tap';
import { blocksOf, brokenPromise, documents, extract, promisedOutput } from './documents/blocks.ts';
import { ExampleHosts } from './documents/example-hosts.ts';
import { Programs } from './documents/programs.ts';
import { LeakWatch } from './support/leaks.ts';

/** What a page is about may be what the process is warned of. */
const WARNED: Readonly<Record<string, readonly RegExp[]>> = {
  'docs/order.md': [/^warning Warning: stack: \w+ stands outside of /],
};

// This file runs as build/test/readme.test.js.
const root = new URL('../../', import.meta.url);

const blocks = documents(root).flatMap((file) => blocksOf(root, file));
const runnable = blocks.filter(({ excuse }) => excuse === null);
const programs = await Programs.compile(root, runnable);

t.test('links lead to something', async (t) => {
  for (const file of documents(root)) {
    const here = new URL(file, root);
    for (const [, link = ''] of readFileSync(here, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const { href, hash } = new URL(link, here);
      const target = new URL(href.slice(0, href.length - hash.length));
      t.ok(existsSync(target), `${file}: ${link}`);
      if (hash !== '') t.ok(anchorsIn(readFileSync(target, 'utf8')).includes(hash.slice(1)), link);
    }
  }
});

t.test('the examples of the documents compile', async (t) => {
  t.strictSame(programs.complaints, []);
});

for (const { file, line, excuse } of blocks) {
  if (excuse !== null) t.test(`${file}:${line}`, { skip: excuse }, () => {});
}

for (const block of runnable) {
  t.test(`${block.file}:${block.line} runs to its end`, async (t) => {
    await using hosts = await ExampleHosts.start();
    const watch = new LeakWatch();
    const printed = await outputOf(() => programs.run(block, hosts.origins));
    // The servers are still there: what is closed by now, the example has closed.
    t.strictSame(await watch.end(WARNED[block.file]), [], 'it leaves nothing behind');
    const lines = printed.map((line) => hosts.named(line));
    const broken = brokenPromise(promisedOutput(block), lines);
    t.equal(broken, undefined, 'it prints what it says', { printed: lines });
  });
}

/** The lines that are printed while `run` is under way. */
async function outputOf(run: () => Promise<void>): Promise<string[]> {
  const { log, error } = console;
  const lines: string[] = [];
  const print = (...values: unknown[]): void => {
    lines.push(...format(...values).split('\n'));
  };
  Object.assign(console, { log: print, error: print });
  try {
    await run();
  } finally {
    Object.assign(console, { log, error });
  }
  return lines;
}

/** Headings as links name them. */
function anchorsIn(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

t.test('the blocks of a document', async (t) => {
  const fence = '```';
  const page = ['', `${fence}sh`, 'ls', fence, `  ${fence}ts`, '  one();', `  ${fence}`, ''];
  t.strictSame(extract('a.md', page.join('\n')), [
    { file: 'a.md', line: 6, language: 'ts', code: 'one();\n', excuse: null },
  ]);
  const [excused] = extract('a.md', `${fence}js no-run needs a printer\n${fence}`);
  t.equal(excused?.excuse, 'needs a printer');
  for (const info of ['typescript', '', 'ts no-run', 'ts norun really']) {
    t.throws(() => extract('a.md', `${fence}${info}\n${fence}`), { message: /^a\.md:1: / }, info);
  }
  t.throws(() => extract('a.md', `${fence}ts\n`), { message: 'a.md:1: this block has no end' });
});

t.test('what a block says that it prints', async (t) => {
  const code = [
    'console.log(a); // 1',
    'b(); // no output',
    '// prints:',
    '// two',
    '//   three',
    'c();',
    '// a remark',
    "  if (d) console.error('x'); // four",
  ].join('\n');
  const block = { file: 'a.md', line: 1, language: 'ts', code, excuse: null } as const;
  t.strictSame(promisedOutput(block), ['1', 'two', '  three', 'four']);

  t.equal(brokenPromise(['1', '2'], ['0', '1', '2', '3']), undefined);
  t.equal(brokenPromise(['2', '1'], ['1', '2']), '1', 'in another order');
  t.equal(brokenPromise(['in … ms'], ['in 3 ms']), undefined);
  t.equal(brokenPromise(['in … ms'], ['in 3 s']), 'in … ms');
  t.equal(brokenPromise(['a.c'], ['abc']), 'a.c', 'a point is a point');
});
