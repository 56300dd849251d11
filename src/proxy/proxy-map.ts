import { InvalidURLError } from '../errors.ts';
import { OriginPattern } from '../messages/origin-pattern.ts';
import { NoProxy } from './no-proxy.ts';
import { Proxy } from './proxy.ts';

/**
 * Which proxy for which URL: one for all, or by pattern (`http://host`, `all://host`, `http`, `all`; see `OriginPattern`), the most specific
 * first; `null` is none. `false`: none at all, whatever the environment says.
 */
export type ProxyInit =
  | string
  | URL
  | Proxy
  | Readonly<Record<string, string | URL | Proxy | null | undefined>>
  | false;

interface Rule {
  readonly pattern: OriginPattern;
  readonly proxy: Proxy | null;
}

/** Decides which proxy a request to an origin goes through. */
export class ProxyMap {
  /** The most specific first. */
  readonly #rules: readonly Rule[];
  readonly #none: NoProxy | null;

  private constructor(rules: Rule[], none: NoProxy | null) {
    this.#rules = rules.sort((a, b) => OriginPattern.compare(a.pattern, b.pattern));
    this.#none = none;
  }

  /**
   * Null where no request goes through a proxy. `environment`: where it is read if there is no `proxy`; null: nowhere.
   * @throws TypeError, InvalidURLError
   */
  static from(
    proxy: ProxyInit | undefined,
    environment: Readonly<Record<string, string | undefined>> | null,
  ): ProxyMap | null {
    if (proxy === false) return null;
    if (proxy === undefined)
      return environment === null ? null : ProxyMap.#fromEnvironment(environment);
    if (typeof proxy === 'string' || proxy instanceof URL || proxy instanceof Proxy)
      return new ProxyMap([ruleOf('all', proxy)], null);
    if (typeof proxy !== 'object' || proxy === null || Symbol.iterator in proxy) {
      // A Map has no entries to `Object.entries`: all would go out without a proxy.
      const came = proxy === null ? 'null' : typeof proxy === 'object' ? 'a list' : typeof proxy;
      throw new TypeError(
        `proxy: expected a URL, a Proxy, a record of them by pattern or false, got ${came}`,
      );
    }
    const rules: Rule[] = [];
    for (const [pattern, each] of Object.entries(proxy))
      if (each !== undefined) rules.push(ruleOf(pattern, each));
    return rules.some((rule) => rule.proxy !== null) ? new ProxyMap(rules, null) : null;
  }

  /** `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; lower case first, as curl has it. */
  static #fromEnvironment(
    environment: Readonly<Record<string, string | undefined>>,
  ): ProxyMap | null {
    const rules: Rule[] = [];
    for (const scheme of ['http', 'https', 'all']) {
      const name = `${scheme}_proxy`;
      // In a CGI program HTTP_PROXY is the request's own header `Proxy` (httpoxy, CVE-2016-5385).
      const isForged = scheme === 'http' && environment['REQUEST_METHOD'] !== undefined;
      const value = environment[name] ?? (isForged ? undefined : environment[name.toUpperCase()]);
      if (value === undefined || value.trim() === '') continue;
      const url = value.includes('://') ? value : `http://${value}`;
      try {
        rules.push(ruleOf(scheme, url));
      } catch (error) {
        const said = error instanceof Error ? error.message : '';
        throw new InvalidURLError(
          `the environment's ${name.toUpperCase()} is no proxy (trustEnv: false ignores it): ${said}`,
          { cause: error },
        );
      }
    }
    if (rules.length === 0) return null;
    const none = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
    return new ProxyMap(rules, none === '' ? null : new NoProxy(none));
  }

  get proxies(): Proxy[] {
    return this.#rules.flatMap(({ proxy }) => proxy ?? []);
  }

  /** The proxy for an origin, as `Request.origin` gives it. */
  for(origin: string): Proxy | null {
    if (this.#none?.has(origin) === true) return null;
    return this.#rules.find(({ pattern }) => pattern.matches(origin))?.proxy ?? null;
  }
}

function ruleOf(key: string, proxy: string | URL | Proxy | null): Rule {
  let pattern: OriginPattern;
  try {
    pattern = new OriginPattern(key);
  } catch (cause) {
    throw new TypeError(`proxy: ${(cause as Error).message}`, { cause });
  }
  return { pattern, proxy: proxy === null ? null : Proxy.from(proxy) };
}
