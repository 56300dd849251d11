/**
 * Which URLs a route is for, by scheme, host and port:
 *
 *     all://                      every URL            all
 *     https://                    a scheme             https
 *     all://example.com           a host
 *     all://*.example.com         the hosts below it
 *     all://*example.com          it, and the hosts below it
 *     http://example.com:8080     a port of a host
 *
 * Without `://` it is `all`, `http` or `https`: a host alone would be taken for a scheme. Hosts are compared as URLs have them: lower case,
 * names in Punycode, addresses in their shortest form.
 *
 * Of several that match, the most specific counts: a port before none, a host before a wildcard before none (the longer name first),
 * a scheme before `all`.
 */
export class OriginPattern {
  readonly #scheme: string;
  readonly #host: string;
  readonly #wildcard: 'none' | 'below' | 'and-below';
  readonly #port: string;

  /** @throws TypeError where `pattern` is none. */
  constructor(pattern: string) {
    const [, bare, scheme = bare, wildcard = '', host = '', port = ''] =
      (typeof pattern === 'string' ? PATTERN.exec(pattern) : null) ?? [];
    const canonical = host === '' ? '' : canonicalHost(host);
    if (
      scheme === undefined ||
      canonical === null ||
      Number(port) > 65_535 ||
      (wildcard === '*.' && host === '')
    ) {
      throw new TypeError(
        `expected a pattern such as all://, https://, all://*.example.com or http://host:8080, got ${typeof pattern === 'string' ? JSON.stringify(pattern) : typeof pattern}`,
      );
    }
    this.#scheme = scheme.toLowerCase();
    this.#wildcard = wildcard === '*.' ? 'below' : wildcard === '*' ? 'and-below' : 'none';
    this.#host = canonical;
    this.#port = port === '' ? '' : `${Number(port)}`;
  }

  /** `origin` as `Request.origin` gives it. */
  matches(origin: string): boolean {
    const [, scheme = '', host = '', port] = ORIGIN.exec(origin) ?? [];
    if (this.#scheme !== 'all' && this.#scheme !== scheme) return false;
    if (this.#port !== '' && this.#port !== (port ?? (scheme === 'https' ? '443' : '80')))
      return false;
    if (this.#host === '') return true;
    if (this.#wildcard !== 'below' && host === this.#host) return true;
    return this.#wildcard !== 'none' && host.endsWith(`.${this.#host}`);
  }

  /** For sorting, the most specific first. */
  static compare(a: OriginPattern, b: OriginPattern): number {
    return (
      Number(b.#port !== '') - Number(a.#port !== '') ||
      Number(b.#host !== '' && b.#wildcard === 'none') -
        Number(a.#host !== '' && a.#wildcard === 'none') ||
      b.#host.length - a.#host.length ||
      Number(b.#scheme !== 'all') - Number(a.#scheme !== 'all') ||
      Number(b.#wildcard === 'below') - Number(a.#wildcard === 'below')
    );
  }
}

const PATTERN =
  /^(?:(all|https?)|([a-z][a-z0-9+.-]*):\/\/(\*\.?)?([^.*/?#@:[\]\s][^*/?#@:[\]\s]*|\[[0-9a-f:.]+\])?(?::(\d{1,5}))?)$/i;
const ORIGIN = /^([^:]+):\/\/(\[[^\]]*\]|[^:]*)(?::(\d+))?$/;

/** As a URL has it; null where it cannot be in one. */
function canonicalHost(host: string): string | null {
  try {
    return new URL(`http://${host}/`).hostname;
  } catch {
    return null;
  }
}
