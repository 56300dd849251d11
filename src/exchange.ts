import { Alarm } from './alarm.ts';
import { DeadlineError, type Phase, type RequestErrorInit } from './errors.ts';
import { timelineFor, type ExchangeTimeline } from './exchange-timeline.ts';
import { unwatchAbort, watchAbort, type AbortListener } from './messages/abort-watch.ts';
import type { Request } from './messages/request.ts';
import type { Response } from './messages/response.ts';
import type { ResolvedTimeouts } from './messages/timeout.ts';

/** Whoever has an exchange in hand at the moment: the pool's queue, an attempt to connect, a connection. */
export interface ExchangeHolder {
  /** The caller wants it no more: let go of it, and fail it with the reason. */
  drop(exchange: Exchange, reason: unknown): void;
}

/**
 * One request on its way: from the pool, through a connection, to the end of its response. There is one object for the whole way, which
 * is also what listens to the caller's signal, so that a request can be aborted wherever it is.
 *
 *     created ─▶ held (by one holder after the other) ─▶ answered (the promise is settled, the body may still come) ─▶ finished
 */
export class Exchange implements AbortListener {
  readonly request: Request;
  readonly timeouts: ResolvedTimeouts;
  /** Null once it is settled: whoever holds the exchange does not hold the response, so that one that is dropped is garbage. */
  promise: Promise<Response> | null;
  /** On the `performance.now()` clock. */
  readonly started: number = performance.now();
  /** 1, or 2 where a stale connection made the pool send it again. */
  attempt = 1;
  holder: ExchangeHolder | null = null;
  /** Credentials for the proxy that forwards it, and for nobody else. */
  proxyAuthorization: string | null = null;
  /** Nothing more will come of it. */
  finished = false;
  /** Where what happens to it is written down; null: nobody wants to know. */
  readonly timeline: ExchangeTimeline | null;

  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  #deadline: Alarm | null = null;

  constructor(request: Request, timeouts: ResolvedTimeouts) {
    this.request = request;
    this.timeouts = timeouts;
    this.timeline = timelineFor(request);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = request;
    if (signal !== null) watchAbort(signal, this);
    const { expiresAt } = request.extensions;
    if (expiresAt !== undefined) {
      this.#deadline = new Alarm(() => this.#expire());
      this.#deadline.set(expiresAt);
    }
  }

  /** Milliseconds since the start. */
  get elapsed(): number {
    return performance.now() - this.started;
  }

  /** The head of the response is there. The exchange goes on until `finish`. */
  answer(response: Response): void {
    this.#resolve(response);
    this.#settled();
  }

  /** It came to nothing. */
  fail(error: unknown): void {
    this.breakOff(error);
    this.#reject(error);
    this.#settled();
  }

  /** It has been answered, and came to a bad end in the body, or to nothing at all. */
  breakOff(error: unknown): void {
    this.timeline?.failed(error);
    this.finish();
  }

  /** Nothing more will come of it: nothing is held on to. */
  finish(): void {
    this.timeline?.done();
    this.finished = true;
    this.holder = null;
    this.#deadline?.stop();
    const { signal } = this.request;
    if (signal !== null) unwatchAbort(signal, this);
  }

  /** What errors about this exchange have in common. */
  describe(
    phase: Phase,
    more?: Pick<RequestErrorInit, 'cause' | 'reused' | 'remoteAddress'>,
  ): RequestErrorInit {
    return { request: this.request, phase, attempt: this.attempt, elapsed: this.elapsed, ...more };
  }

  onAbort(reason: unknown): void {
    this.holder?.drop(this, reason);
  }

  #expire(): void {
    const error = new DeadlineError('not done by its deadline', this.describe('read'));
    this.holder?.drop(this, error);
  }

  /** The two functions know the promise, which knows the response. */
  #settled(): void {
    this.promise = null;
    this.#resolve = nothing;
    this.#reject = nothing;
  }
}

function nothing(): void {}

/** What a connection tells the pool. */
export interface ConnectionOwner {
  /** There is room for an exchange (again). `since`: from when on, on the `performance.now()` clock. */
  onAvailable(connection: Connection, since: number): void;
  /** It is gone, or has been handed over: it counts no more. Comes once. */
  onClosed(connection: Connection): void;
  /**
   * The connection had been used before and was gone when this exchange came to it: no byte of an answer arrived. True where the owner
   * sends the exchange again; else the connection fails it.
   */
  onStale(exchange: Exchange, connection: Connection, unsent: boolean): boolean;
  /** It had been sent behind another, and the connection ended before a byte of its answer: the owner sends it again, or fails it. */
  onOrphaned(exchange: Exchange): void;
  /** A response was dropped by its owner, neither read to its end nor closed. */
  onDropped(exchange: Exchange): void;
}

/**
 * What the pool knows of a connection, whatever it speaks. One that carries many exchanges at once has a larger capacity; the pool does
 * not change for it.
 */
export interface Connection extends ExchangeHolder {
  readonly protocol: 'http/1.1' | 'h2';
  readonly remoteAddress: string | undefined;
  /** On the `performance.now()` clock. */
  readonly opened: number;
  /** Exchanges begun so far. */
  readonly served: number;
  /** Exchanges that may be begun now, some perhaps only where `takes` says so. 0 where it is full, closing or closed. */
  readonly room: number;
  /** The exchange that has been under way longest, if there is one. */
  readonly current: Exchange | null;
  /** What the server said in Keep-Alive: milliseconds it waits for another request, and how many it takes in all. Infinity: it did not say. */
  readonly keepAlive: { readonly timeout: number; readonly max: number };
  /** Whether it can be begun beside, or behind, those under way. */
  takes(exchange: Exchange): boolean;
  /** Begins an exchange; `room` must be above 0, and `takes` true. */
  send(exchange: Exchange): void;
  /** Closes it once idle for so long; to be called while it is idle. */
  expireAt(at: number): void;
  /** Closes at once; exchanges under way fail with this error. */
  destroy(error: Error): void;
}

declare module './messages/request.ts' {
  interface RequestExtensions {
    /** Called with each interim response (1xx, RFC 9110 §15.2): 103 Early Hints above all. */
    onInformational?: ((response: InformationalResponse) => void) | undefined;
    /** The request-target as it is to be sent, in place of the URL's path and query: `*` for OPTIONS, `host:port` for CONNECT. */
    target?: string | undefined;
  }
}

/** An interim response: the final one is still to come. */
export interface InformationalResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Request['headers'];
}
