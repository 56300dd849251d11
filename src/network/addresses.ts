import { isIP } from 'node:net';

/** Where one attempt goes: an IP address, or (family 0) the path of a Unix socket or named pipe. */
export interface Address {
  readonly address: string;
  readonly family: 0 | 4 | 6;
}

/** An IP address in text, or undefined where it is none. */
export function toAddress(text: string): Address | undefined {
  const family = isIP(text);
  return family === 4 || family === 6 ? { address: text, family } : undefined;
}

/**
 * The order in which addresses are tried (RFC 8305 §4): families alternate, so that one that does not work costs one attempt
 * and not all of them. The first stays first, and inside its family each keeps its place: the resolver's order is RFC 6724's.
 * An address that comes twice is tried once.
 */
export function interleave(addresses: readonly Address[]): Address[] {
  const unique = [...new Map(addresses.map((each) => [each.address, each])).values()];
  const preferred = unique.filter(({ family }) => family === unique[0]?.family);
  const others = unique.filter(({ family }) => family !== unique[0]?.family);
  const order: Address[] = [];
  for (let i = 0; i < Math.max(preferred.length, others.length); i++) {
    order.push(...preferred.slice(i, i + 1), ...others.slice(i, i + 1));
  }
  return order;
}

/** As it stands in messages and in `remoteAddress`: `127.0.0.1:80`, `[::1]:80`, or the path. */
export function withPort({ address, family }: Address, port: number): string {
  if (family === 0) return address;
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
