import type { IncomingMessage, ServerResponse } from 'node:http';

/** What `http.createServer` takes. With a third parameter it gets `next(error?)`, as Express and Connect do. */
export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown;

/** What Hono's `app.fetch` is, and the `fetch` of a worker's module. */
export type FetchHandler = (
  request: globalThis.Request,
  env: FetchEnvironment,
) => globalThis.Response | PromiseLike<globalThis.Response>;

/** The second argument of a fetch handler, as @hono/node-server gives it, for `getConnInfo`. */
export interface FetchEnvironment {
  readonly incoming: { readonly socket: ClientAddress };
}

/** As a socket has it. */
export interface ClientAddress {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: 'IPv4' | 'IPv6';
}

/** A Koa application. */
export interface KoaLike {
  callback(): (request: IncomingMessage, response: ServerResponse) => unknown;
  on(event: 'error', listener: (error: unknown, context?: KoaContextLike) => void): unknown;
  readonly middleware: readonly unknown[];
}

interface KoaContextLike {
  readonly req?: IncomingMessage;
}

/** A Fastify application. */
export interface FastifyLike {
  ready(): PromiseLike<unknown>;
  routing(request: IncomingMessage, response: ServerResponse): unknown;
  // Its type says what the hook gets by overloads, one a name.
  addHook(name: 'onError', hook: (...given: never[]) => void): unknown;
  readonly server: unknown;
}

/** An `http.Server`, or whatever emits the same events. */
export interface ServerLike {
  listen(...where: never[]): unknown;
  listeners(event: string): unknown[];
  listenerCount(event: string): number;
  emit(event: string, ...given: unknown[]): boolean;
}

/** Tells of an exception of the app's, by the request that it came up in. */
export type Raise = (request: IncomingMessage, error: unknown) => void;

/** An app for a Node server. */
export interface NodeApp {
  /** May throw, reject, or tell `raise`. */
  readonly listener: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => unknown;
  /** To be waited for before the first request. */
  readonly ready?: () => PromiseLike<unknown>;
  /** Has the listeners for what is not a request: `upgrade`, `connect`, … */
  readonly events?: ServerLike;
}

/** What is called with a fetch request; null where `app` is none of these. */
export function fetchHandlerOf(app: unknown): FetchHandler | null {
  if (typeof app === 'function') return app.length < 2 ? (app as FetchHandler) : null;
  if (!has(app, 'fetch')) return null;
  const { fetch } = app;
  return (request, env) => fetch.call(app, request, env) as globalThis.Response;
}

/** What is called with Node's messages; null where `app` is none of these. `raise` is null where exceptions are the framework's to answer. */
export function nodeAppOf(app: unknown, raise: Raise | null): NodeApp | null {
  if (typeof app === 'function') return { listener: app as NodeListener };
  if (has(app, 'routing') && has(app, 'ready')) return fastify(app as FastifyLike, raise);
  if (has(app, 'callback')) return koa(app as KoaLike, raise);
  if (has(app, 'listeners') && has(app, 'listen')) return server(app as unknown as ServerLike);
  return null;
}

/**
 * Koa and Fastify answer all errors themselves, and tell of them. An app is listened to once, however many transports call it: tests make
 * one for each test, Node warns of the eleventh listener, and Fastify takes no second hook once it is ready. Whom an error is for is known
 * by the request.
 */
const listenedTo = new WeakSet<KoaLike | FastifyLike>();
const raisers = new WeakMap<IncomingMessage, Raise>();

/** One that has a status below 500 is an answer. */
function tell(request: IncomingMessage | undefined, error: unknown): void {
  if (request !== undefined && isFault(error)) raisers.get(request)?.(request, error);
}

/** A listener whose requests are known to `raise`. */
function known(listener: PlainListener, raise: Raise | null): PlainListener {
  if (raise === null) return listener;
  return (request, response) => {
    raisers.set(request, raise);
    return listener(request, response);
  };
}

type PlainListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** It tells by an event. */
function koa(app: KoaLike, raise: Raise | null): NodeApp {
  if (raise !== null && !listenedTo.has(app)) {
    listenedTo.add(app);
    app.on('error', (error, context) => tell(context?.req, error));
  }
  return { listener: known(app.callback(), raise) };
}

/** It tells by a hook. Once it is ready none can be added, and its own 500 is the answer. */
function fastify(app: FastifyLike, raise: Raise | null): NodeApp {
  if (raise !== null && !listenedTo.has(app)) {
    const hook = (
      request: { raw: IncomingMessage },
      _reply: unknown,
      error: unknown,
      done: () => void,
    ): void => {
      tell(request.raw, error);
      done();
    };
    try {
      app.addHook('onError', hook);
      listenedTo.add(app);
    } catch {}
  }
  return {
    listener: known((request, response) => app.routing(request, response), raise),
    ready: () => app.ready(),
    ...(has(app.server, 'listeners') && {
      events: app.server as unknown as ServerLike,
    }),
  };
}

/** A server's own listeners are called rather than the event emitted: what they throw or reject with is to be had then. */
function server(app: ServerLike): NodeApp {
  return {
    listener: (request, response) =>
      Promise.all(
        (app.listeners('request') as NodeListener[]).map((each) =>
          Reflect.apply(each, app, [request, response]),
        ),
      ),
    events: app,
  };
}

/** Whether an error is one: `http-errors` and the frameworks throw those with a status below 500 to give an answer. */
export function isFault(error: unknown): boolean {
  return statusOf(error) >= 500;
}

/** The status that an error asks to be answered with. */
export function statusOf(error: unknown): number {
  const { status, statusCode } = (error ?? {}) as { status?: unknown; statusCode?: unknown };
  const asked = [status, statusCode].find(
    (each): each is number => typeof each === 'number' && each >= 400 && each <= 599,
  );
  return asked ?? 500;
}

function has<Name extends string>(
  app: unknown,
  name: Name,
): app is Record<Name, (...given: unknown[]) => unknown> {
  return (
    typeof app === 'object' &&
    app !== null &&
    typeof (app as Record<string, unknown>)[name] === 'function'
  );
}
