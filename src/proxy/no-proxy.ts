import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/**
 * The origins that no proxy is used for, as `NO_PROXY` names them: a list, by commas or white space, of
 *
 *     *                     every host
 *     example.com           it and the hosts below it; .example.com and *.example.com mean the same
 *     example.com:8080      one port of these
 *     10.1.2.3              an address; with a port: 10.1.2.3:8080, [::1]:8080
 *     10.0.0.0/8, fd00::/8  a range of addresses (CIDR)
 *     localhost             that name; the addresses 127.0.0.1 and ::1 go by themselves
 *
 * Names are compared as they stand in the URL: nothing is looked up. What is none of these is passed over, as others do.
 */
export class NoProxy {
  readonly #everything: boolean;
  readonly #names: { readonly name: string; readonly port: string }[] = [];
  readonly #addresses: BlockList = new BlockList();

  constructor(text: string) {
    const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
    this.#everything = entries.includes('*');
    for (const entry of entries) this.#add(entry);
  }

  /** `origin` as `Request.origin` gives it. */
  has(origin: string): boolean {
    if (this.#everything) return true;
    const { hostname, port: given, protocol } = new URL(origin);
    const host = bare(hostname);
    const port = given === '' ? (protocol === 'https:' ? '443' : '80') : given;
    const family = isIP(host);
    if (family !== 0 && this.#addresses.check(host, typeOf(family))) return true;
    return this.#names.some(
      (each) =>
        (each.port === '' || each.port === port) &&
        (host === each.name || (family === 0 && host.endsWith(`.${each.name}`))),
    );
  }

  #add(entry: string): void {
    const [, address = '', bits] = /^\[?([0-9a-f:.]+)\]?(?:\/(\d{1,3}))?$/i.exec(entry) ?? [];
    const family = isIP(address);
    if (family !== 0) {
      if (bits === undefined) this.#addresses.addAddress(address, typeOf(family));
      else if (Number(bits) <= (family === 6 ? 128 : 32))
        this.#addresses.addSubnet(address, Number(bits), typeOf(family));
      return;
    }
    const [, written = '', port = ''] =
      /^(?:\*?\.)?(\[[0-9a-f:.]+\]|[^:/*[\]]+)(?::(\d{1,5}))?$/i.exec(entry) ?? [];
    const name = canonical(written);
    if (name !== '') this.#names.push({ name, port });
  }
}

function typeOf(family: number): 'ipv4' | 'ipv6' {
  return family === 6 ? 'ipv6' : 'ipv4';
}

/** Without brackets, and without the dot of the root. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** As it would stand in a URL; empty where it could not. */
function canonical(written: string): string {
  const isAddress = isIP(bare(written)) === 6;
  return bare(isAddress ? new URL(`http://[${bare(written)}]`).hostname : domainToASCII(written));
}
