import type { CacheStatus } from '../../messages/cache-status.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import type { TransportLike } from '../../transport.ts';
import { Arrivals } from './arrivals.ts';
import { Call } from './call.ts';
import { Flights } from './flights.ts';
import { GuardedStore } from './guarded-store.ts';
import type { Means } from './means.ts';
import type { CheckedOptions } from './options.ts';
import { Policies, requestDirectives } from './policy.ts';
import { marked } from './reply.ts';
import { Shelf } from './shelf.ts';
import type { CacheMode } from './wishes.ts';

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

/** What a cache does with requests. */
export class Engine {
  readonly #options: CheckedOptions;
  readonly #means: Means;

  static async load(next: TransportLike, options: CheckedOptions): Promise<Engine> {
    const { mode, heuristic, maxEntrySize, now, storeTimeout, onError } = options;
    const store = new GuardedStore(options.store, storeTimeout, onError);
    const shared = mode === 'shared';
    return new Engine(options, {
      next,
      policies: await Policies.load({ shared, heuristic }),
      store,
      shelf: new Shelf(store, shared),
      flights: new Flights(),
      arrivals: new Arrivals(),
      refreshes: new Map(),
      maxEntrySize,
      now,
    });
  }

  private constructor(options: CheckedOptions, means: Means) {
    this.#options = options;
    this.#means = means;
  }

  async send(request: Request, mode: CacheMode): Promise<Response> {
    const { method, headers, content } = request;
    if (!SAFE.has(method)) return this.#change(request);
    if (method !== 'GET' && method !== 'HEAD') return this.#passBy(request, { fwd: 'method' });
    if (content !== null || PASSED_BY.some((name) => headers.has(name)))
      return this.#passBy(request, { fwd: 'bypass' });
    if (mode === 'no-store' || requestDirectives(headers).has('no-store'))
      return this.#passBy(request, { fwd: 'request' });
    return new Call(this.#means, request, mode, this.#keyOf(request)).answer();
  }

  /** Resolves when what goes on behind answers that were stale is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#means.refreshes.values());
  }

  async #passBy(request: Request, status: Omit<CacheStatus, 'hit'>): Promise<Response> {
    return marked(await this.#means.next.send(request), { hit: false, ...status });
  }

  /** An unsafe request outdates what is stored for its URL, and for those that the response names, if it was not in vain (RFC 9111 §4.4). */
  async #change(request: Request): Promise<Response> {
    const response = await this.#means.next.send(request);
    if (response.status < 200 || response.status > 399)
      return marked(response, { hit: false, fwd: 'method' });
    try {
      for (const url of [request.destination.href, ...namedIn(response.headers, request)]) {
        const primary = this.#keyOf(request.with({ method: 'GET', url, body: null }));
        await this.#means.arrivals.outdate(primary);
        await this.#means.shelf.forget(primary);
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
