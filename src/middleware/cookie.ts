import type { CookieJar } from 'tough-cookie';
import { RequestError } from '../errors.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';

/**
 * Keeps the cookies that servers set, and sends them back where they belong (RFC 6265), in a jar of tough-cookie's: yours, with whatever
 * `Store` it has, or one of its own. Place it inside of redirects: every hop then stores its cookies, and sends those that are its own.
 *
 * A `Cookie` header of the request's is kept and joined with the jar's; where both have a name, the request's counts.
 * A cookie that a jar refuses (another domain's, a public suffix's) is no error: the response is as it is. A store that fails is a
 * `RequestError`.
 */
export class CookieMiddleware extends Middleware {
  override readonly role = 'cookies';
  /** null until there is a cookie to keep: nothing is loaded, nothing is looked up. */
  #jar: CookieJar | null;
  #making: Promise<CookieJar> | null = null;

  constructor(next: TransportLike, jar?: CookieJar) {
    super(next);
    if (jar !== undefined && typeof jar?.getCookieString !== 'function') {
      throw new TypeError('CookieMiddleware: expected a CookieJar of tough-cookie');
    }
    this.#jar = jar ?? null;
  }

  send(request: Request): Promise<Response> {
    const sent =
      this.#jar === null ? this.next.send(request) : this.#sendWithCookies(request, this.#jar);
    return sent.then((response) =>
      response.headers.has('set-cookie') ? this.#store(request, response) : response,
    );
  }

  async #sendWithCookies(request: Request, jar: CookieJar): Promise<Response> {
    return this.next.send(await withCookies(request, jar));
  }

  /** The jar: yours, or the one that was made. */
  jar(): Promise<CookieJar> {
    if (this.#jar !== null) return Promise.resolve(this.#jar);
    this.#making ??= import('tough-cookie').then(({ CookieJar }) => (this.#jar = new CookieJar()));
    return this.#making;
  }

  async #store(request: Request, response: Response): Promise<Response> {
    try {
      const jar = await this.jar();
      const url = request.destination.href;
      for (const cookie of response.headers.getSetCookie()) {
        await jar.setCookie(cookie, url, { ignoreError: true });
      }
      return response;
    } catch (cause) {
      await response.close();
      throw failed(request, cause);
    }
  }
}

async function withCookies(request: Request, jar: CookieJar): Promise<Request> {
  let stored: string;
  try {
    stored = await jar.getCookieString(request.destination.href);
  } catch (cause) {
    throw failed(request, cause);
  }
  if (stored === '') return request;
  const own = request.headers.getAll('cookie').join('; ');
  return request.with({
    headers: request.headers.with('cookie', own === '' ? stored : joined(stored, own)),
  });
}

/** A store can be anywhere, and can fail. */
function failed(request: Request, cause: unknown): RequestError {
  return new RequestError('the cookie jar failed', { request, cause });
}

/** The cookies of both, those of `own` instead of those that have the same name. */
function joined(stored: string, own: string): string {
  const names = new Set(own.split(';').map(nameOf));
  const kept = stored.split('; ').filter((cookie) => !names.has(nameOf(cookie)));
  return [...kept, own].join('; ');
}

function nameOf(cookie: string): string {
  return cookie.split('=', 1)[0]?.trim() ?? '';
}
