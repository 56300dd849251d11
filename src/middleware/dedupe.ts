import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { isShareable, isWrite } from './dedupe/identity.ts';
import { resolveSettings, type DedupeOptions, type DedupeSettings } from './dedupe/settings.ts';
import { SharedExchange } from './dedupe/shared-exchange.ts';

export { DEDUPE_OPTION_NAMES, type DedupeOptions } from './dedupe/settings.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** false: this request has an exchange of its own. */
    dedupe?: boolean | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** Whether the exchange was begun by another request, which this one joined. */
    readonly deduped?: boolean | undefined;
  }
}

/**
 * Sends GET and HEAD requests that are the same, and under way at the same time, once: all get the response, each to read at its own pace, to
 * close and to abort without the others noticing. The exchange is cancelled when all have gone.
 *
 * A request joins another one only until that has been answered, and not across a write: once a request with a method that is not safe (RFC 9110
 * §9.2.1) has been answered by the same origin, what is asked for next is asked anew. So no answer is older than a caller can tell.
 *
 * Timeouts, and the options of layers inside of this one, are those of the request that was first. Place it inside of decoding, so that what is
 * kept for the slowest reader is small.
 */
export class DedupeMiddleware extends Middleware {
  readonly #settings: DedupeSettings;
  /** Those that can be joined. */
  readonly #exchanges = new Map<string, SharedExchange>();

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: DedupeOptions = {}) {
    super(next);
    this.#settings = resolveSettings(options);
  }

  send(request: Request): Promise<Response> {
    if (isWrite(request)) return this.#sendWrite(request);
    if (!isShareable(request)) return this.next.send(request);
    let key: string | null;
    try {
      key = this.#keyOf(request);
    } catch (error) {
      return Promise.reject(error);
    }
    if (key === null) return this.next.send(request);
    return this.#exchanges.get(key)?.join(request) ?? this.#begin(key, request);
  }

  /** Exchanges that can be joined at the moment. */
  get pending(): number {
    return this.#exchanges.size;
  }

  #begin(key: string, request: Request): Promise<Response> {
    const exchange = new SharedExchange(request, this.#settings, () => {
      // After a write there may be another one in its place.
      if (this.#exchanges.get(key) === exchange) this.#exchanges.delete(key);
    });
    this.#exchanges.set(key, exchange);
    const response = exchange.join(request);
    void exchange.send(this.next);
    return response;
  }

  async #sendWrite(request: Request): Promise<Response> {
    try {
      return await this.next.send(request);
    } finally {
      for (const [key, { origin }] of this.#exchanges)
        if (origin === request.origin) this.#exchanges.delete(key);
    }
  }

  /** A HEAD is never answered with what a GET gets. */
  #keyOf(request: Request): string | null {
    const key = this.#settings.key(request);
    if (key !== null && typeof key !== 'string')
      throw new TypeError(`dedupe.key: expected it to give a string or null, got ${typeof key}`);
    return key === null ? null : `${request.method} ${key}`;
  }
}
