import type { Request } from '../../messages/request.ts';
import { MemoryStore } from './memory-store.ts';
import type { CacheStore } from './store.ts';

/** How responses are cached (RFC 9111). */
export interface CacheOptions {
  /**
   * Whose cache it is. `private` (default): one user's, which keeps what is `private` too and tells responses apart by Authorization.
   * `shared`: that of many users, which goes by `s-maxage` and keeps nothing that is for one of them.
   */
  readonly mode?: 'private' | 'shared' | undefined;
  /** Where responses are kept. Default: a `MemoryStore` of its own, which holds 1,024 entries and 100 MiB. */
  readonly store?: CacheStore | undefined;
  /** Bytes of a body on the wire: a larger one is not stored, and not buffered. Default 5 MiB. */
  readonly maxEntrySize?: number | undefined;
  /**
   * For how long a response is fresh that does not say: this part of the time since its Last-Modified (RFC 9111 §4.2.2), from 0, which is never,
   * to 1. Default 0.1.
   */
  readonly heuristic?: number | undefined;
  /** What a response is kept under, besides what it varies by. Default: the URL. Requests of the same key get the same response. */
  readonly key?: ((request: Request) => string) | undefined;
  /** Milliseconds for one call of the store. What takes longer counts as "nothing there". Default 2,000. */
  readonly storeTimeout?: number | undefined;
  /** Hears of each failure of the store. No request fails by one. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The time, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** The options by name. */
export const CACHE_OPTION_NAMES: readonly string[] = [
  'mode',
  'store',
  'maxEntrySize',
  'heuristic',
  'key',
  'storeTimeout',
  'onError',
  'now',
];

export type CheckedOptions = {
  readonly [Name in keyof CacheOptions]-?: NonNullable<CacheOptions[Name]>;
};

/** @throws TypeError on an option that is not what it has to be. */
export function checkedOptions(options: CacheOptions): CheckedOptions {
  const {
    mode = 'private',
    store = new MemoryStore(),
    maxEntrySize = 5 * 1024 * 1024,
    heuristic = 0.1,
    key = urlOf,
    storeTimeout = 2000,
    onError = () => {},
    now = Date.now,
  } = options;
  if (mode !== 'private' && mode !== 'shared')
    throw new TypeError(`cache.mode: expected 'private' or 'shared', got ${shown(mode)}`);
  for (const method of ['get', 'set', 'update', 'delete'] as const) {
    if (typeof store?.[method] !== 'function') {
      throw new TypeError(
        `cache.store: expected a CacheStore, got ${store === null || typeof store !== 'object' ? shown(store) : `an object without ${method}()`}`,
      );
    }
  }
  if (!Number.isInteger(maxEntrySize) || maxEntrySize < 0) {
    throw new TypeError(
      `cache.maxEntrySize: expected a whole number of bytes from 0, got ${shown(maxEntrySize)}`,
    );
  }
  if (typeof heuristic !== 'number' || !(heuristic >= 0 && heuristic <= 1))
    throw new TypeError(`cache.heuristic: expected a number from 0 to 1, got ${shown(heuristic)}`);
  if (typeof storeTimeout !== 'number' || !(storeTimeout > 0 && storeTimeout < 2 ** 31)) {
    throw new TypeError(
      `cache.storeTimeout: expected milliseconds above 0, got ${shown(storeTimeout)}`,
    );
  }
  for (const [name, value] of Object.entries({ key, onError, now })) {
    if (typeof value !== 'function')
      throw new TypeError(`cache.${name}: expected a function, got ${shown(value)}`);
  }
  return { mode, store, maxEntrySize, heuristic, key, storeTimeout, onError, now };
}

function urlOf({ destination }: Request): string {
  return destination.origin + destination.target;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return value === null || typeof value !== 'object' ? String(value) : 'an object';
}
