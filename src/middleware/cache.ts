import type { CacheStatus } from '../messages/cache-status.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import type { Engine } from './cache/engine.ts';
import { checkedOptions, type CacheOptions, type CheckedOptions } from './cache/options.ts';
import type { CacheMode } from './cache/wishes.ts';

export type { CacheMode } from './cache/wishes.ts';
export { DiskStore, type DiskStoreOptions } from './cache/disk-store.ts';
export { KeyvStore, type KeyvLike, type KeyvStoreOptions } from './cache/keyv-store.ts';
export { MemoryStore, type MemoryStoreOptions } from './cache/memory-store.ts';
export { CACHE_OPTION_NAMES, type CacheOptions } from './cache/options.ts';
export type { Awaitable, CacheStore, StoredEntry, StoreWriter } from './cache/store.ts';
export type { StoredHead, StoredResponse, VaryRule } from './cache/stored-head.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: the cache left out (false), or one of the modes that `fetch` has. */
    cache?: false | CacheMode | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** What the cache had to do with it (RFC 9211). */
    readonly cacheStatus?: CacheStatus | undefined;
  }
}

const MODES: ReadonlySet<unknown> = new Set<CacheMode>([
  'default',
  'no-store',
  'reload',
  'no-cache',
  'force-cache',
  'only-if-cached',
]);

/** What does the work: it loads with the first request of any cache. */
let works: typeof import('./cache/engine.ts') | undefined;

/**
 * Keeps responses and uses them again, as RFC 9111 has it: GET and HEAD are answered from the store while what is there is fresh, and confirmed
 * with the server when it no longer is. Requests at one time for one thing share one fetch, where the response turns out to be for sharing.
 *
 * Place it inside of decoding, so that bodies are kept as they came. What it did stands in `Cache-Status` and in
 * `response.extensions.cacheStatus`. A store that fails is a cache that is empty: no request fails by it.
 */
export class CacheMiddleware extends Middleware {
  override readonly role = 'cache';
  readonly #options: CheckedOptions;
  /** null until the first request. */
  #engine: Engine | null = null;
  #loading: Promise<Engine> | null = null;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: CacheOptions = {}) {
    super(next);
    this.#options = checkedOptions(options);
  }

  send(request: Request): Promise<Response> {
    const mode = request.extensions.cache;
    if (mode === false) return this.next.send(request);
    if (mode !== undefined && !MODES.has(mode)) {
      return Promise.reject(
        new TypeError(
          `cache: expected false or one of ${[...MODES].join(', ')}, got ${String(mode)}`,
        ),
      );
    }
    return this.#engine === null
      ? this.#load().then((engine) => engine.send(request, mode ?? 'default'))
      : this.#engine.send(request, mode ?? 'default');
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#engine?.settled();
  }

  #load(): Promise<Engine> {
    return (this.#loading ??= this.#started());
  }

  async #started(): Promise<Engine> {
    works ??= await import('./cache/engine.ts');
    return (this.#engine = await works.Engine.load(this.next, this.#options));
  }
}
