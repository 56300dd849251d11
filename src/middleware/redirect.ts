import { RedirectError, TooManyRedirectsError } from '../errors.ts';
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

type Resolved = {
  readonly maxRedirects: number;
  readonly crossOriginHeaders: ReadonlySet<string>;
  readonly allowDowngrade: boolean;
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

/** Fields about the body, which go when it goes (RFC 9110 §15.4). */
const OF_BODY: readonly string[] = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
  'expect',
  'trailer',
  'transfer-encoding',
];

/**
 * Follows redirects (RFC 9110 §15.4), with Fetch's rules for methods: 303 becomes GET, POST on 301 and 302 becomes GET, both without the
 * body; 307 and 308 keep both. On a change of origin only an allow-list of headers travels: what you set to say who you are does not.
 *
 * Rejects with `TooManyRedirectsError`, or with `RedirectError` where a redirect leads from https: to http:, to another scheme, to no URL,
 * or where the body is a stream that has been sent already.
 */
export class RedirectMiddleware extends Middleware {
  readonly #options: Resolved;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: RedirectOptions = {}) {
    super(next);
    this.#options = resolve(options, {
      maxRedirects: 20,
      crossOriginHeaders: new Set(),
      allowDowngrade: false,
    });
  }

  async send(request: Request): Promise<Response> {
    const response = await this.next.send(request);
    return REDIRECTS.has(response.status) ? this.#redirected(request, response) : response;
  }

  async #redirected(first: Request, answer: Response): Promise<Response> {
    const choice = first.extensions.redirect;
    const options = typeof choice === 'object' ? resolve(choice, this.#options) : this.#options;
    const history: Response[] = [];
    let request = first;
    let response = answer;
    while (REDIRECTS.has(response.status)) {
      const location = locationOf(response.headers);
      if (location === null) break;
      if (choice === false)
        return response.with({ nextRequest: nextOrNull(request, response, location, options) });
      let next: Request;
      try {
        if (history.length >= options.maxRedirects) {
          throw new TooManyRedirectsError(
            `more than ${options.maxRedirects} redirects (maxRedirects)`,
            { request },
          );
        }
        next = nextRequest(request, response.status, location, options);
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
  status: number,
  location: string,
  options: Resolved,
): Request {
  const from = request.destination;
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
  if (becomesGet) headers = OF_BODY.reduce((kept, name) => kept.without(name), headers);
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
  });
}

function nextOrNull(
  request: Request,
  response: Response,
  location: string,
  options: Resolved,
): Request | undefined {
  try {
    return nextRequest(request, response.status, location, options);
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

function resolve(options: RedirectOptions, defaults: Resolved): Resolved {
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
  if (crossOriginHeaders !== undefined && !Array.isArray(crossOriginHeaders)) {
    throw new TypeError('redirect.crossOriginHeaders: expected a list of header names');
  }
  return {
    maxRedirects,
    crossOriginHeaders:
      crossOriginHeaders === undefined
        ? defaults.crossOriginHeaders
        : new Set(crossOriginHeaders.map((name) => name.toLowerCase())),
    allowDowngrade,
  };
}
