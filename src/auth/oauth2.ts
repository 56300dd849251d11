import { isHTTPError } from '../errors.ts';
import { Destination } from '../messages/destination.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { checkOptionNames } from '../options.ts';
import { Auth, type AsyncAuthFlow } from './auth.ts';
import { withAuthorization, withoutAuthorization } from './basic.ts';
import { isToken } from './bearer.ts';
import { AuthError } from './failure.ts';
import { Journey } from './journey.ts';
import { tokenIn, tokenRequest, type OAuth2Token, type TokenEndpoint } from './tokens.ts';

/** How tokens are had (RFC 6749). */
export interface OAuth2Options {
  /** The token endpoint. */
  readonly tokenUrl: string | URL;
  readonly clientId: string;
  /** Left out for a public client, which has none. */
  readonly clientSecret?: string | undefined;
  /** Asks with the refresh token (RFC 6749 §6). Left out: with the client's own credentials (§4.4). */
  readonly refreshToken?: string | undefined;
  /** One that is there already: it is used first. */
  readonly accessToken?: string | undefined;
  /** When that ends, in milliseconds since 1970; left out: not known. */
  readonly expiresAt?: number | undefined;
  /** Several are separated by spaces. */
  readonly scope?: string | undefined;
  /** More for the token endpoint, such as `audience` or `resource`. */
  readonly params?: Readonly<Record<string, string>> | undefined;
  /** Where the client's id and secret go: into Authorization (default), or, for servers that want that, into the form. */
  readonly clientAuthentication?: 'basic' | 'body' | undefined;
  /** Milliseconds before its end from which a token is not used any more; at most half of its life. Default 30,000. */
  readonly expiryMargin?: number | undefined;
  /** Called with each new token, to keep it: refresh tokens may be good for one use. The request waits for it. */
  readonly onToken?: ((token: OAuth2Token) => void | Promise<void>) | undefined;
}

const OPTION_NAMES = [
  'tokenUrl',
  'clientId',
  'clientSecret',
  'refreshToken',
  'accessToken',
  'expiresAt',
  'scope',
  'params',
  'clientAuthentication',
  'expiryMargin',
  'onToken',
];

interface Kept extends OAuth2Token {
  /** From when on it is not used any more. */
  readonly until: number;
}

/** How an attempt to get a token ended. Given up is one whose caller was aborted: the next one in the queue tries. */
type Outcome = { readonly error: unknown } | 'done' | 'given up';

/**
 * OAuth 2.0: bearer tokens from a token endpoint, by client credentials or a refresh token, kept until shortly before they end.
 *
 * Whoever needs a token while one is being asked for waits for that one: the endpoint sees one request, however many calls there are.
 * A 401 makes it get another token and send the request once more. The endpoint is called through the same transport as the request.
 *
 * Calls reject with an `AuthError` where the endpoint gives no token: its `reason` is RFC 6749's, such as `invalid_grant`.
 */
export class OAuth2 extends Auth {
  readonly #endpoint: TokenEndpoint;
  readonly #margin: number;
  readonly #onToken: OAuth2Options['onToken'];
  #token: Kept | null = null;
  #refreshToken: string | null;
  #flight: Promise<Outcome> | null = null;

