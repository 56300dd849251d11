import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';

/** The requests of one call, each yielded, its response received: `const response = yield request`. */
export type AuthFlow = Generator<Request, void, Response>;
/** The same for a flow that has to wait for something of its own. */
export type AsyncAuthFlow = AsyncGenerator<Request, void, Response>;

/** What an authentication scheme is: any object of this shape, of whatever class. */
export interface AuthLike {
  readonly requiresRequestBody?: boolean;
  readonly requiresResponseBody?: boolean;
  authFlow(request: Request): AuthFlow | AsyncAuthFlow;
}

/** What `auth` can be: user and password for Basic, a scheme, or a function that returns the request as it is to be sent. */
export type AuthInit =
  | readonly [user: string, password: string]
  | AuthLike
  | ((request: Request) => Request | Promise<Request>);

/**
 * An authentication scheme. `authFlow` yields the requests that have to be made for one call, and gets the response to each; the last
 * response is the call's.
 *
 *     class KeyAuth extends Auth {
 *       *authFlow(request: Request): AuthFlow {
 *         const response = yield request;
 *         if (response.status === 401) yield request.with({ headers: request.headers.with('x-authentication', this.sign(request)) });
 *       }
 *     }
 *
 * It does no I/O of its own. What goes wrong with a request that it yielded is thrown where it yielded it. Responses are closed for
 * it, all but the last. One object serves any number of calls at once: what belongs to a call is kept in variables of the flow.
 */
export abstract class Auth implements AuthLike {
  /** Whether the body is to be in memory, so that `request.content.bytes()` has it. */
  get requiresRequestBody(): boolean {
    return false;
  }

  /** Whether responses are to be read to their end before the flow gets them. */
  get requiresResponseBody(): boolean {
    return false;
  }

  abstract authFlow(request: Request): AuthFlow | AsyncAuthFlow;

  /** For people and logs: nothing of what it knows. */
  [inspect](): string {
    return `<${this.constructor.name}>`;
  }
}
