import { readFileSync, readdirSync } from 'node:fs';

/** A block of code in a Markdown file. */
export interface Block {
  /** Path from the root of the project. */
  readonly file: string;
  /** The line where the code begins, from 1. */
  readonly line: number;
  readonly language: 'ts' | 'js';
  readonly code: string;
  /** Why it cannot be run: what stands behind `no-run`. */
  readonly excuse: string | null;
}

/** What other blocks may hold: nothing that could be run, under a name that says so. */
const PROSE: ReadonlySet<string> = new Set(['sh', 'text', 'json']);

const OPENING = /^( *)```(.*)$/;

/** README.md and all of docs/. */
export function documents(root: URL): string[] {
  const docs = readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' });
  const pages = docs.filter((path) => path.endsWith('.md')).sort();
  return ['README.md', ...pages.map((path) => `docs/${path.replaceAll('\\', '/')}`)];
}

/** @throws Error on a block that would pass for prose by its name alone, or opts out without a reason. */
export function blocksOf(root: URL, file: string): Block[] {
  return extract(file, readFileSync(new URL(file, root), 'utf8'));
}

export function extract(file: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, indentation = '', info = ''] = OPENING.exec(lines[at] as string) ?? [];
    if (!OPENING.test(lines[at] as string)) continue;
    const start = at + 1;
    const end = lines.indexOf(`${indentation}\`\`\``, start);
    if (end === -1) throw new Error(`${file}:${at + 1}: this block has no end`);
    at = end;
    const [language = '', ...words] = info.trim().split(' ');
    if (PROSE.has(language)) continue;
    if (language !== 'ts' && language !== 'js') {
      throw new Error(`${file}:${start}: a block is ts, js, sh, text or json, not "${language}"`);
    }
    const [option, ...reason] = words;
    if (option !== undefined && (option !== 'no-run' || reason.length === 0)) {
      throw new Error(`${file}:${start}: expected "no-run" and a reason, got "${words.join(' ')}"`);
    }
    const code = lines.slice(start, end).map((line) => line.slice(indentation.length));
    blocks.push({
      file,
      line: start + 1,
      language,
      code: `${code.join('\n')}\n`,
      excuse: option === undefined ? null : reason.join(' '),
    });
  }
  return blocks;
}

/**
 * What a block says that it prints: the comment behind a `console.log`, and the lines of comment under
 * one that says `prints:`. `…` stands for anything.
 */
export function promisedOutput({ code }: Block): string[] {
  const promised: string[] = [];
  let listing = false;
  for (const line of code.split('\n')) {
    const comment = /^\s*\/\/ ?(.*)$/.exec(line)?.[1];
    if (comment !== undefined) {
      if (listing) promised.push(comment);
      else listing = /\bprints:$/.test(comment);
      continue;
    }
    listing = false;
    const [, beside] = /^.*\bconsole\.(?:log|error)\(.*\);\s*\/\/ (.*)$/.exec(line) ?? [];
    if (beside !== undefined) promised.push(beside);
  }
  return promised;
}

/** The first promise that was not kept, in the order of the promises; undefined where all were. */
export function brokenPromise(
  promised: readonly string[],
  printed: readonly string[],
): string | undefined {
  let at = 0;
  return promised.find((line) => {
    const parts = line.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    const pattern = new RegExp(`^${parts.join('.*')}$`, 's');
    while (at < printed.length) if (pattern.test((printed[at++] as string).trimEnd())) return false;
    return true;
  });
}
