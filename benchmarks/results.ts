import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.ts';

/** What is kept of a run, in `benchmarks/results/`, for reports and for other programs. */
export interface Saved<Content> {
  readonly environment: Environment;
  readonly content: Content;
}

/** Where and when it was measured. */
export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
}

export type ResultName = 'workloads' | 'scale' | 'latency' | 'layers';

export function environment(): Environment {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
  };
}

/**
 * Keeps what was measured, named things beside those that were measured before on the same machine and Node, so that a
 * part can be measured again.
 */
export function save<Item extends { readonly name: string }>(
  name: ResultName,
  items: readonly Item[],
): void {
  const before = load<Item[]>(name);
  const now = environment();
  const isSame = before?.environment.node === now.node && before.environment.cpu === now.cpu;
  const fresh = new Map(items.map((item) => [item.name, item]));
  const known = isSame ? before.content : [];
  const content = [
    ...known.map((item) => fresh.get(item.name) ?? item),
    ...items.filter(({ name }) => !known.some((item) => item.name === name)),
  ];
  mkdirSync(folder, { recursive: true });
  writeFileSync(pathOf(name), `${JSON.stringify({ environment: now, content }, null, 1)}\n`);
}

/** What was saved last; null: nothing yet. */
export function load<Content>(name: ResultName): Saved<Content> | null {
  const path = pathOf(name);
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, 'utf8')) as Saved<Content>;
}

const folder = join(root, 'benchmarks', 'results');

function pathOf(name: ResultName): string {
  return join(folder, `${name}.json`);
}
