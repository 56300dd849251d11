import type { Request } from '../messages/request.ts';
import { Auth, type AsyncAuthFlow, type AuthInit, type AuthLike } from './auth.ts';
import { BasicAuth } from './basic.ts';

/** The scheme that `auth` stands for. @throws TypeError where it is none. */
export function authOf(auth: AuthInit): AuthLike {
  if (typeof auth === 'function') return new FunctionAuth(auth);
  if (Array.isArray(auth) && auth.length === 2) {
    const [user, password] = auth as readonly [string, string];
    return new BasicAuth(user, password);
  }
  // By its shape, so that a scheme of another copy of the package is one too.
  if (typeof (auth as AuthLike | null)?.authFlow === 'function') return auth as AuthLike;
  throw new TypeError(
    `auth: expected [user, password], an Auth, or a function of the request, got ${
      auth === null ? 'null' : Array.isArray(auth) ? `a list of ${auth.length}` : typeof auth
    }`,
  );
}

/** A function that returns the request as it is to be sent. */
class FunctionAuth extends Auth {
  readonly #authenticate: (request: Request) => Request | Promise<Request>;

  constructor(authenticate: (request: Request) => Request | Promise<Request>) {
    super();
    this.#authenticate = authenticate;
  }

  async *authFlow(request: Request): AsyncAuthFlow {
    yield await this.#authenticate(request);
  }
}
