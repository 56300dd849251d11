import { Destination } from '../messages/destination.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { directivesIn } from './hsts/directives.ts';
import { KnownHosts, type HstsEntry } from './hsts/known-hosts.ts';

export type { HstsEntry } from './hsts/known-hosts.ts';

/** What is known from the start, and how much is remembered. */
export interface HstsOptions {
  /** Hosts that are known already: what `entries()` gave, or a list of one's own. */
  readonly entries?: Iterable<HstsEntry> | undefined;
  /** Hosts that are remembered, from 1; of more, those that were confirmed longest ago are forgotten. Default 1,000. */
  readonly maxHosts?: number | undefined;
}

/** The options by name, for those who check them. */
export const HSTS_OPTION_NAMES: readonly string[] = ['entries', 'maxHosts'];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: sent as it is, and nothing learnt from its response (false). */
    hsts?: boolean | undefined;
  }
}

/**
 * HTTP Strict Transport Security (RFC 6797): where a host has said over https: that it is to be had by https: alone, requests for `http:` are
 * sent by `https:`, without a detour over the network. `response.url` tells.
 *
 * Place it inside of redirects, so that every hop counts, and outside of cookies: those that are for https: alone belong to the request then.
 * IP addresses and `localhost` are never remembered. What is learnt is in memory; `entries()` has it, to be kept.
 */
export class HstsMiddleware extends Middleware {
  override readonly role = 'hsts';
  readonly #hosts: KnownHosts;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: HstsOptions | true = {}) {
    super(next);
    if (options !== true && (typeof options !== 'object' || options === null)) {
      throw new TypeError(
        `hsts: expected true or { entries, maxHosts }, got ${options === null ? 'null' : typeof options}`,
      );
    }
    const { entries, maxHosts } = options === true ? {} : options;
    this.#hosts = new KnownHosts(entries, maxHosts);
  }

  /** What is known now, those confirmed longest ago first: plain data, for JSON and for `entries` of another one. */
  entries(): HstsEntry[] {
    return this.#hosts.entries(Date.now());
  }

  send(request: Request): Promise<Response> {
    if (request.extensions.hsts === false) return this.next.send(request);
    const { destination } = request;
    if (destination.protocol === 'https:') return this.#learn(request);
    return destination.protocol === 'http:' && this.#hosts.covers(hostIn(destination), Date.now())
      ? this.#learn(request.with({ url: upgraded(destination) }))
      : this.next.send(request);
  }

  #learn(request: Request): Promise<Response> {
    return this.next.send(request).then((response) => {
      // Of several, the first one counts (§8.1).
      const [field] = response.headers.getAll('strict-transport-security');
      const policy = field === undefined ? null : directivesIn(field);
      if (policy !== null) this.#hosts.note(hostIn(request.destination), policy, Date.now());
      return response;
    });
  }
}

/** §8.3: port 80 becomes the port of https:, any other stays. */
function upgraded(destination: Destination): Destination {
  // In a URL of http:, port 80 is not written.
  return Destination.from(`https:${destination.href.slice('http:'.length)}`);
}

/** Without its port. */
function hostIn({ host }: Destination): string {
  return host.replace(/:\d+$/, '');
}
