import { InvalidURLError } from './errors.ts';
import { Destination, redacted } from './messages/destination.ts';

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;

/**
 * The URL that all of a client's requests are below. One rule: the path given is appended, and a leading `/` makes no difference.
 *
 *     base                       given                      makes
 *     https://h/v1               users, /users              https://h/v1/users
 *     https://h/v1/              users?a=1                  https://h/v1/users?a=1
 *     https://h/v1?key=k         users?a=1                  https://h/v1/users?key=k&a=1
 *     https://h/v1, …/v1/        '' (nothing), /            https://h/v1, …/v1/
 *     https://h/v1               ?a=1                       https://h/v1?a=1
 *     https://h/v1               https://h/other            https://h/other
 *     https://h/v1               ../x, https://other/x      InvalidURLError
 */
export class BaseURL {
  readonly #base: Destination;
  readonly #allowAbsolute: boolean;
  /** Origin and path, as they are. */
  readonly #itself: string;
  /** The same without a slash at the end: what paths are appended to. */
  readonly #prefix: string;
  readonly #query: string;

  /** @throws InvalidURLError, TypeError */
  constructor(url: string | URL, allowAbsolute: boolean) {
    if (typeof allowAbsolute !== 'boolean')
      throw new TypeError(`allowAbsoluteUrls: expected true or false, got ${typeof allowAbsolute}`);
    this.#base = Destination.from(url);
    this.#allowAbsolute = allowAbsolute;
    const [path, query] = splitOnce(this.#base.target, '?');
    this.#itself = this.#base.origin + path;
    this.#prefix = this.#itself.replace(/\/+$/, '');
    this.#query = query ?? '';
  }

  /** @throws InvalidURLError where the result would be outside of the base. */
  join(url: string | URL): string | Destination {
    const joined = this.#join(url);
    const { credentials, origin } = this.#base;
    if (credentials === null) return joined;
    const destination = Destination.from(joined);
    const isOurs = destination.origin === origin && destination.credentials === null;
    return isOurs ? destination.withCredentials(credentials) : destination;
  }

  #join(url: string | URL): string | Destination {
    if (typeof url !== 'string') return this.#absolute(Destination.from(url));
    if (url.startsWith('//')) return this.#absolute(this.#base.resolve(url));
    if (ABSOLUTE.test(url)) return this.#absolute(Destination.from(url));
    const joined = this.#append(url);
    // Only a segment of dots can climb: `..`, or what the URL parser takes for it: `%2e%2e`, `.` and `.` around a line break.
    if (!/\.\.|%2e|[\t\n\r]/i.test(url)) return joined;
    const destination = Destination.from(joined);
    const path = destination.origin + splitOnce(destination.target, '?')[0];
    if (path !== this.#prefix && !path.startsWith(`${this.#prefix}/`)) {
      throw new InvalidURLError(
        `${redacted(url)} leads out of the base URL ${redacted(this.#prefix)}`,
      );
    }
    return destination;
  }

  #append(url: string): string {
    const path = url.replace(/^\/+/, '');
    const bare = path === '' || path.startsWith('?') || path.startsWith('#');
    const prefix = bare ? this.#itself : `${this.#prefix}/`;
    if (this.#query === '') return prefix + path;
    const [beforeFragment, fragment] = splitOnce(path, '#');
    const [own, query] = splitOnce(beforeFragment, '?');
    return `${prefix}${own}?${this.#query}${query === undefined || query === '' ? '' : `&${query}`}${fragment === undefined ? '' : `#${fragment}`}`;
  }

  #absolute(destination: Destination): Destination {
    if (destination.origin === this.#base.origin || this.#allowAbsolute) return destination;
    throw new InvalidURLError(
      `${redacted(destination.href)} is of another origin than the base URL ${redacted(this.#prefix)} (allowAbsoluteUrls is false)`,
    );
  }
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