  /** @throws TypeError on an option that is not what it has to be. @throws InvalidURLError for `tokenUrl`. */
  constructor(options: OAuth2Options) {
    super();
    checkOptionNames('OAuth2', options, OPTION_NAMES);
    const { clientAuthentication = 'basic', expiryMargin = 30_000, onToken } = options;
    const scope = optional('scope', options.scope);
    const clientId = text('clientId', options.clientId);
    const clientSecret = optional('clientSecret', options.clientSecret);
    if (clientAuthentication !== 'basic' && clientAuthentication !== 'body') {
      throw new TypeError("OAuth2: clientAuthentication: expected 'basic' or 'body'");
    }
    if (typeof expiryMargin !== 'number' || !(expiryMargin >= 0)) {
      throw new TypeError('OAuth2: expiryMargin: expected milliseconds from 0');
    }
    if (onToken !== undefined && typeof onToken !== 'function') {
      throw new TypeError(`OAuth2: onToken: expected a function, got ${typeof onToken}`);
    }
    this.#endpoint = {
      url: Destination.from(options.tokenUrl),
      clientId,
      clientSecret,
      clientAuthentication,
      params: { ...(scope === null ? null : { scope }), ...paramsIn(options) },
    };
    this.#margin = expiryMargin;
    this.#onToken = onToken;
    this.#refreshToken = optional('refreshToken', options.refreshToken);
    if (this.#refreshToken === null && clientSecret === null) {
      throw new TypeError('OAuth2: expected a clientSecret or a refreshToken to ask with');
    }
    const { accessToken, expiresAt = null } = options;
    if (accessToken !== undefined) {
      if (!isToken(accessToken)) {
        throw new TypeError('OAuth2: accessToken: expected one word of visible ASCII characters');
      }
      if (expiresAt !== null && !Number.isFinite(expiresAt)) {
        throw new TypeError('OAuth2: expiresAt: expected milliseconds since 1970');
      }
      this.#token = this.#kept({ accessToken, expiresAt, refreshToken: this.#refreshToken });
    }
  }

  async *authFlow(given: Request): AsyncAuthFlow {
    const request = withoutAuthorization(given);
    const journey = new Journey(request);
    let token = yield* this.#fresh(request, null);
    const response = yield journey.send(bearer(request, token));
    journey.arrived(response);
    if (!journey.challenges(response)) return;
    if (journey.current.content?.replayable === false) {
      // It cannot go again, so the 401 is the answer; whoever comes next gets another token.
      if (this.#token === token) this.#token = null;
      return;
    }
    token = yield* this.#fresh(request, token);
    yield journey.send(bearer(journey.current, token));
  }

  /** A token that can be used, and is not the one that was refused. */
  async *#fresh(request: Request, refused: Kept | null): AsyncGenerator<Request, Kept, Response> {
    for (;;) {
      const token = this.#token;
      if (token !== null && token !== refused && Date.now() < token.until) return token;
      if (this.#flight === null) return yield* this.#lead(request);
      const outcome = await this.#flight;
      if (typeof outcome === 'object') throw passedOn(outcome.error, request);
      // The new one may be too old already; whoever waited for it has it all the same.
      if (outcome === 'done' && this.#token !== null && this.#token !== refused) return this.#token;
    }
  }

  /** Asks for a token, for all who wait. */
  async *#lead(caller: Request): AsyncGenerator<Request, Kept, Response> {
    let land: (outcome: Outcome) => void = () => {};
    this.#flight = new Promise((resolve) => (land = resolve));
    // A flow may be ended at any `yield`.
    let outcome: Outcome = 'given up';
    try {
      const request = tokenRequest(this.#endpoint, this.#grant(), caller);
      const response = yield request;
      const token = await tokenIn(request, response, this.#refreshToken);
      this.#refreshToken = token.refreshToken;
      const kept = (this.#token = this.#kept(token));
      await this.#onToken?.(token);
      outcome = 'done';
      return kept;
    } catch (error) {
      if (!isCallersOwn(error, caller)) outcome = { error };
      throw error;
    } finally {
      this.#flight = null;
      land(outcome);
    }
  }

  #grant(): Readonly<Record<string, string>> {
    return this.#refreshToken === null
      ? { grant_type: 'client_credentials' }
      : { grant_type: 'refresh_token', refresh_token: this.#refreshToken };
  }

  #kept(token: OAuth2Token): Kept {
    const { expiresAt } = token;
    if (expiresAt === null) return { ...token, until: Infinity };
    const life = Math.max(0, expiresAt - Date.now());
    return { ...token, until: expiresAt - Math.min(this.#margin, life / 2) };
  }
}

function bearer(request: Request, { accessToken }: Kept): Request {
  return withAuthorization(request, `Bearer ${accessToken}`);
}

/** An abort or a deadline is about one call alone. */
function isCallersOwn(error: unknown, { signal }: Request): boolean {
  return signal?.aborted === true || (isHTTPError(error) && error.code === 'ERR_DEADLINE');
}

/** The same failure for each who waited, in an error of its own. */
function passedOn(cause: unknown, request: Request): Error {
  const reason = cause instanceof AuthError ? cause.reason : null;
  return new AuthError('no access token could be had', { request, reason, cause });
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(
    `OAuth2: ${name}: expected a string, got ${value === '' ? 'an empty one' : typeof value}`,
  );
}

function optional(name: string, value: unknown): string | null {
  return value === undefined ? null : text(name, value);
}

/** What they hold may be a secret. */
function paramsIn({ params = {} }: OAuth2Options): Readonly<Record<string, string>> {
  if (typeof params !== 'object' || params === null || Symbol.iterator in params) {
    throw new TypeError('OAuth2: params: expected a record of strings');
  }
  for (const [name, value] of Object.entries(params)) text(`params.${name}`, value);
  return params;
}
