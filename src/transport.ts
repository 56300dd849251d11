import { inspect } from './messages/inspect.ts';
import type { RequestInit } from './messages/request.ts';
import { Request } from './messages/request.ts';
import type { Response } from './messages/response.ts';
import { warnOfOrder, type LayerRole } from './stack-order.ts';

export type { LayerRole } from './stack-order.ts';

/** The least that stands in a stack: any object with these two methods, of whatever class. */
export interface TransportLike {
  /**
   * Sends one request.
   *
   * Whoever implements it keeps to this:
   *
   * - It resolves for every response, whatever its status. It rejects with an `HTTPError`, a `TypeError` for bad input, or the
   *   signal's own reason, and with nothing else.
   * - It does not change the request (it cannot: requests are immutable); it makes another one with `request.with`, and sends that inward.
   * - The response is the caller's: it is to be read to its end or closed, and holds its connection until then. A response that
   *   a layer gets from within and does not hand on, the layer closes.
   * - It may be called any number of times at once.
   * - Once `request.signal` is aborted it rejects soon, and holds on to nothing.
   * - It interprets only what the layer is about: no redirects, no errors for statuses, no decoding, unless that is what it is for.
   * - After `close()` it rejects with a `ClosedError`.
   */
  send(request: Request): Promise<Response>;

  /** Closes this and what it wraps. Requests under way end first, or fail, as the transport says. May be called again. */
  close(): Promise<void>;
}

/**
 * What everything here is: it takes a request and resolves to a scoped response. `send` is to be written, and keeps to the
 * contract that stands on `TransportLike.send`; `request` and `stream` make any transport usable alone.
 */
export abstract class Transport implements TransportLike, AsyncDisposable {
  abstract send(request: Request): Promise<Response>;

  async close(): Promise<void> {}

  /** Sends, and reads the response to its end: it holds no connection any more. */
  request(method: string, url: string | URL, init?: RequestInit): Promise<Response> {
    return this.stream(method, url, init).then(whole);
  }

  /** Sends: the response is scoped, `await using response = await transport.stream(…)`. */
  stream(method: string, url: string | URL, init?: RequestInit): Promise<Response> {
    try {
      return this.send(new Request(method, url, init));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The response, read to its end. One that is so already, as most are, costs no wait. */
export function whole(response: Response): Response | Promise<Response> {
  return response.isRead ? response : response.read().then(() => response);
}

/** A layer: what makes a middleware around the next transport inward. */
export type Layer = (next: TransportLike) => TransportLike;

/**
 * A transport that holds the next one inward. `send` is to be written; `close` closes what it wraps.
 *
 *     class RequestId extends Middleware {
 *       send(request: Request): Promise<Response> {
 *         return this.next.send(request.with({ headers: request.headers.with('x-request-id', crypto.randomUUID()) }));
 *       }
 *     }
 *     const transport = stack(RequestId.layer(), new ConnectionPool());
 */
export abstract class Middleware extends Transport {
  readonly next: TransportLike;
  /** What it is about, where its place matters: `stack` warns where it stands on the wrong side of another one. null: anywhere will do. */
  readonly role: LayerRole | null = null;

  constructor(next: TransportLike) {
    super();
    if (typeof next?.send !== 'function') {
      throw new TypeError(
        `${this.constructor.name}: expected the transport to wrap, got ${describe(next)}`,
      );
    }
    this.next = next;
  }

  /** A layer that makes this middleware: its constructor's arguments without the first, `next`. */
  static layer<Options extends unknown[]>(
    this: new (next: TransportLike, ...options: Options) => TransportLike,
    ...options: Options
  ): Layer {
    return (next) => new this(next, ...options);
  }

  override close(): Promise<void> {
    return this.next.close();
  }

  /** Whether it does nothing but for requests that bring an option of their own for it: it is not shown then. */
  get dormant(): boolean {
    return false;
  }

  /** Outermost first, the network last: `RedirectMiddleware → ConnectionPool [1 active, 2 idle]`. */
  override toString(): string {
    return this.dormant ? labelOf(this.next) : `${this.constructor.name} → ${labelOf(this.next)}`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }
}

/** A middleware of one function. Its name is what the stack is printed with. */
class FunctionMiddleware extends Middleware {
  readonly #send: (request: Request, next: TransportLike) => Promise<Response>;

  constructor(
    next: TransportLike,
    send: (request: Request, next: TransportLike) => Promise<Response>,
  ) {
    super(next);
    this.#send = send;
  }

  send(request: Request): Promise<Response> {
    try {
      return this.#send(request, this.next);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override toString(): string {
    return `${this.#send.name || 'middleware'} → ${labelOf(this.next)}`;
  }
}

/** Makes a layer of a function, which gets the request and the next transport. A named function shows in `inspect`. */
export function middleware(
  send: (request: Request, next: TransportLike) => Promise<Response>,
): Layer {
  if (typeof send !== 'function') {
    throw new TypeError(
      `middleware: expected a function (request, next) => Promise<Response>, got ${describe(send)}`,
    );
  }
  return (next) => new FunctionMiddleware(next, send);
}

/**
 * Nests layers around a transport, the first outermost: read top to bottom, it is the way a request travels.
 *
 *     const transport = stack(RedirectMiddleware.layer(), yourLayer, new ConnectionPool());
 *
 * Layers in an order in which something cannot work are a warning of the process (`STRATA_LAYER_ORDER`), once for each reason.
 */
export function stack(...parts: [...layers: Layer[], bottom: TransportLike]): Transport {
  const bottom = parts.at(-1) as TransportLike | undefined;
  if (typeof bottom?.send !== 'function') {
    throw new TypeError(`stack: expected a transport at the end, got ${describe(bottom)}`);
  }
  const made = [bottom];
  const outermost = (parts.slice(0, -1) as Layer[]).reduceRight((next, layer, place) => {
    const transport: unknown = typeof layer === 'function' ? layer(next) : undefined;
    if (typeof (transport as TransportLike | undefined)?.send !== 'function') {
      throw new TypeError(
        `stack: expected a layer in place ${place + 1}, (next) => transport, got ${describe(layer)}`,
      );
    }
    made.unshift(transport as TransportLike);
    return transport as TransportLike;
  }, bottom);
  warnOfOrder(made);
  return 'request' in outermost && 'stream' in outermost
    ? (outermost as Transport)
    : new PassThrough(outermost);
}

/** Lends `request` and `stream` to a transport that has but `send` and `close`. */
class PassThrough extends Middleware {
  send(request: Request): Promise<Response> {
    return this.next.send(request);
  }

  override toString(): string {
    return labelOf(this.next);
  }
}

/** A transport whose life is someone else's: closing this does nothing, so that one pool can serve many stacks. */
export function shared(transport: TransportLike): Transport {
  return new Shared(transport);
}

class Shared extends PassThrough {
  override async close(): Promise<void> {}
}

/** How a transport shows in a printed stack: its own `toString`, or the name of its class. */
export function labelOf(transport: TransportLike): string {
  const own = (transport as { toString?: unknown }).toString;
  return typeof own === 'function' && own !== Object.prototype.toString
    ? String(own.call(transport)).replace(/^<|>$/g, '')
    : transport.constructor?.name || 'transport';
}

/** What was given in place of what was expected, without what is in it. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object'
    ? `an instance of ${value.constructor?.name ?? 'no class'}`
    : `a ${typeof value}`;
}
