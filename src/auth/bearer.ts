import type { Request } from '../messages/request.ts';
import { Auth, type AsyncAuthFlow, type AuthFlow } from './auth.ts';
import { withAuthorization } from './basic.ts';

/** Where a token comes from: itself, or a function that is asked for each call. */
export type TokenSource = string | (() => string | Promise<string>);

/** A bearer token with every request (RFC 6750). To keep a token until it expires, and get another one then, is `OAuth2`. */
export class BearerAuth extends Auth {
  readonly #token: TokenSource;

  /** @throws TypeError on a token that a header cannot hold. Of a function's token, the call rejects with it. */
  constructor(token: TokenSource) {
    super();
    this.#token = typeof token === 'function' ? token : checkedToken('BearerAuth', token);
  }

  authFlow(request: Request): AuthFlow | AsyncAuthFlow {
    return typeof this.#token === 'function'
      ? asked(request, this.#token)
      : given(request, this.#token);
  }
}

function* given(request: Request, token: string): AuthFlow {
  yield withAuthorization(request, `Bearer ${token}`);
}

async function* asked(request: Request, source: () => string | Promise<string>): AsyncAuthFlow {
  yield withAuthorization(request, `Bearer ${checkedToken('BearerAuth', await source())}`);
}

/** RFC 6750 §2.1 has fewer characters; what matters is that it is one word that a header can hold. */
const ONE_WORD = /^[\x21-\x7e]+$/;

export function isToken(token: unknown): token is string {
  return typeof token === 'string' && ONE_WORD.test(token);
}

function checkedToken(where: string, token: unknown): string {
  if (isToken(token)) return token;
  throw new TypeError(
    typeof token === 'string'
      ? `${where}: expected a token of visible ASCII characters; this one ${token === '' ? 'is empty' : 'has others'}`
      : `${where}: expected a token, or a function that returns one, got ${token === null ? 'null' : typeof token}`,
  );
}
