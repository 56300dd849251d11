import type { Http1Options } from '../http1/options.ts';
import type { NetworkBackend, NetworkTarget } from '../network/stream.ts';
import type { Proxy } from '../proxy/proxy.ts';
import type { Forwarding } from '../proxy/forwarding.ts';
import type { Routes } from '../proxy/routes.ts';

/** What connections to an origin are made with. */
export interface Target {
  /** What opens them: the network, or what goes through a proxy. */
  readonly backend: NetworkBackend;
  readonly network: NetworkTarget;
  readonly http1: Http1Options;
  readonly proxy: Proxy | null;
  /** What has to send each request, where a proxy may challenge it. */
  readonly forwarding: Forwarding | null;
}

/** Kept for origins that are in use; a pool that meets very many does not remember them all. */
const MAX_TARGETS = 10_000;

/** Takes the origins apart, each once. */
export class Targets {
  readonly #made: Map<string, Target> = new Map();
  readonly #options: Omit<Http1Options, 'host'>;

  readonly #network: NetworkBackend;
  readonly #routes: Routes | null;

  /** `routes`: through proxies; null: there are none. */
  constructor(
    options: Omit<Http1Options, 'host'>,
    network: NetworkBackend,
    routes: Routes | null = null,
  ) {
    this.#options = options;
    this.#network = network;
    this.#routes = routes;
  }

  of(origin: string): Target {
    let made = this.#made.get(origin);
    if (made === undefined) {
      const { host: authority, hostname, port, protocol } = new URL(origin);
      const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
      const secure = protocol === 'https:';
      const network = {
        host,
        port: port === '' ? (secure ? 443 : 80) : Number(port),
        tls: secure ? { servername: host, alpn: ['http/1.1'] } : null,
      };
      const route = this.#routes?.to(origin) ?? null;
      made = {
        backend: route?.backend ?? this.#network,
        network,
        http1: { ...this.#options, host: authority, proxied: route?.heads },
        proxy: route?.proxy ?? null,
        forwarding: route?.forwarding ?? null,
      };
      if (this.#made.size >= MAX_TARGETS) this.#made.clear();
      this.#made.set(origin, made);
    }
    return made;
  }
}
