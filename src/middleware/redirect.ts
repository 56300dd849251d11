import { RedirectError, TooManyRedirectsError } from '../errors.ts';
import { withoutBodyFields } from '../messages/body-fields.ts';
import type { Destination } from '../messages/destination.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';

/** How redirects are followed. */
export interface RedirectOptions {
  /** How many in a row, before it is a `TooManyRedirectsError`. Default 20, as in Fetch. */
  maxRedirects?: number | undefined;
  /** Headers of yours that may travel to another origin, besides those that hold nothing of yours. Default none. */
  crossOriginHeaders?: readonly string[] | undefined;
  /** Whether a redirect from https: to http: is followed. Default false: it is a `RedirectError`. */
  allowDowngrade?: boolean | undefined;
}

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: not followed (false; the response has `nextRequest`), or followed with these options. */
    redirect?: boolean | RedirectOptions | undefined;
  }
}

/** The options by name, for those who hand them on. */
export const REDIRECT_OPTION_NAMES: readonly string[] = [
  'maxRedirects',
  'crossOriginHeaders',
  'allowDowngrade',
];

type Resolved = {
  readonly follow: boolean;
  readonly maxRedirects: number;
  readonly crossOriginHeaders: ReadonlySet<string>;
  readonly allowDowngrade: boolean;
};

const DEFAULTS: Resolved = {
  follow: true,
  maxRedirects: 20,
  crossOriginHeaders: new Set(),
  allowDowngrade: false,
};

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What a header may be called and go to another origin: it says what is wanted, not who wants it. Nobody's key is called so. */
const TRAVELS: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'dnt',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
  'user-agent',
]);

/**
 * Follows redirects (RFC 9110 §15.4), with Fetch's rules for methods: 303 becomes GET, POST on 301 and 302 becomes GET, both without the
 * body; 307 and 308 keep both. On a change of origin only an allow-list of headers travels: what you set to say who you are does not.
 *
 * Rejects with `TooManyRedirectsError`, or with `RedirectError` where a redirect leads from https: to http:, to another scheme, to no URL,
 * or where the body is a stream that has been sent already.
 */
export class RedirectMiddleware extends Middleware {
  override readonly role = 'redirects';
  readonly #options: Resolved;

  /**
   * `false`: nothing is followed but where a request asks for it.
   * @throws TypeError on an option that is not what it has to be.
   */
  constructor(next: TransportLike, options: RedirectOptions | boolean = true) {
    super(next);
    this.#options = resolve(options, DEFAULTS);
  }

  override get dormant(): boolean {
    return !this.#options.follow;
  }

  send(request: Request): Promise<Response> {
    const { redirect } = request.extensions;
    let options = this.#options;
    try {
      // Before anything is sent: what is wrong with it is known by then.
      if (redirect !== undefined) options = resolve(redirect, this.#options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.next
      .send(request)
      .then((response) =>
        REDIRECTS.has(response.status) ? this.#redirected(request, response, options) : response,
      );
  }

  async #redirected(first: Request, answer: Response, options: Resolved): Promise<Response> {
    const history: Response[] = [];
    let request = first;
    let response = answer;
    while (REDIRECTS.has(response.status)) {
      const location = locationOf(response.headers);
      if (location === null) break;
      if (!options.follow) {
        return response.with({ nextRequest: nextOrNull(request, response, location, options) });
      }
      let next: Request;
      try {
        if (history.length >= options.maxRedirects) {
          throw new TooManyRedirectsError(
            `more than ${options.maxRedirects} redirects (maxRedirects)`,
            { request },
          );
        }
        next = nextRequest(request, response, location, options);
      } finally {
        await response.close();
      }
      history.push(response);
      request = next;
      response = await this.next.send(request);
    }
    return history.length === 0 ? response : response.with({ history });
  }
}

/** @throws RedirectError */
function nextRequest(
  request: Request,
  response: Response,
  location: string,
  options: Resolved,
): Request {
  const { status } = response;
  // A layer further in may have sent it elsewhere: by https:, say.
  const from = (response.hasRequest ? response.request : request).destination;
  let to: Destination;
  try {
    to = from.resolve(location);
  } catch (cause) {
    throw new RedirectError('redirected to what is no URL', { request, cause });
  }
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw new RedirectError(
      `redirected to ${to.protocol}, where only http: and https: are followed`,
      { request },
    );
  }
  if (from.protocol === 'https:' && to.protocol === 'http:' && !options.allowDowngrade) {
    throw new RedirectError(`redirected from https: to ${to.origin} (allowDowngrade is false)`, {
      request,
    });
  }
  // RFC 9110 §10.2.2: a fragment is inherited.
  if (to.fragment === '') to = to.withFragment(from.fragment);

  const { method } = request;
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  let headers = request.headers;
  if (becomesGet) headers = withoutBodyFields(headers);
  else if (request.content !== null && !request.content.replayable) {
    throw new RedirectError(
      `redirected with ${status}, and the body is a stream that has been sent already`,
      { request },
    );
  }
  if (to.origin !== from.origin) headers = travelling(headers, options.crossOriginHeaders);
  return request.with({
    url: to,
    headers,
    ...(becomesGet ? { method: 'GET', body: null } : {}),
    // A target of the caller's own was that of the first URL.
    ...(request.extensions.target === undefined ? {} : { target: to.target }),
  });
}

function nextOrNull(
  request: Request,
  response: Response,
  location: string,
  options: Resolved,
): Request | undefined {
  try {
    return nextRequest(request, response, location, options);
  } catch {
    return undefined;
  }
}

function travelling(headers: Headers, allowed: ReadonlySet<string>): Headers {
  let kept = headers;
  for (const name of new Set(headers.keys())) {
    const lowered = name.toLowerCase();
    if (!TRAVELS.has(lowered) && !allowed.has(lowered)) kept = kept.without(name);
  }
  return kept;
}

/** Location as a URL reference: bytes beyond ASCII are taken for UTF-8, as browsers do. */
function locationOf(headers: Headers): string | null {
  const [location] = headers.getAll('location');
  if (location === undefined) return null;
  // oxlint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(location)) return location;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(location, (byte) => byte.charCodeAt(0)),
    );
  } catch {
    return location;
  }
}

function resolve(options: RedirectOptions | boolean, defaults: Resolved): Resolved {
  if (typeof options === 'boolean') return { ...defaults, follow: options };
  if (typeof options !== 'object' || options === null) {
    const came = options === null ? 'null' : typeof options;
    throw new TypeError(`redirect: expected true, false or options, got ${came}`);
  }
  const {
    maxRedirects = defaults.maxRedirects,
    crossOriginHeaders,
    allowDowngrade = defaults.allowDowngrade,
  } = options;
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0) {
    throw new TypeError(
      `redirect.maxRedirects: expected a whole number from 0, got ${String(maxRedirects)}`,
    );
  }
  if (typeof allowDowngrade !== 'boolean') {
    throw new TypeError(
      `redirect.allowDowngrade: expected true or false, got ${typeof allowDowngrade}`,
    );
  }
  const travels =
    crossOriginHeaders === undefined ? defaults.crossOriginHeaders : namesIn(crossOriginHeaders);
  return { follow: true, maxRedirects, crossOriginHeaders: travels, allowDowngrade };
}

function namesIn(headers: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(headers) || headers.some((name) => typeof name !== 'string')) {
    throw new TypeError('redirect.crossOriginHeaders: expected a list of header names');
  }
  return new Set(headers.map((name) => name.toLowerCase()));
}
