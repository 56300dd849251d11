import { interruptible } from '../messages/interruptible.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';

/** Called with a request before it is sent. What it returns is sent in its place; nothing: the request as it is. */
export type RequestHook = (request: Request) => Request | void | PromiseLike<Request | void>;

/**
 * Called with a response, and the request that was sent, before anybody has read the body. It may read it. What it returns is handed out in
 * its place; nothing: the response as it is.
 */
export type ResponseHook = (
  response: Response,
  request: Request,
) => Response | void | PromiseLike<Response | void>;

/** Functions to be called once for each call, one after the other, in this order. */
export interface Hooks {
  readonly request?: readonly RequestHook[] | undefined;
  readonly response?: readonly ResponseHook[] | undefined;
}

/** The options by name, for those who check them. */
export const HOOKS_OPTION_NAMES: readonly string[] = ['request', 'response'];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: no hooks (false), or these, called after the client's. */
    hooks?: Hooks | false | undefined;
  }
}

interface Resolved {
  readonly request: readonly RequestHook[];
  readonly response: readonly ResponseHook[];
}

const NONE: Resolved = { request: [], response: [] };

/**
 * Calls functions with what goes in and what comes out. Each gets what the one before it made. What one throws is what the call rejects with;
 * the response is closed then.
 *
 * A hook that returns another response takes over the one it got, as `response.with()` does. Where the new one's body is in memory, the old
 * one is closed for it.
 */
export class HooksMiddleware extends Middleware {
  readonly #hooks: Resolved;

  /** Without hooks, only those that a request brings are called. @throws TypeError where they are not lists of functions. */
  constructor(next: TransportLike, hooks: Hooks | false = {}) {
    super(next);
    this.#hooks = hooks === false ? NONE : resolve(hooks);
  }

  override get dormant(): boolean {
    return isEmpty(this.#hooks);
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.hooks;
    let hooks = this.#hooks;
    try {
      if (choice === false) hooks = NONE;
      else if (choice !== undefined) hooks = joined(hooks, resolve(choice));
    } catch (error) {
      return Promise.reject(error);
    }
    return isEmpty(hooks) ? this.next.send(request) : this.#hooked(request, hooks);
  }

  async #hooked(original: Request, hooks: Resolved): Promise<Response> {
    const { signal } = original;
    let request = original;
    for (const hook of hooks.request) {
      const made = await interruptible(called(hook, request), signal);
      if (made !== undefined) request = checkedRequest(made);
    }
    let response = await this.next.send(request);
    try {
      for (const hook of hooks.response) {
        const working = called(hook, response, request);
        const made = await interruptible(working, signal, (late) => {
          if (late !== undefined) void close(late);
        });
        if (made === undefined || made === response) continue;
        const replaced = response;
        response = checkedResponse(made);
        // A body that is still to come may be made of the other one's.
        if (response.isRead) await replaced.close();
      }
      return response;
    } catch (error) {
      await close(response);
      throw error;
    }
  }
}

/** A hook need not be async: what it throws is caught all the same. */
async function called<Args extends unknown[], Made>(
  hook: (...args: Args) => Made,
  ...args: Args
): Promise<Awaited<Made>> {
  return await hook(...args);
}

/** On the way out of a failure, which matters more than what closing fails with. */
async function close(response: unknown): Promise<void> {
  try {
    await (response as Response).close();
  } catch {}
}

function joined(first: Resolved, second: Resolved): Resolved {
  return {
    request: [...first.request, ...second.request],
    response: [...first.response, ...second.response],
  };
}

function isEmpty({ request, response }: Resolved): boolean {
  return request.length === 0 && response.length === 0;
}

function resolve(hooks: Hooks): Resolved {
  if (typeof hooks !== 'object' || hooks === null) {
    throw new TypeError(
      `hooks: expected { request, response } or false, got ${hooks === null ? 'null' : typeof hooks}`,
    );
  }
  return {
    request: listed('hooks.request', hooks.request),
    response: listed('hooks.response', hooks.response),
  };
}

/** A copy: a list that grows later is no part of what was asked for. */
function listed<Hook>(option: string, hooks: readonly Hook[] = []): readonly Hook[] {
  if (!Array.isArray(hooks)) {
    throw new TypeError(`${option}: expected a list of functions, got ${named(hooks)}`);
  }
  for (const hook of hooks as readonly unknown[]) {
    if (typeof hook !== 'function')
      throw new TypeError(`${option}: expected functions, got ${named(hook)}`);
  }
  return [...(hooks as readonly Hook[])];
}

function checkedRequest(made: unknown): Request {
  if (typeof (made as Request | null)?.with === 'function' && 'method' in (made as object))
    return made as Request;
  throw new TypeError(`hooks.request: expected a Request or nothing, got ${named(made)}`);
}

function checkedResponse(made: unknown): Response {
  if (typeof (made as Response | null)?.with === 'function' && 'status' in (made as object))
    return made as Response;
  throw new TypeError(`hooks.response: expected a Response or nothing, got ${named(made)}`);
}

function named(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}
