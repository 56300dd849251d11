import {
  NetworkFailure,
  type NetworkBackend,
  type NetworkTarget,
  type Opening,
} from '../network/stream.ts';
import { ProxyFailure } from './failure.ts';
import type { Proxy } from './proxy.ts';
import { StagedOpening } from './staged-opening.ts';

/** Opens connections to a proxy, whatever the target: what forwarding takes, and tunnels begin with. */
export class ProxyDialer implements NetworkBackend {
  readonly #proxy: Proxy;
  readonly #network: NetworkBackend;
  readonly #target: NetworkTarget;

  constructor(proxy: Proxy, network: NetworkBackend) {
    const { host, port, protocol } = proxy;
    this.#proxy = proxy;
    this.#network = network;
    const tls = protocol === 'https:' ? { servername: host, alpn: ['http/1.1'] } : null;
    this.#target = { host, port, tls };
  }

  open(): Opening {
    return new StagedOpening(async (opening) => {
      try {
        return await opening.enter(this.#network.open(this.#target)).stream;
      } catch (cause) {
        if (!(cause instanceof NetworkFailure)) throw cause;
        throw new ProxyFailure(
          `the proxy ${this.#proxy.toString()} cannot be reached: ${cause.message}`,
          { cause },
        );
      }
    });
  }
}
