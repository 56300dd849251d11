import { InvalidURLError } from '../errors.ts';

/**
 * Where a request goes: a URL in its serialised form, taken apart as HTTP needs it. Immutable, and made without a `URL` object
 * where the text is in canonical form already, as nearly all are: that is a tenth of the cost of a small request.
 */
export class Destination {
  /** Scheme, host and port as RFC 6454 §6.2 serialises them: `https://example.com:8443`. */
  readonly origin: string;
  /** Path and query, as they stand in the request line (RFC 9112 §3.2.1). */
  readonly target: string;
  /** With its `#`, or empty. Never sent. */
  readonly fragment: string;
  /** `[user, password]`, decoded, where the URL had them. They are part of nothing else here. */
  readonly credentials: readonly [string, string] | null;

  private constructor(
    origin: string,
    target: string,
    fragment: string,
    credentials: readonly [string, string] | null,
  ) {
    this.origin = origin;
    this.target = target;
    this.fragment = fragment;
    this.credentials = credentials;
  }

  /** @throws InvalidURLError */
  static from(url: string | URL | Destination): Destination {
    if (typeof url === 'string') {
      const end = canonicalOriginEnd(url);
      if (end !== -1) return new Destination(url.slice(0, end), url.slice(end), '', null);
      return Destination.#parsed(url);
    }
    if (url instanceof Destination) return url;
    if (url instanceof URL) return Destination.#of(url);
    // A URL of another realm, or anything that says what it is as text.
    if (typeof url === 'object' && url !== null && 'href' in url)
      return Destination.#parsed(String((url as URL).href));
    throw new TypeError(
      `url: expected a string or a URL, got ${url === null ? 'null' : typeof url}`,
    );
  }

  static #parsed(text: string): Destination {
    const url = URL.parse === undefined ? legacyParse(text) : URL.parse(text);
    if (url === null) throw new InvalidURLError(`not an absolute URL: ${redacted(text)}`);
    return Destination.#of(url);
  }

  static #of(url: URL): Destination {
    if (url.host === '')
      throw new InvalidURLError(`a URL that has no host cannot be requested: ${url.protocol}…`);
    const credentials =
      url.username === '' && url.password === ''
        ? null
        : ([decoded(url.username), decoded(url.password)] as const);
    // An empty query and an empty fragment are there in `href` alone.
    const { href } = url;
    const fragment = url.hash || (href.endsWith('#') ? '#' : '');
    const query = url.search || (href.endsWith(`?${fragment}`) ? '?' : '');
    // url.origin is "null" for schemes that WHATWG does not call special, such as http+unix.
    const origin = `${url.protocol}//${url.host}`;
    return new Destination(origin, (url.pathname || '/') + query, fragment, credentials);
  }

  /** The URL as text, without credentials. */
  get href(): string {
    return this.origin + this.target + this.fragment;
  }

  /** `http:`, `https:`, … */
  get protocol(): string {
    return this.origin.slice(0, this.origin.indexOf('://') + 1);
  }

  /** Host and port, the port only where it is not the scheme's own: what `Host` says (RFC 9110 §7.2). */
  get host(): string {
    return this.origin.slice(this.origin.indexOf('://') + 3);
  }

  /** Another reference, resolved against this one (RFC 3986 §5). @throws InvalidURLError */
  resolve(reference: string): Destination {
    let url: URL;
    try {
      url = new URL(reference, this.origin + this.target);
    } catch {
      throw new InvalidURLError(`not a URL: ${redacted(reference)}`);
    }
    return Destination.#of(url);
  }

  withFragment(fragment: string): Destination {
    return new Destination(this.origin, this.target, fragment, this.credentials);
  }

  withTarget(target: string): Destination {
    const { target: canonical } = Destination.from(this.origin + target);
    return new Destination(this.origin, canonical, this.fragment, this.credentials);
  }

  withCredentials(credentials: readonly [string, string]): Destination {
    return new Destination(this.origin, this.target, this.fragment, credentials);
  }

  withoutCredentials(): Destination {
    return this.credentials === null
      ? this
      : new Destination(this.origin, this.target, this.fragment, null);
  }
}

