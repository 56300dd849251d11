import type { FileHandle } from 'node:fs/promises';
import type { BodySource } from '../../messages/body-source.ts';
import { ending, FileSource, readEnding } from './disk-file.ts';
import { hashOf } from './key-hash.ts';
import type { CacheStore, StoredEntry, StoreWriter } from './store.ts';
import type { StoredHead } from './stored-head.ts';

export interface DiskStoreOptions {
  /**
   * Bytes of all files together; what was not used for longest goes first. Default 1 GiB. It is looked at after every tenth of this that one
   * process has written, so that with several at work it is a little more.
   */
  readonly maxBytes?: number | undefined;
}

/** The names of its own files: nothing else in the directory is touched. */
const ENTRY = /^[0-9a-f]{64}$/;
const UNFINISHED = /^[0-9a-f]{64}\.[0-9a-f-]{36}\.tmp$/;

/** Nobody writes a body for this long without a byte: whoever did is gone. Milliseconds. */
const ABANDONED = 3600_000;
/** How old the note of an entry's last use may become, in milliseconds: not every use is worth a write. */
const TOUCH_AFTER = 60_000;
/** What is left of `maxBytes` after it was exceeded: it is not to be so again at once. */
const LOW_WATER = 0.9;

type FileSystem = typeof import('node:fs/promises');

/**
 * Keeps responses in a directory, a file each, readable to nobody else (0600). Bodies are read and written in pieces. A file appears under its
 * name, which is a hash, when it is whole and on the disk: neither a crash nor another process with the same directory leaves half of one.
 */
export class DiskStore implements CacheStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  #fs: Promise<FileSystem> | undefined;
  /** Written since the files were counted; at first, nobody knows. */
  #uncounted = Infinity;
  #counted = 0;

  /** The directory is made when it is first needed. @throws TypeError where it is none, or the bound is none. */
  constructor(directory: string, { maxBytes = 1024 ** 3 }: DiskStoreOptions = {}) {
    if (typeof directory !== 'string' || directory === '')
      throw new TypeError(`DiskStore: expected the path of a directory, got ${typeof directory}`);
    if (!Number.isInteger(maxBytes) || maxBytes < 1) {
      throw new TypeError(
        `DiskStore.maxBytes: expected a whole number of bytes from 1, got ${String(maxBytes)}`,
      );
    }
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  async get(key: string): Promise<StoredEntry | undefined> {
    const path = await this.#pathOf(key);
    const file = await this.#open(path);
    if (file === null) return undefined;
    try {
      const found = await readEnding(file);
      if (found === null) {
        await this.#remove(path);
        return undefined;
      }
      const { mtimeMs } = await file.stat();
      const now = Date.now();
      if (now - mtimeMs > TOUCH_AFTER) await file.utimes(now / 1000, now / 1000);
      const { head, body } = found;
      return { head, body: () => body ?? this.#stream(path, head) };
    } finally {
      await file.close();
    }
  }

  async set(key: string, head: StoredHead): Promise<StoreWriter> {
    const fs = await this.#fileSystem();
    const path = await this.#pathOf(key);
    const unfinished = `${path}.${crypto.randomUUID()}.tmp`;
    // 'wx': never through a link, nor into a file that is there.
    const file = await fs.open(unfinished, 'wx', 0o600);
    let length = 0;
    const abort = async (): Promise<void> => {
      await file.close();
      await this.#remove(unfinished);
    };
    return {
      write: async (piece) => {
        await file.appendFile(piece);
        length += piece.byteLength;
      },
      commit: () => this.#finish(file, unfinished, path, head, length),
      abort,
    };
  }

  async update(key: string, head: StoredHead): Promise<void> {
    const fs = await this.#fileSystem();
    const path = await this.#pathOf(key);
    const unfinished = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      await fs.copyFile(
        path,
        unfinished,
        fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE,
      );
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    // Read from the copy: another process may have replaced the original meanwhile.
    const file = await fs.open(unfinished, 'r+');
    const found = await readEnding(file);
    if (found?.head.id !== head.id) {
      await file.close();
      await this.#remove(unfinished);
      return;
    }
    await file.truncate(found.bodyLength);
    await this.#finish(file, unfinished, path, head, found.bodyLength);
  }

  async delete(key: string): Promise<void> {
    await this.#remove(await this.#pathOf(key));
  }

  /** Puts the end behind a body, and the file in its place. */
  async #finish(
    file: FileHandle,
    unfinished: string,
    path: string,
    head: StoredHead,
    bodyLength: number,
  ): Promise<void> {
    const fs = await this.#fileSystem();
    try {
      const last = ending(head, bodyLength);
      await file.write(last, 0, last.byteLength, bodyLength);
      // Or a power failure leaves a name, and no data.
      await file.datasync();
      await file.close();
      await fs.rename(unfinished, path);
      this.#uncounted += bodyLength + last.byteLength;
    } catch (error) {
      await file.close().catch(() => {});
      await this.#remove(unfinished);
      throw error;
    }
    if (this.#uncounted > this.#maxBytes / 10 || this.#counted + this.#uncounted > this.#maxBytes)
      await this.#sweep();
  }

  /** Counts the files, and removes the longest unused until they are few enough, and what others have left unfinished. */
  async #sweep(): Promise<void> {
    const fs = await this.#fileSystem();
    this.#uncounted = 0;
    const entries: { path: string; size: number; used: number }[] = [];
    for (const name of await fs.readdir(this.#directory)) {
      if (!ENTRY.test(name) && !UNFINISHED.test(name)) continue;
      const path = `${this.#directory}/${name}`;
      const stat = await fs.lstat(path).catch(() => null);
      if (stat === null) continue;
      if (ENTRY.test(name)) entries.push({ path, size: stat.size, used: stat.mtimeMs });
      else if (Date.now() - stat.mtimeMs > ABANDONED) await this.#remove(path);
    }
    let bytes = entries.reduce((sum, { size }) => sum + size, 0);
    const bound = bytes > this.#maxBytes ? this.#maxBytes * LOW_WATER : this.#maxBytes;
    entries.sort((one, other) => one.used - other.used);
    for (const { path, size } of entries) {
      if (bytes <= bound) break;
      await this.#remove(path);
      bytes -= size;
    }
    this.#counted = bytes;
  }

  /** The body of an entry that is too large to have been read along; the file may be another one by now. */
  async #stream(path: string, { id }: StoredHead): Promise<BodySource> {
    const file = await this.#open(path);
    if (file === null) throw new Error('the cache entry was removed');
    try {
      const found = await readEnding(file);
      if (found?.head.id !== id) throw new Error('the cache entry was replaced');
      return new FileSource(file, found.bodyLength);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #open(path: string): Promise<FileHandle | null> {
    const fs = await this.#fileSystem();
    try {
      return await fs.open(path, 'r');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async #remove(path: string): Promise<void> {
    const fs = await this.#fileSystem();
    await fs.rm(path, { force: true });
  }

  async #pathOf(key: string): Promise<string> {
    return `${this.#directory}/${await hashOf(key)}`;
  }

  #fileSystem(): Promise<FileSystem> {
    return (this.#fs ??= this.#prepare());
  }

  async #prepare(): Promise<FileSystem> {
    try {
      const fs = await import('node:fs/promises');
      await fs.mkdir(this.#directory, { recursive: true, mode: 0o700 });
      return fs;
    } catch (error) {
      // It may be possible the next time.
      this.#fs = undefined;
      throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT';
}
