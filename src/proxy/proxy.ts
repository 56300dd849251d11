import type { AuthLike } from '../auth/auth.ts';
import { basicCredentials } from '../auth/basic.ts';
import { InvalidURLError } from '../errors.ts';
import { Destination, redacted } from '../messages/destination.ts';
import { Headers, type HeadersInit } from '../messages/headers.ts';
import { inspect } from '../messages/inspect.ts';
import { checkTLSOptions, type TLSOptions } from '../network/tls-options.ts';
import { checkOptionNames } from '../options.ts';

/** How a proxy is spoken to. */
export interface ProxyOptions {
  /**
   * `default`: a tunnel (CONNECT, RFC 9110 §9.3.6) for https:, forwarding (absolute-form, RFC 9112 §3.2.2) for http:. `tunnel`: always a tunnel.
   * `forward`: always forwarding; the proxy then speaks TLS with the origin, and sees all. SOCKS is always a tunnel.
   */
  readonly mode?: ProxyMode | undefined;
  /** For the proxy: sent with CONNECT, or with each forwarded request unless that has the same field. Not for SOCKS. */
  readonly headers?: HeadersInit | undefined;
  /**
   * Credentials, in place of those in the URL: `[user, password]` (Basic, sent at once), or a scheme that answers a 407, such as `DigestAuth`.
   * For SOCKS: the former.
   */
  readonly auth?: readonly [user: string, password: string] | AuthLike | undefined;
  /**
   * TLS with an https: proxy itself. Default: whom the pool's `tls` trusts (`ca`, `verify`) and which versions and ciphers it allows;
   * its names, pins and client certificates are for origins.
   */
  readonly tls?: TLSOptions | undefined;
}

export type ProxyMode = 'default' | 'tunnel' | 'forward';

/** What the option `auth` and the userinfo of the URL come to. */
export type ProxyCredentials = readonly [user: string, password: string] | AuthLike | null;

const MODES: readonly string[] = ['default', 'tunnel', 'forward'] satisfies ProxyMode[];
const PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'socks5:': 1080,
  'socks5h:': 1080,
  'socks4:': 1080,
  'socks4a:': 1080,
};
/** Fields that belong to a message or a connection: not to be set for all that goes to a proxy. */
const NOT_FOR_PROXIES: readonly string[] = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
];
/** RFC 1929 §2: their lengths are one byte. */
const MAX_SOCKS_CREDENTIAL = 255;

/** Not public: nothing that shows a proxy shows its credentials. */
export let credentialsOf: (proxy: Proxy) => ProxyCredentials;

/**
 * A proxy: `new Proxy('http://user:password@proxy.example:3128')`. https: is TLS with the proxy itself; socks5: and socks4: resolve names
 * here, socks5h: (also written socks:) and socks4a: leave them to the proxy.
 *
 * @throws InvalidURLError where the URL is not one of a proxy. @throws TypeError on options that are not what they have to be.
 */
export class Proxy {
  /** `http:`, `https:`, `socks5:`, `socks5h:`, `socks4:` or `socks4a:`. */
  readonly protocol: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly mode: ProxyMode;
  readonly headers: Headers;
  readonly tls: TLSOptions | undefined;
  readonly #credentials: ProxyCredentials;

  static {
    credentialsOf = (proxy) => proxy.#credentials;
  }

  constructor(url: string | URL, options: ProxyOptions = {}) {
    checkOptionNames('proxy', options, ['mode', 'headers', 'auth', 'tls']);
    const { mode = 'default', headers, auth, tls } = options;
    const destination = Destination.from(url);
    // As the other libraries of Node read it.
    const protocol = destination.protocol === 'socks:' ? 'socks5h:' : destination.protocol;
    const standardPort = PORTS[protocol];
    if (standardPort === undefined) {
      throw new InvalidURLError(
        `proxy: expected an http:, https:, socks5:, socks5h:, socks4: or socks4a: URL, got ${redacted(String(url))}`,
      );
    }
    if (!MODES.includes(mode)) {
      throw new TypeError(
        `proxy.mode: expected default, tunnel or forward, got ${typeof mode === 'string' ? JSON.stringify(mode) : typeof mode}`,
      );
    }
    if (tls !== undefined) checkTLSOptions(tls);
    const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(destination.host) ?? [];
    this.protocol = protocol;
    this.host = host.replace(/^\[|\]$/g, '');
    this.port = port === undefined ? standardPort : Number(port);
    this.mode = mode;
    this.headers = Headers.from(headers);
    this.tls = tls;
    this.#credentials = checkedCredentials(auth ?? destination.credentials);
    const misplaced = NOT_FOR_PROXIES.find((name) => this.headers.has(name));
    if (misplaced !== undefined)
      throw new TypeError(`proxy.headers: ${misplaced} cannot be set for a proxy`);
    if (this.isSocks) this.#checkSocks();
    else if (isPair(this.#credentials)) basicCredentials('proxy.auth', ...this.#credentials);
  }

  static from(proxy: string | URL | Proxy): Proxy {
    return proxy instanceof Proxy ? proxy : new Proxy(proxy);
  }

  get isSocks(): boolean {
    return this.protocol.startsWith('socks');
  }

  /** Whether requests to this origin go through a tunnel: a connection to the origin itself, as far as HTTP can see. */
  tunnels(origin: string): boolean {
    if (this.isSocks || this.mode === 'tunnel') return true;
    return this.mode === 'default' && origin.startsWith('https:');
  }

  /** The URL, without credentials. */
  toString(): string {
    return `${this.protocol}//${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect](): string {
    return `<Proxy [${this.toString()}]>`;
  }

  #checkSocks(): void {
    if (this.mode === 'forward')
      throw new TypeError('proxy.mode: SOCKS knows tunnels only, not forward');
    if (this.headers.toString() !== '')
      throw new TypeError('proxy.headers: SOCKS has no place for headers');
    if (this.#credentials === null) return;
    if (!isPair(this.#credentials))
      throw new TypeError('proxy.auth: SOCKS takes [user, password] only');
    for (const each of this.#credentials) {
      if (Buffer.byteLength(each) > MAX_SOCKS_CREDENTIAL || each.includes('\0'))
        throw new TypeError(
          `proxy.auth: a user and a password for SOCKS have at most ${MAX_SOCKS_CREDENTIAL} bytes, and no NUL`,
        );
    }
  }
}

export function isPair(
  credentials: ProxyCredentials,
): credentials is readonly [user: string, password: string] {
  return Array.isArray(credentials);
}

function checkedCredentials(auth: ProxyCredentials): ProxyCredentials {
  if (auth === null) return null;
  // A pair may come from JavaScript as anything: what it holds is not shown.
  if (isPair(auth)) {
    const [user, password] = auth;
    if (auth.length === 2 && typeof user === 'string' && typeof password === 'string')
      return [user, password];
  } else if (typeof auth === 'object' && typeof auth.authFlow === 'function') return auth;
  throw new TypeError('proxy.auth: expected [user, password], or a scheme such as DigestAuth');
}
