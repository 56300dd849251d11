import { interleave, type Address } from '../network/addresses.ts';
import type { Resolver } from '../network/resolver.ts';
import {
  NetworkFailure,
  type NetworkBackend,
  type NetworkStream,
  type NetworkTarget,
} from '../network/stream.ts';
import { ProxyFailure } from './failure.ts';
import type { Proxy } from './proxy.ts';
import { secured, type Security } from './secured.ts';
import { SocksHandshake, SocksRejection } from './socks-handshake.ts';
import type { Cancellable, StagedOpening } from './staged-opening.ts';

/** What connections through a SOCKS proxy are made with. */
export interface SocksMeans {
  readonly proxy: Proxy;
  /** Opens connections to the proxy. */
  readonly dialer: NetworkBackend;
  /** For the kinds of SOCKS that leave names to the client. */
  readonly resolver: Resolver;
  readonly security: Security;
}

/**
 * Opens a stream to `target` through a SOCKS proxy (RFC 1928; SOCKS 4 and 4A), then TLS where the target asks for it. A name that is
 * resolved here may have several addresses: they are tried one after the other.
 */
export async function openThroughSocks(
  opening: StagedOpening,
  target: NetworkTarget,
  { proxy, dialer, resolver, security }: SocksMeans,
): Promise<NetworkStream> {
  const { SocksClient } = await import('socks');
  const hosts = leavesNames(proxy)
    ? [target.host]
    : await resolved(opening, target, proxy, resolver);
  let rejection: SocksRejection | null = null;
  for (const host of hosts) {
    const stream = await opening.enter(dialer.open(target)).stream;
    const destination = { host, port: target.port };
    const handshake = opening.enter(new SocksHandshake(SocksClient, stream, proxy, destination));
    try {
      const early = await handshake.done;
      return await secured(opening, stream, early, target, security);
    } catch (error) {
      if (!(error instanceof SocksRejection)) throw error;
      rejection ??= error;
    }
  }
  throw rejection ?? new ProxyFailure(`${target.host} has no address`);
}

function leavesNames({ protocol }: Proxy): boolean {
  return protocol === 'socks5h:' || protocol === 'socks4a:';
}

/** The addresses that the proxy can be told. */
async function resolved(
  opening: StagedOpening,
  { host }: NetworkTarget,
  proxy: Proxy,
  resolver: Resolver,
): Promise<string[]> {
  const addresses = await opening.enter(new Lookup(resolver, host)).addresses;
  const usable = addresses.filter(({ family }) => proxy.protocol === 'socks5:' || family === 4);
  if (usable.length > 0) return interleave(usable).map(({ address }) => address);
  throw new ProxyFailure(
    `the proxy ${proxy.toString()} cannot be asked for ${host}: SOCKS 4 knows IPv4 only, and there is none among ${addresses.map(({ address }) => address).join(', ')}`,
  );
}

class Lookup implements Cancellable {
  readonly addresses: Promise<readonly Address[]>;
  #reject!: (reason: Error) => void;

  constructor(resolver: Resolver, host: string) {
    this.addresses = new Promise((resolve, reject) => {
      this.#reject = reject;
      resolver.resolve(host, (error, addresses) => {
        if (error === undefined) resolve(addresses);
        else reject(new NetworkFailure(`cannot resolve ${host}: ${error.message}`, [], error));
      });
    });
  }

  cancel(reason: Error): void {
    this.#reject(reason);
  }
}
