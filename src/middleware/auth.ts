import type { AsyncAuthFlow, AuthFlow, AuthInit, AuthLike } from '../auth/auth.ts';
import { authOf } from '../auth/choice.ts';
import type { NetrcAuth } from '../auth/netrc.ts';
import { StreamConsumedError } from '../errors.ts';
import type { Content } from '../messages/content/content.ts';
import { inMemory } from '../messages/in-memory.ts';
import { interruptible } from '../messages/interruptible.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { describe, Middleware, type LayerRole, type TransportLike } from '../transport.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request, instead of the client's: who asks. `null`: nobody. */
    auth?: AuthInit | null | undefined;
  }
}

/**
 * The inner half of authentication, inside of redirects and retries: a digest is for one URL and one use, so each hop and each try within the
 * origin gets its own. Without it all works too, with one more challenge where a redirect was followed.
 */
export class ReauthorizeMiddleware extends Middleware {
  /** It does something for requests alone whose flow asks for it. */
  override get dormant(): boolean {
    return true;
  }

  send(request: Request): Promise<Response> {
    const { reauthorize } = request.extensions;
    return reauthorize ? this.#again(request, reauthorize) : this.next.send(request);
  }

  async #again(
    request: Request,
    reauthorize: (request: Request) => Promise<Request>,
  ): Promise<Response> {
    return this.next.send(await reauthorize(request));
  }
}

type Step = IteratorResult<Request, void>;

/**
 * Authenticates requests: it drives the flow of a scheme, sends what that yields, and returns the last response. Place it outside of
 * redirects: those inside leave credentials behind on a change of origin, and no challenge from there is answered.
 *
 * A request's own `auth` replaces the layer's; `null` switches it off. Either replaces an `Authorization` that the request has.
 *
 * Where a flow wants to send a body again that can be read but once, the response that is there is the call's: a 401, most likely.
 */
export class AuthMiddleware extends Middleware {
  override readonly role: LayerRole | null;
  readonly #auth: AuthLike | null;
  /** Where nobody says who asks; null once it is known that there is nothing in it. */
  #environment: NetrcAuth | null;

  /** Without `auth`, only requests that bring their own are authenticated. @throws TypeError where `auth` is none. */
  constructor(
    next: TransportLike,
    auth: AuthInit | null = null,
    environment: NetrcAuth | null = null,
  ) {
    super(next);
    this.#auth = auth === null ? null : authOf(auth);
    this.role = auth === null || looksAtRequests(auth) ? null : 'credentials';
    this.#environment = environment;
  }

  override get dormant(): boolean {
    return this.#auth === null;
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.auth;
    if (choice === undefined) {
      if (this.#auth !== null) return this.#drive(request, request, this.#auth);
      return this.#environment === null || request.headers.has('authorization')
        ? this.next.send(request)
        : this.#fromEnvironment(request, this.#environment);
    }
    if (choice === null) return this.next.send(request);
    let auth: AuthLike;
    try {
      auth = authOf(choice);
    } catch (error) {
      return Promise.reject(error);
    }
    // It is taken care of: no such layer further in is to do it again, for another origin least of all.
    return this.#drive(request, request.with({ auth: null }), auth);
  }

  async #fromEnvironment(request: Request, environment: NetrcAuth): Promise<Response> {
    if (await environment.hasEntries()) return this.#drive(request, request, environment);
    this.#environment = null;
    return this.next.send(request);
  }

  async #drive(original: Request, request: Request, auth: AuthLike): Promise<Response> {
    const ready = auth.requiresRequestBody === true ? await inMemory(request) : request;
    const flow = flowOf(auth, ready);
    const history: Response[] = [];
    const spent = new Set<Content>();
    let response: Response | null = null;
    let last: Request | null = null;
    try {
      let step = await pass(flow.next(), original);
      while (step.done !== true) {
        const next = checked(step.value);
        if (next.content !== null && spent.has(next.content)) {
          if (last?.content === next.content) break;
          // The response at hand is to something else: a token endpoint's is not to be taken for the call's.
          throw new StreamConsumedError('auth: the body is a stream that has been sent already');
        }
        if (next.content?.replayable === false) spent.add(next.content);
        last = next;
        if (response !== null) {
          history.push(...response.history);
          await response.close();
          response = null;
        }
        try {
          response = await this.next.send(next);
        } catch (error) {
          step = await pass(flow.throw(error), original);
          if (step.done === true) throw error;
          continue;
        }
        if (auth.requiresResponseBody === true) await response.read();
        step = await pass(flow.next(response), original);
      }
    } catch (error) {
      await response?.close();
      throw error;
    } finally {
      end(flow);
    }
    if (response === null) {
      throw new TypeError('auth: expected a flow that yields a request; it ended without one');
    }
    return settled(response, original, history);
  }
}

/** What may well have something else, or nothing, for another origin: a function, and a netrc file. */
function looksAtRequests(auth: AuthInit): boolean {
  return typeof auth === 'function' || 'hasEntries' in auth;
}

/** @throws TypeError where the scheme's flow is none, as of a method whose `*` was forgotten. */
function flowOf(auth: AuthLike, request: Request): AuthFlow | AsyncAuthFlow {
  const flow: unknown = auth.authFlow(request);
  const { next, throw: fail, return: leave } = (flow ?? {}) as Partial<AuthFlow>;
  if ([next, fail, leave].every((method) => typeof method === 'function'))
    return flow as AuthFlow | AsyncAuthFlow;
  // Nobody waits for it: what it fails with is not what is wrong here.
  if (flow instanceof Promise) flow.catch(() => {});
  throw new TypeError(
    `auth: expected *authFlow(request) or async *authFlow(request), a generator of requests, got ${describe(flow)}`,
  );
}

/** The next step of a flow. One that waits for something of its own waits no longer than its caller does. */
function pass(step: Step | Promise<Step>, { signal }: Request): Step | Promise<Step> {
  if (!(step instanceof Promise) || signal === null) return step;
  return interruptible(step, signal);
}

/** Lets a flow clean up. It may be waiting for something still, and nobody waits for it. */
function end(flow: AuthFlow | AsyncAuthFlow): void {
  const ended = flow.return(undefined);
  if (ended instanceof Promise) ended.catch(() => {});
}

function checked(request: unknown): Request {
  if (typeof (request as Request | null)?.with === 'function') return request as Request;
  throw new TypeError(
    `auth: expected a Request, got ${request === null ? 'null' : typeof request}`,
  );
}

/** What redirects were followed on the way counts, whichever of the requests they were for; what stands behind is as if this had not been. */
function settled(response: Response, original: Request, history: readonly Response[]): Response {
  const { nextRequest } = response;
  if (nextRequest === null && history.length === 0) return response;
  return response.with({
    history: [...history, ...response.history],
    nextRequest: nextRequest === null ? undefined : restored(nextRequest, original),
  });
}

/** The request that a redirect asks for and nobody followed, for whoever sends it: with its own options, and no credentials for others. */
function restored(next: Request, original: Request): Request {
  const { auth } = original.extensions;
  return next.with({
    auth: next.origin === original.origin ? auth : null,
    reauthorize: null,
  });
}
