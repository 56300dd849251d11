import type { BodySource } from '../../messages/body-source.ts';
import type { StoredHead } from './stored-head.ts';

/** A value, or a promise of one: a store that has it at hand need not make anybody wait. */
export type Awaitable<T> = T | PromiseLike<T>;

/**
 * Where a cache keeps what it stores. What it is given as a head is plain JSON and none of its business, but for `id`, which tells one stored
 * response from the next under the same key.
 *
 * A store may fail: whatever it throws counts as "nothing there", and no request fails by it. Keys hold URLs, and what requests vary by,
 * credentials among them: one that leaves the process keeps a hash of them.
 */
export interface CacheStore {
  /** What is stored under the key; undefined where nothing is. */
  get(key: string): Awaitable<StoredEntry | undefined>;
  /** Begins to store. Nothing is to be seen of it before `commit`, which replaces what was there at once. */
  set(key: string, head: StoredHead): Awaitable<StoreWriter>;
  /** Gives the entry another head, and leaves its body; does nothing where the one that is there has another `id`. */
  update(key: string, head: StoredHead): Awaitable<void>;
  delete(key: string): Awaitable<void>;
}

/** What a store has under a key. It holds nothing open: it may be dropped. */
export interface StoredEntry {
  readonly head: StoredHead;
  /** The body: bytes, which are the caller's from then on, or what it is to be read from, to its end or until cancelled. */
  body(): Awaitable<Uint8Array | BodySource>;
}

/** Takes a body in, piece by piece. It ends with one of `commit` and `abort`. */
export interface StoreWriter {
  /** The piece is the caller's again when this has settled. */
  write(piece: Uint8Array): Awaitable<void>;
  commit(): Awaitable<void>;
  /** Forgets what was written. */
  abort(): Awaitable<void>;
}
