import { Destination } from '../../messages/destination.ts';
import { OriginPattern } from '../../messages/origin-pattern.ts';
import type { Request } from '../../messages/request.ts';

/** Which requests, by method and URL: what `MockTransport.on` and `expect` take. */
export class RequestPattern {
  readonly #method: string;
  readonly #url: string | RegExp;
  readonly #origin: (origin: string) => boolean = () => true;
  readonly #path: RegExp = /(?:)/;
  readonly #query: readonly (readonly [string, string])[] = [];

  /** @throws TypeError where they are no method and no pattern of a URL. */
  constructor(method: string, url: string | URL | RegExp) {
    if (typeof method !== 'string' || !/^(\*|[\w!#$%&'+.^`|~-]+)$/.test(method))
      throw new TypeError(
        `MockTransport: expected a method or '*', got ${typeof method === 'string' ? JSON.stringify(method) : typeof method}`,
      );
    this.#method = method.toUpperCase();
    if (url instanceof RegExp) {
      this.#url = url;
      return;
    }
    this.#url = url instanceof URL ? url.href : url;
    const parts = typeof this.#url === 'string' ? URL_PATTERN.exec(this.#url) : null;
    if (parts === null)
      throw new TypeError(
        `MockTransport: expected a URL, a path such as /users/:id, or a RegExp, got ${typeof url === 'string' ? JSON.stringify(url) : typeof url}`,
      );
    const [, origin, path = '', query = ''] = parts;
    const names: readonly string[] = path.match(NAME) ?? [];
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined)
      throw new TypeError(`MockTransport: ${twice} is twice in ${JSON.stringify(path)}`);
    if (origin !== undefined) this.#origin = originTest(origin);
    this.#path = pathPattern(path || '/');
    this.#query = Array.from(new URLSearchParams(query));
  }

  /** What stands in the places of the names in the path; null where the request is another one. */
  match(request: Request): Readonly<Record<string, string>> | null {
    return this.differences(request).length === 0 ? this.#params(request) : null;
  }

  /** In what the request is another one: nothing where it is not. */
  differences(request: Request): string[] {
    const found: string[] = [];
    if (this.#method !== '*' && this.#method !== request.method.toUpperCase()) found.push('method');
    if (this.#url instanceof RegExp) {
      if (request.destination.href.search(this.#url) === -1) found.push('URL');
      return found;
    }
    const [path = '', query = ''] = request.target.split(/\?(.*)/s, 2);
    if (!this.#origin(request.origin)) found.push('origin');
    if (!this.#path.test(path)) found.push('path');
    const params = new URLSearchParams(query);
    if (this.#query.some(([name, value]) => !params.getAll(name).includes(value)))
      found.push('query');
    return found;
  }

  toString(): string {
    return `${this.#method} ${String(this.#url)}`;
  }

  #params(request: Request): Readonly<Record<string, string>> {
    if (this.#url instanceof RegExp) {
      return {
        ...new RegExp(this.#url.source, this.#url.flags.replace(/[gy]/g, '')).exec(
          request.destination.href,
        )?.groups,
      };
    }
    const groups = this.#path.exec(request.target.split('?', 1)[0]!)?.groups ?? {};
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decoded(text)]));
  }
}

/** A whole origin is that one, with its port. A pattern is one for which there are several: `all://…`, `https://`, `https://*.example.com`. */
function originTest(origin: string): (origin: string) => boolean {
  if (/^all:|\/\/$|\*/i.test(origin)) {
    const pattern = new OriginPattern(origin);
    return (each) => pattern.matches(each);
  }
  const exact = Destination.from(origin).origin;
  return (each) => each === exact;
}

/** Origin, path and query: of each no more than is to be compared. */
const URL_PATTERN =
  /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)?((?:\/|(?<=:\/\/[^/?#]*)$|(?=\?))[^?#]*)?(?:\?([^#]*))?$/i;

const NAME = /:[a-z_]\w*/gi;

/** `:name` stands for a segment, and `*` for anything. */
function pathPattern(path: string): RegExp {
  const source = path.replace(/:([a-z_]\w*)|\*|[\\^$.+?()[\]{}|]/gi, (part, name?: string) => {
    if (name !== undefined) return `(?<${name}>[^/]+)`;
    return part === '*' ? '.*' : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
