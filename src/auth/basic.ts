import type { Request } from '../messages/request.ts';
import { Auth, type AuthFlow } from './auth.ts';
import { base64, utf8 } from './bytes.ts';

/** Basic authentication (RFC 7617): user and password with every request, in UTF-8. */
export class BasicAuth extends Auth {
  readonly #credentials: string;

  /** @throws TypeError where they are not strings, or the user has a colon, which RFC 7617 §2 cannot express. */
  constructor(user: string, password: string) {
    super();
    this.#credentials = basicCredentials('BasicAuth', user, password);
  }

  *authFlow(request: Request): AuthFlow {
    yield withAuthorization(request, this.#credentials);
  }
}

/** `Basic dXNlcjpwYXNzd29yZA==` */
export function basicCredentials(where: string, user: string, password: string): string {
  checkCredentials(where, user, password);
  if (user.includes(':')) {
    throw new TypeError(`${where}: a user for Basic authentication has no colon (RFC 7617 §2)`);
  }
  return `Basic ${base64(utf8(`${user}:${password}`))}`;
}

export function checkCredentials(where: string, user: unknown, password: unknown): void {
  for (const [name, value] of Object.entries({ user, password })) {
    if (typeof value !== 'string') {
      throw new TypeError(
        `${where}: expected a string as ${name}, got ${value === null ? 'null' : typeof value}`,
      );
    }
  }
}

export function withAuthorization(request: Request, value: string): Request {
  return request.with({ headers: request.headers.with('authorization', value) });
}

export function withoutAuthorization(request: Request): Request {
  const { headers } = request;
  return headers.has('authorization')
    ? request.with({ headers: headers.without('authorization') })
    : request;
}