/** URL.parse is of Node 22.1 and later. */
function legacyParse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Userinfo that is not UTF-8 behind its percent signs stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * For error messages: no userinfo, no query, not too long. What comes here may be no URL, with anything in its password:
 * unless it opens with a plain host, all up to the last `@` goes.
 */
export function redacted(url: string): string {
  const bare = url.replace(USERINFO, '$1').replace(/[?#].*$/s, '');
  return JSON.stringify(bare.length > 100 ? `${bare.slice(0, 100)}…` : bare);
}

const USERINFO = /^((?:[a-z][a-z0-9+.-]*:)?[/\\]*)(?![^/\\?#@:]*(?::\d*)?[/\\]).*@/is;

/** Characters that the WHATWG parser leaves as they are, by place. Whatever is not listed takes the slow way. */
const HOST = 1;
const PATH = 2;
const QUERY = 4;
const PLACES: Uint8Array = new Uint8Array(128);
for (const [characters, places] of [
  ['abcdefghijklmnopqrstuvwxyz0123456789-', HOST | PATH | QUERY],
  ['.', HOST | PATH | QUERY],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZ_~!$&()*+,;=:@%', PATH | QUERY],
  ["'", PATH],
  ['/', PATH | QUERY],
  ['?|`{}^[]', QUERY],
] as const) {
  for (const character of characters) PLACES[character.charCodeAt(0)] = places;
}

const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const PERCENT = 0x25;
const QUESTION = 0x3f;

/**
 * The place where the path begins, in a URL that is surely what the WHATWG parser would make of it; -1 where it may not be:
 * upper case in the host, a number as last label (an IPv4 address in disguise) unless it is a plain dotted quad, punycode,
 * a default port, a segment that begins with a dot or a percent sign (it could be `..`), anything to be encoded.
 */
function canonicalOriginEnd(url: string): number {
  const secure = url.startsWith('https://');
  if (!secure && !url.startsWith('http://')) return -1;
  const length = url.length;
  const hostStart = secure ? 8 : 7;
  let at = hostStart;
  let labelStart = at;
  for (; at < length; at++) {
    const code = url.charCodeAt(at);
    if (code === SLASH || code === COLON) break;
    if (code >= 128 || (PLACES[code]! & HOST) === 0) return -1;
    if (code === DOT) {
      if (at === labelStart) return -1;
      labelStart = at + 1;
    }
  }
  if (at === labelStart || at === length) return -1;
  const lastLabel = url.charCodeAt(labelStart);
  if (lastLabel >= 0x30 && lastLabel <= 0x39 && !DOTTED_QUAD.test(url.slice(hostStart, at)))
    return -1;
  if (url.includes('xn--')) return -1;
  if (url.charCodeAt(at) === COLON) {
    let port = 0;
    const portStart = ++at;
    for (; at < length; at++) {
      const digit = url.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      port = port * 10 + digit;
    }
    if (at === length || url.charCodeAt(at) !== SLASH) return -1;
    if (
      url.charCodeAt(portStart) === 0x30 ||
      port > 65_535 ||
      port === (secure ? 443 : 80) ||
      at === portStart
    )
      return -1;
  }
  const end = at;
  let place = PATH;
  for (; at < length; at++) {
    const code = url.charCodeAt(at);
    if (code >= 128) return -1;
    if (code === QUESTION && place === PATH) place = QUERY;
    else if ((PLACES[code]! & place) === 0) return -1;
    else if (code === SLASH && place === PATH) {
      const next = url.charCodeAt(at + 1);
      if (next === DOT || next === PERCENT) return -1;
    }
  }
  return end;
}

const DOTTED_QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
