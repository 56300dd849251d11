import { hashOf } from './key-hash.ts';
import type { CacheStore, StoredEntry, StoreWriter } from './store.ts';
import type { StoredHead } from './stored-head.ts';

/** A `Keyv`, or one of its storage adapters: whatever has these three methods. */
export interface KeyvLike {
  get(key: string): unknown;
  set(key: string, value: string, ttl?: number): unknown;
  delete(key: string): unknown;
}

export interface KeyvStoreOptions {
  /** Milliseconds for which an entry is kept after it was written, fresh or not. Default 7 days; null: for as long as the Keyv keeps it. */
  readonly ttl?: number | null | undefined;
}

const WEEK = 7 * 24 * 3600 * 1000;

/**
 * Keeps responses in anything that Keyv speaks to: Redis, SQLite, Postgres, … Keys are hashes, and values are text, so that every database takes
 * them. A body is in memory as a whole while it is stored and when it is read: keep `maxEntrySize` small.
 */
export class KeyvStore implements CacheStore {
  readonly #keyv: KeyvLike;
  readonly #ttl: number | undefined;

  /** @throws TypeError where it is no Keyv, or `ttl` no time. */
  constructor(keyv: KeyvLike, { ttl = WEEK }: KeyvStoreOptions = {}) {
    for (const method of ['get', 'set', 'delete'] as const) {
      if (typeof keyv?.[method] !== 'function')
        throw new TypeError(`KeyvStore: expected a Keyv, or an adapter, which has ${method}()`);
    }
    if (ttl !== null && (typeof ttl !== 'number' || !(ttl > 0))) {
      throw new TypeError(
        `KeyvStore.ttl: expected milliseconds above 0, or null, got ${String(ttl)}`,
      );
    }
    this.#keyv = keyv;
    this.#ttl = ttl ?? undefined;
  }

  async get(key: string): Promise<StoredEntry | undefined> {
    const value = await this.#keyv.get(await nameOf(key));
    return typeof value === 'string' ? entryIn(value) : undefined;
  }

  set(key: string, head: StoredHead): StoreWriter {
    const pieces: Uint8Array[] = [];
    return {
      write: (piece) => {
        // Not slice(): that of a Buffer copies nothing.
        pieces.push(new Uint8Array(piece));
      },
      commit: () => this.#put(key, head, base64(pieces)),
      abort: () => {
        pieces.length = 0;
      },
    };
  }

  async update(key: string, head: StoredHead): Promise<void> {
    const value = await this.#keyv.get(await nameOf(key));
    if (typeof value !== 'string' || entryIn(value)?.head.id !== head.id) return;
    await this.#put(key, head, value.slice(value.indexOf('\n') + 1));
  }

  async delete(key: string): Promise<void> {
    await this.#keyv.delete(await nameOf(key));
  }

  async #put(key: string, head: StoredHead, body: string): Promise<void> {
    const value = `${JSON.stringify(head)}\n${body}`;
    // Keyv says it this way where it does not throw.
    if ((await this.#keyv.set(await nameOf(key), value, this.#ttl)) === false)
      throw new Error('the Keyv did not take the entry');
  }
}

/** `1` is the version of what stands there. */
async function nameOf(key: string): Promise<string> {
  return `strata-http:1:${await hashOf(key)}`;
}

/** JSON has no line break in it: what follows the first one is the body. */
function entryIn(value: string): StoredEntry | undefined {
  const end = value.indexOf('\n');
  if (end === -1) return undefined;
  return {
    head: JSON.parse(value.slice(0, end)) as StoredHead,
    body: () => bytesIn(value.slice(end + 1)),
  };
}

function bytesIn(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** How many characters can be made at once, as arguments of one call. */
const AT_ONCE = 0x8000;

function base64(pieces: readonly Uint8Array[]): string {
  let binary = '';
  for (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; at += AT_ONCE)
      binary += String.fromCharCode(...piece.subarray(at, at + AT_ONCE));
  }
  return btoa(binary);
}
