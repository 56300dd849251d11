import type { ProxiedHeads } from '../http1/options.ts';
import { Resolver } from '../network/resolver.ts';
import { SocketBackend, type SocketBackendOptions } from '../network/socket-backend.ts';
import type { NetworkBackend, Opening, NetworkTarget } from '../network/stream.ts';
import type { TLSOptions } from '../network/tls-options.ts';
import { ProxyDialer } from './dialer.ts';
import { Forwarding, tunnelled } from './forwarding.ts';
import type { Proxy } from './proxy.ts';
import type { ProxyMap } from './proxy-map.ts';
import type { Security } from './secured.ts';
import { StagedOpening } from './staged-opening.ts';

/** How requests to an origin go through a proxy. */
export interface Route {
  readonly proxy: Proxy;
  /** Opens what they are sent on: connections to the proxy, or through it. */
  readonly backend: NetworkBackend;
  readonly heads: ProxiedHeads;
  /** Sends each request, where the proxy may challenge it; else null. */
  readonly forwarding: Forwarding | null;
}

/** What a pool has for its proxies. */
export class Routes {
  readonly #map: ProxyMap;
  readonly #network: NetworkBackend;
  readonly #socket: SocketBackendOptions | null;
  readonly #resolver: Resolver;
  #security: Security | null = null;
  readonly #backends: Map<
    Proxy,
    { readonly forward: NetworkBackend; readonly tunnel: NetworkBackend }
  > = new Map();
  /** Of our own making, to be closed. */
  readonly #owned: SocketBackend[] = [];

  /** `socket`: the options of the sockets that `network` opens; null where it is of the caller's making. @throws TypeError */
  constructor(map: ProxyMap, network: NetworkBackend, socket: SocketBackendOptions | null) {
    this.#map = map;
    this.#network = network;
    this.#socket = socket;
    if (socket === null && map.proxies.some(({ tls }) => tls !== undefined))
      throw new TypeError('proxy.tls: with network, there are no sockets for it to be about');
    const { lookup, hosts } = socket ?? {};
    this.#resolver = new Resolver({ lookup, hosts });
  }

  /** To an origin, as `Request.origin` gives it; null: no proxy. */
  to(origin: string): Route | null {
    const proxy = this.#map.for(origin);
    if (proxy === null) return null;
    const { forward, tunnel } = this.#backendsOf(proxy);
    if (proxy.tunnels(origin))
      return { proxy, backend: tunnel, heads: tunnelled, forwarding: null };
    const forwarding = new Forwarding(proxy, origin);
    return {
      proxy,
      backend: forward,
      heads: forwarding,
      forwarding: forwarding.authenticates ? forwarding : null,
    };
  }

  close(): void {
    for (const backend of this.#owned) backend.close();
  }

  #backendsOf(proxy: Proxy): { readonly forward: NetworkBackend; readonly tunnel: NetworkBackend } {
    let made = this.#backends.get(proxy);
    if (made === undefined) {
      const forward = new ProxyDialer(proxy, this.#networkTo(proxy));
      made = { forward, tunnel: this.#tunnels(proxy, forward) };
      this.#backends.set(proxy, made);
    }
    return made;
  }

  /** What speaks TLS with an https: proxy as it asks for. */
  #networkTo({ protocol, tls }: Proxy): NetworkBackend {
    if (protocol !== 'https:' || this.#socket === null) return this.#network;
    const backend = new SocketBackend({ ...this.#socket, tls: tls ?? trustIn(this.#socket.tls) });
    this.#owned.push(backend);
    return backend;
  }

  /** Their modules are loaded with the first one. */
  #tunnels(proxy: Proxy, dialer: NetworkBackend): NetworkBackend {
    const security = (this.#security ??= this.#securityOfOrigins());
    const resolver = this.#resolver;
    return {
      open: (target: NetworkTarget): Opening =>
        new StagedOpening(async (opening) => {
          if (proxy.isSocks) {
            const { openThroughSocks } = await import('./socks.ts');
            return await openThroughSocks(opening, target, { proxy, dialer, resolver, security });
          }
          const { openTunnel } = await import('./tunnel.ts');
          return await openTunnel(opening, target, { proxy, dialer, security });
        }),
    };
  }

  /** TLS inside a tunnel is ours to speak, even over a network of the caller's making. */
  #securityOfOrigins(): Security {
    if (this.#network instanceof SocketBackend) return this.#network;
    const backend = new SocketBackend();
    this.#owned.push(backend);
    return backend;
  }
}

/** Whom the origins' options trust, and how TLS is spoken; not with which names, and as whom. */
function trustIn(tls: TLSOptions = {}): TLSOptions {
  const { ca, verify, minVersion, maxVersion, ciphers } = tls;
  return Object.fromEntries(
    Object.entries({ ca, verify, minVersion, maxVersion, ciphers }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
