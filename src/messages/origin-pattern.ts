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
    const match =
      /^([a-z][a-z0-9+.-]*)(?::\/\/(\*?\.?[^*/?#@:[\]]*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?)?$/i.exec(
        pattern,
      );
    if (match === null) {
      throw new TypeError(
        `expected a pattern such as all://, https://, all://*.example.com or http://host:8080, got ${JSON.stringify(pattern)}`,
      );
    }
    const [, scheme = 'all', host = '', port = ''] = match;
    this.#scheme = scheme.toLowerCase();
    this.#wildcard = host.startsWith('*.') ? 'below' : host.startsWith('*') ? 'and-below' : 'none';
    this.#host = host.replace(/^\*?\.?/, '').toLowerCase();
    this.#port = port;
  }

  /** `origin` as `Request.origin` gives it. */
  matches(origin: string): boolean {
    const [, scheme = '', host = '', port] =
      /^([^:]+):\/\/(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(origin) ?? [];
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
      Number(b.#scheme !== 'all') - Number(a.#scheme !== 'all')
    );
  }
}
