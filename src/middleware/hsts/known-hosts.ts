import type { HstsPolicy } from './directives.ts';

/** A host that is to be had by https: alone. */
export interface HstsEntry {
  /** In lower case, in Punycode. */
  readonly host: string;
  readonly includeSubDomains: boolean;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A hundred years. What says more than that would not be a time any more. */
const MAX_AGE = 3_155_760_000;

/** Known HSTS Hosts (RFC 6797 §8), in a bounded number. */
export class KnownHosts {
  /** By host; in the order in which they were confirmed. */
  readonly #entries = new Map<string, HstsEntry>();
  readonly #max: number;

  /** @throws TypeError */
  constructor(entries: Iterable<HstsEntry> = [], max = 1000) {
    if (!Number.isInteger(max) || max < 1) {
      throw new TypeError(`hsts.maxHosts: expected a whole number from 1, got ${String(max)}`);
    }
    this.#max = max;
    for (const entry of iterable(entries)) this.#keep(checked(entry));
  }

  /** Whether a host, or one above it that includes those below, is known. */
  covers(host: string, now: number): boolean {
    if (this.#entries.size === 0) return false;
    const name = canonical(host);
    for (let at = 0; ; at = name.indexOf('.', at) + 1) {
      const entry = this.#entries.get(name.slice(at));
      if (entry !== undefined && (at === 0 || entry.includeSubDomains) && entry.expiresAt > now)
        return true;
      if (!name.includes('.', at)) return false;
    }
  }

  /** A host has said so over https:. */
  note(host: string, { maxAge, includeSubDomains }: HstsPolicy, now: number): void {
    const name = canonical(host);
    if (maxAge === 0) {
      this.#entries.delete(name);
      return;
    }
    if (!isName(name)) return;
    const expiresAt = now + Math.min(maxAge, MAX_AGE) * 1000;
    this.#keep({ host: name, includeSubDomains, expiresAt });
  }

  entries(now: number): HstsEntry[] {
    return [...this.#entries.values()].filter(({ expiresAt }) => expiresAt > now);
  }

  #keep(entry: HstsEntry): void {
    this.#entries.delete(entry.host);
    if (this.#entries.size >= this.#max) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest as string);
    }
    this.#entries.set(entry.host, entry);
  }
}

/** `example.com.` is `example.com`. */
function canonical(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** No IP address (§8.1.1), which a URL has as `1.2.3.4` or in brackets; and not this machine, whose ports are many servers. */
function isName(host: string): boolean {
  return host !== '' && !/^\[|(?:^|\.)(?:\d+|localhost)$/.test(host);
}

function checked(entry: HstsEntry): HstsEntry {
  const { host, includeSubDomains, expiresAt } = entry ?? {};
  if (typeof host !== 'string' || !HOST.test(host) || !isName(canonical(host))) {
    throw new TypeError(
      `hsts.entries: expected the name of a host, got ${typeof host === 'string' ? JSON.stringify(host) : typeof host}`,
    );
  }
  if (typeof includeSubDomains !== 'boolean') {
    throw new TypeError(
      `hsts.entries: includeSubDomains of ${host}: expected true or false, got ${typeof includeSubDomains}`,
    );
  }
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt)) {
    throw new TypeError(
      `hsts.entries: expiresAt of ${host}: expected milliseconds since 1970, got ${String(expiresAt)}`,
    );
  }
  return { host: canonical(host.toLowerCase()), includeSubDomains, expiresAt };
}

const HOST = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*\.?$/i;

function iterable(entries: Iterable<HstsEntry>): Iterable<HstsEntry> {
  if (typeof entries === 'object' && entries !== null && Symbol.iterator in entries) return entries;
  throw new TypeError(
    `hsts.entries: expected a list of { host, includeSubDomains, expiresAt }, got ${entries === null ? 'null' : typeof entries}`,
  );
}
