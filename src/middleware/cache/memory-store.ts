import type { CacheStore, StoredEntry, StoreWriter } from './store.ts';
import type { StoredHead } from './stored-head.ts';

/** Bounds of a `MemoryStore`. What was not used for longest goes first. */
export interface MemoryStoreOptions {
  /** Default 1,024. Each variant of a URL is one, and so is the rule that tells them apart. */
  readonly maxEntries?: number | undefined;
  /** Bytes of all bodies and headers together. Default 100 MiB. */
  readonly maxBytes?: number | undefined;
}

interface Item {
  readonly head: StoredHead;
  readonly body: Uint8Array;
  readonly size: number;
}

/** What an entry takes besides its bytes: about that of the objects that hold it. */
const OVERHEAD = 256;

/** Keeps responses in the memory of this process, where they are at hand without a wait. */
export class MemoryStore implements CacheStore {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** What was used last stands last. */
  readonly #items = new Map<string, Item>();
  #bytes = 0;

  /** @throws TypeError on a bound that is none. */
  constructor({ maxEntries = 1024, maxBytes = 100 * 1024 * 1024 }: MemoryStoreOptions = {}) {
    this.#maxEntries = atLeastOne('maxEntries', maxEntries);
    this.#maxBytes = atLeastOne('maxBytes', maxBytes);
  }

  /** How many entries there are. */
  get entries(): number {
    return this.#items.size;
  }

  /** How many bytes they take. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): StoredEntry | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    this.#items.delete(key);
    this.#items.set(key, item);
    // A copy: what is read is the reader's, and may be written into.
    return { head: item.head, body: () => item.body.slice() };
  }

  set(key: string, head: StoredHead): StoreWriter {
    const pieces: Uint8Array[] = [];
    let length = 0;
    return {
      write: (piece) => {
        length += piece.byteLength;
        if (length > this.#maxBytes)
          throw new RangeError(`the body is larger than the store's maxBytes, ${this.#maxBytes}`);
        // Not slice(): that of a Buffer copies nothing.
        pieces.push(new Uint8Array(piece));
      },
      commit: () => this.#put(key, head, joined(pieces, length)),
      abort: () => {
        pieces.length = 0;
      },
    };
  }

  update(key: string, head: StoredHead): void {
    const item = this.#items.get(key);
    if (item?.head.id === head.id) this.#put(key, head, item.body);
  }

  delete(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    this.#items.delete(key);
    this.#bytes -= item.size;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items.clear();
    this.#bytes = 0;
  }

  #put(key: string, head: StoredHead, body: Uint8Array): void {
    this.delete(key);
    const size = body.byteLength + key.length + sizeOf(head) + OVERHEAD;
    this.#items.set(key, { head, body, size });
    this.#bytes += size;
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }
}

function sizeOf(head: StoredHead): number {
  return head.kind === 'vary'
    ? head.names.join().length
    : head.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

function atLeastOne(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new TypeError(
      `MemoryStore.${name}: expected a whole number from 1, got ${String(value)}`,
    );
  }
  return value;
}
