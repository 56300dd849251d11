import { findSourceMap } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Runtime } from 'node:inspector';
import { root } from '../paths.ts';

/** A function as a person looks for it: by name, file and line of the source, not of what was compiled of it. */
export function where({ functionName, url, lineNumber, columnNumber }: Runtime.CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const path = pathOf(url);
  const entry = findSourceMap(path)?.findEntry(lineNumber, columnNumber);
  if (entry !== undefined && 'originalSource' in entry) {
    return `${name} ${short(pathOf(entry.originalSource))}:${entry.originalLine + 1}`;
  }
  return `${name} ${short(path)}:${lineNumber + 1}`;
}

/** CommonJS modules are named by their path, others by their URL; what is built in is named like neither. */
function pathOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

function short(path: string): string {
  return path.startsWith(root) ? relative(root, path) : path;
}

/** Adds up a figure by function, the largest first. */
export class Tally {
  readonly #sums = new Map<string, number>();

  add(frame: Runtime.CallFrame, value: number): void {
    if (value === 0) return;
    const key = where(frame);
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
  }

  top(count: number): { readonly name: string; readonly value: number }[] {
    return Array.from(this.#sums, ([name, value]) => ({ name, value }))
      .toSorted((a, b) => b.value - a.value)
      .slice(0, count);
  }

  get total(): number {
    let sum = 0;
    for (const value of this.#sums.values()) sum += value;
    return sum;
  }
}
