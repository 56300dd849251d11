import { lookup as dnsLookup } from 'node:dns';
import { type Address, toAddress } from './addresses.ts';
import { describe } from './check-options.ts';

/**
 * Resolves a name: `dns.lookup`, or a function with its signature. It is called with `{ all: true }` and may answer with a list
 * or, as some do whatever they are asked, with one address and its family. It may call back at once or later, once.
 */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (
    error: Error | null | undefined,
    address?: string | readonly { readonly address: string; readonly family?: number }[],
    family?: number,
  ) => void,
) => void;

/** Addresses for names, as in /etc/hosts. */
export type Hosts = Readonly<Record<string, string | readonly string[]>>;

/** `asked` says whether it took a lookup. Called once, perhaps before `resolve` returns. */
export type Resolved = (
  error: Error | undefined,
  addresses: readonly Address[],
  asked: boolean,
) => void;

export interface ResolverOptions {
  readonly lookup?: Lookup | undefined;
  readonly hosts?: Hosts | undefined;
  readonly localAddress?: string | undefined;
  readonly socketPath?: string | undefined;
}

/** From a host to the addresses that can stand for it. */
export class Resolver {
  readonly #lookup: Lookup;
  /** By names in lower case. */
  readonly #hosts = new Map<string, readonly Address[]>();
  readonly #local: Address | undefined;
  readonly #path: Address | undefined;

  /** Throws a `TypeError` where `hosts` or `localAddress` hold what is not an IP address. */
  constructor({ lookup = dnsLookup, hosts = {}, localAddress, socketPath }: ResolverOptions) {
    this.#lookup = lookup;
    for (const [name, listed] of Object.entries(hosts)) {
      const addresses = [listed]
        .flat()
        .map((each) => mustBeAddress(`hosts[${JSON.stringify(name)}]`, each));
      if (addresses.length === 0) {
        throw new TypeError(`hosts[${JSON.stringify(name)}]: expected at least one IP address`);
      }
      this.#hosts.set(name.toLowerCase(), addresses);
    }
    if (localAddress !== undefined) this.#local = mustBeAddress('localAddress', localAddress);
    if (socketPath !== undefined) this.#path = { address: socketPath, family: 0 };
  }

  resolve(host: string, resolved: Resolved): void {
    if (this.#path !== undefined) return resolved(undefined, [this.#path], false);
    const known = this.#hosts.get(host.toLowerCase()) ?? literal(host);
    if (known !== undefined) return this.#filter(known, false, resolved);
    lookUp(this.#lookup, host, (error, addresses) => {
      if (error !== undefined) resolved(error, [], true);
      else this.#filter(addresses, true, resolved);
    });
  }

  /** Leaves those that can be reached from `localAddress`. */
  #filter(addresses: readonly Address[], asked: boolean, resolved: Resolved): void {
    const local = this.#local;
    if (local === undefined) return resolved(undefined, addresses, asked);
    const reachable = addresses.filter(({ family }) => family === local.family);
    if (reachable.length > 0) return resolved(undefined, reachable, asked);
    const found = addresses.map(({ address }) => address).join(', ');
    resolved(new Error(`${found} cannot be reached from localAddress ${local.address}`), [], asked);
  }
}

/** Asks `lookup`; what it throws, and an answer that is none, comes as the error. */
function lookUp(
  lookup: Lookup,
  host: string,
  done: (error: Error | undefined, addresses: readonly Address[]) => void,
): void {
  let answered = false;
  const answer = (error: Error | undefined, addresses: readonly Address[]): void => {
    if (answered) return;
    answered = true;
    done(error, addresses);
  };
  try {
    lookup(host, { all: true }, (error, found) => {
      if (error != null) return answer(error, []);
      const addresses: Address[] = [];
      const list = typeof found === 'string' ? [{ address: found }] : found;
      for (const each of Array.isArray(list) ? (list as readonly { address: string }[]) : []) {
        const address = toAddress(each?.address);
        if (address === undefined) {
          return answer(
            new TypeError(`lookup answered ${describe(each?.address)}, which is no IP address`),
            [],
          );
        }
        addresses.push(address);
      }
      answer(addresses.length === 0 ? new Error('there is no address') : undefined, addresses);
    });
  } catch (error) {
    answer(error instanceof Error ? error : new Error(`lookup threw ${String(error)}`), []);
  }
}

function literal(host: string): readonly Address[] | undefined {
  const address = toAddress(host);
  return address && [address];
}

function mustBeAddress(option: string, text: unknown): Address {
  const address = typeof text === 'string' ? toAddress(text) : undefined;
  if (address === undefined)
    throw new TypeError(`${option}: expected an IP address, got ${describe(text)}`);
  return address;
}
