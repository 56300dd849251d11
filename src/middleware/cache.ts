import type { CacheStatus } from '../messages/cache-status.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { Arrivals } from './cache/arrivals.ts';
import { Call } from './cache/call.ts';
import { Flights } from './cache/flights.ts';
import { GuardedStore } from './cache/guarded-store.ts';
import type { Means } from './cache/means.ts';
import { checkedOptions, type CacheOptions, type CheckedOptions } from './cache/options.ts';
import { Policies, requestDirectives } from './cache/policy.ts';
import { marked } from './cache/reply.ts';
import { Shelf } from './cache/shelf.ts';
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

/** Methods that change nothing (RFC 9110 §9.2.1, RFC 10008, RFC 4918 §9.1): whatever else is asked for outdates what is stored. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND']);

/** Requests that a cache leaves alone: for a part, with conditions that only the server can judge, or for another protocol. */
const PASSED_BY: readonly string[] = [
  'range',
  'if-range',
  'if-match',
  'if-unmodified-since',
  'upgrade',
];

/**
 * Keeps responses and uses them again, as RFC 9111 has it: GET and HEAD are answered from the store while what is there is fresh, and confirmed
 * with the server when it no longer is. Requests at one time for one thing share one fetch, where the response turns out to be for sharing.
 *
 * Place it inside of decoding, so that bodies are kept as they came. What it did stands in `Cache-Status` and in
 * `response.extensions.cacheStatus`. A store that fails is a cache that is empty: no request fails by it.
 */
export class CacheMiddleware extends Middleware {
  readonly #options: CheckedOptions;
  readonly #store: GuardedStore;
  readonly #shelf: Shelf;
  readonly #arrivals = new Arrivals();
  readonly #flights = new Flights();
  readonly #refreshes = new Map<string, Promise<void>>();
  #means: Promise<Means> | undefined;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: CacheOptions = {}) {
    super(next);
    this.#options = checkedOptions(options);
    const { store, storeTimeout, onError, mode } = this.#options;
    this.#store = new GuardedStore(store, storeTimeout, onError);
    this.#shelf = new Shelf(this.#store, mode === 'shared');
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
    return this.#send(request, mode ?? 'default');
  }

  override async close(): Promise<void> {
    await super.close();
    await Promise.all(this.#refreshes.values());
  }

  async #send(request: Request, mode: CacheMode): Promise<Response> {
    const { method, headers, content } = request;
    if (!SAFE.has(method)) return this.#change(request);
    if (method !== 'GET' && method !== 'HEAD') return this.#passBy(request, { fwd: 'method' });
    if (content !== null || PASSED_BY.some((name) => headers.has(name)))
      return this.#passBy(request, { fwd: 'bypass' });
    if (mode === 'no-store' || requestDirectives(headers).has('no-store'))
      return this.#passBy(request, { fwd: 'request' });
    this.#means ??= this.#load();
    const call = new Call(await this.#means, request, mode, this.#keyOf(request));
    return call.answer();
  }

  async #passBy(request: Request, status: Omit<CacheStatus, 'hit'>): Promise<Response> {
    return marked(await this.next.send(request), { hit: false, ...status });
  }

  /** An unsafe request outdates what is stored for its URL, and for those that the response names, if it was not in vain (RFC 9111 §4.4). */
  async #change(request: Request): Promise<Response> {
    const response = await this.next.send(request);
    if (response.status < 200 || response.status > 399)
      return marked(response, { hit: false, fwd: 'method' });
    try {
      for (const url of [request.destination.href, ...namedIn(response.headers, request)]) {
        const primary = this.#keyOf(request.with({ method: 'GET', url, body: null }));
        await this.#arrivals.outdate(primary);
        await this.#shelf.forget(primary);
      }
    } catch (error) {
      await response.close();
      throw error;
    }
    return marked(response, { hit: false, fwd: 'method' });
  }

  #keyOf(request: Request): string {
    const key: unknown = this.#options.key(request);
    if (typeof key !== 'string')
      throw new TypeError(`cache.key: expected it to return a string, got ${typeof key}`);
    return key;
  }

  async #load(): Promise<Means> {
    const { mode, heuristic, maxEntrySize, now } = this.#options;
    return {
      next: this.next,
      policies: await Policies.load({ shared: mode === 'shared', heuristic }),
      store: this.#store,
      shelf: this.#shelf,
      flights: this.#flights,
      arrivals: this.#arrivals,
      refreshes: this.#refreshes,
      maxEntrySize,
      now,
    };
  }
}

/** The URLs of Location and Content-Location, where they are of the same origin. */
function namedIn(headers: Headers, request: Request): string[] {
  return ['location', 'content-location'].flatMap((name) => {
    const named = headers.get(name);
    if (named === null || !URL.canParse(named, request.destination.href)) return [];
    const url = new URL(named, request.destination.href);
    return url.origin === new URL(request.destination.href).origin ? [url.href] : [];
  });
}
