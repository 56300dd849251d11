import { parse, print, type StoredInteraction } from './format.ts';

/** Where a cassette is. Loaded when one is first asked for: there is a file system only where there is Node, or what does as it does. */
type FileSystem = typeof import('node:fs');

/** A cassette on disk. It is read as a whole, at once, and replaced as a whole. */
export class CassetteFile {
  /** As it is named in errors. */
  readonly path: string;
  readonly #fs: FileSystem;
  /** What is on disk; null where there is no file. */
  #text: string | null;

  /** @throws TypeError where this is no path, or there is no file system. @throws what reading fails with, but for a file that is not there. */
  constructor(path: string | URL) {
    this.#fs = builtin('node:fs');
    this.path = pathOf(path);
    this.#text = this.#read();
  }

  get exists(): boolean {
    return this.#text !== null;
  }

  /** @throws TypeError where the file is not a cassette. */
  interactions(): StoredInteraction[] {
    return this.#text === null ? [] : parse(this.#text, this.path);
  }

  /** The whole file, or none of it: what is there is replaced when the new one is complete. Nothing is done where nothing has changed. */
  async write(interactions: readonly StoredInteraction[]): Promise<void> {
    const text = print(interactions);
    if (text === this.#text || (interactions.length === 0 && !this.exists)) return;
    const { mkdir, rename, rm, writeFile } = this.#fs.promises;
    await mkdir(builtin('node:path').dirname(this.path), { recursive: true });
    // Beside it: only within one file system can it take the other's place.
    const draft = `${this.path}.${process.pid}-${performance.now().toString(36)}.tmp`;
    try {
      await writeFile(draft, text, { flag: 'wx' });
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    this.#text = text;
  }

  #read(): string | null {
    try {
      return this.#fs.readFileSync(this.path, 'utf8').replaceAll('\r\n', '\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

interface Builtins {
  'node:fs': FileSystem;
  'node:path': typeof import('node:path');
  'node:url': typeof import('node:url');
}

function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: Name) => Builtins[Name] | undefined };
  };
  const module = process?.getBuiltinModule?.(name);
  if (module === undefined)
    throw new TypeError(`cassette: expected a runtime with a file system: there is no ${name}`);
  return module;
}

function pathOf(path: string | URL): string {
  if (path instanceof URL || (typeof path === 'string' && path.startsWith('file:')))
    return builtin('node:url').fileURLToPath(path);
  if (typeof path === 'string' && path !== '') return path;
  throw new TypeError(
    `cassette: expected the path of a file, or its URL, got ${path === '' ? 'an empty string' : typeof path}`,
  );
}
