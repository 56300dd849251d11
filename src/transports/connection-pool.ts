import { Alarm } from '../alarm.ts';
import {
  ClosedError,
  PoolFullError,
  PoolTimeoutError,
  UnsupportedProtocolError,
} from '../errors.ts';
import { Exchange } from '../exchange.ts';
import { connectionOpened } from '../exchange-timeline.ts';
import { Http1Connection } from '../http1/connection.ts';
import { DEFAULT_LIMITS, type ParserLimits } from '../http1/limits.ts';
import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import type { ConnectionFacts } from '../messages/timeline.ts';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from '../messages/timeout.ts';
import { toDuplex } from '../network/duplex.ts';
import { SocketBackend, type SocketBackendOptions } from '../network/socket-backend.ts';
import type { NetworkBackend, NetworkStream } from '../network/stream.ts';
import { checkOptionNames } from '../options.ts';
import { ProxyMap, type ProxyInit } from '../proxy/proxy-map.ts';
import { Routes } from '../proxy/routes.ts';
import { PoolCore, type Owed } from '../pool/core.ts';
import { Deadlines } from '../pool/deadlines.ts';
import {
  LIMIT_NAMES,
  resolveLimits,
  type PoolLimits,
  type ResolvedLimits,
} from '../pool/limits.ts';
import { openingFailure, Openings, type OpeningObserver } from '../pool/openings.ts';
import { Presence } from '../pool/presence.ts';
import { mayRepeat } from '../pool/repeat.ts';
import type { Slot, SlotOwner } from '../pool/slot.ts';
import {
  describeSnapshot,
  snapshotOf,
  type ConnectionSnapshot,
  type PoolSnapshot,
} from '../pool/snapshot.ts';
import { Targets } from '../pool/targets.ts';
import type { Waiter } from '../pool/waiter.ts';
import { Transport } from '../transport.ts';

/** How a pool opens, keeps and closes connections. Times are in milliseconds, sizes in bytes. */
export interface ConnectionPoolOptions extends SocketBackendOptions {
  /** How many connections, and for how long. */
  limits?: PoolLimits | undefined;
  /** For requests that do not bring their own. Default: 5,000 each. */
  timeout?: TimeoutInit | undefined;
  /** How much of a response's framing is taken: head bytes, fields, chunk lines. */
  parser?: Partial<ParserLimits> | undefined;
  /**
   * Requests under way at once on a connection: behind one whose answer is awaited others are sent, where all are GET, HEAD, OPTIONS or TRACE
   * without a body and no connection is free or may be opened (RFC 9112 §9.3.2). A slow answer keeps those behind it waiting. Default 1: none.
   */
  pipelining?: number | undefined;
  /** Opens the byte streams, in place of sockets: for tests, and for networks of your own. The socket options are not for it. */
  network?: NetworkBackend | undefined;
  /**
   * The proxy for all requests, or one for each of several patterns (`all://*.example.com`, `https`); false: none. Default: what HTTP_PROXY,
   * HTTPS_PROXY, ALL_PROXY and NO_PROXY say when the pool is made, unless `trustEnv` is false, or `socketPath` or `network` is given.
   */
  proxy?: ProxyInit | undefined;
}

/** How a pool is closed. */
export interface CloseOptions {
  /** Does not wait for what is under way: it fails with `ClosedError`. Default false. */
  force?: boolean | undefined;
  /** Milliseconds that what is under way has to end. Default 5,000. */
  timeout?: number | undefined;
}

const SOCKET_OPTIONS = [
  'tls',
  'lookup',
  'hosts',
  'localAddress',
  'socketPath',
  'noDelay',
  'keepAlive',
  'attemptDelay',
  'trustEnv',
] as const;
/** The options by name, for those who hand them on. */
export const POOL_OPTION_NAMES: readonly string[] = [
  'limits',
  'timeout',
  'parser',
  'pipelining',
  'network',
  'proxy',
  ...SOCKET_OPTIONS,
];

/** For a first read: more than a head and a small body, less than makes copying the start of a large one expensive. */
const READ_BUFFER = 16 * 1024;
const CLOSE_TIMEOUT = 5000;

/**
 * A transport over connections of its own: it opens sockets, speaks HTTP/1.1 on them, and keeps them for later requests to the same
 * origin. Who waits for a connection is served in order of arrival.
 *
 *     await using pool = new ConnectionPool({ limits: { maxConnections: 10 } });
 *     await using response = await pool.stream('GET', 'https://example.com/');
 *
 * `send` rejects with the errors of `TransportError`, the signal's reason, or a `ClosedError`. Its request may be sent a second time, at
 * once and on a new connection, where a kept connection turns out to be dead before a byte of the answer came, and the request is idempotent
 * or was not written (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
 *
 * @throws TypeError on an unknown option or one that is not what it has to be.
 */
export class ConnectionPool extends Transport implements SlotOwner, OpeningObserver {
  readonly #limits: ResolvedLimits;
  readonly #timeouts: ResolvedTimeouts;
  readonly #network: NetworkBackend;
  readonly #core: PoolCore;
  readonly #deadlines: Deadlines;
  readonly #presence: Presence = new Presence();
  readonly #openings: Openings;
  readonly #targets: Targets;
  /** Through proxies; null where there are none. */
  readonly #routes: Routes | null;
  #performing = false;
  /** `trim` is due at the end of this turn of the event loop. */
  #trimming = false;
  #closed: Promise<void> | null = null;
  #ended: (() => void) | null = null;
  #warned = false;
  /** What is under way is not waited for any more. */
  #cut = false;

  constructor(options: ConnectionPoolOptions = {}) {
    super();
    checkOptionNames('ConnectionPool', options, POOL_OPTION_NAMES);
    const {
      limits = {},
      timeout,
      parser = {},
      pipelining = 1,
      network,
      proxy,
      ...socket
    } = options;
    checkOptionNames('ConnectionPool: limits', limits, LIMIT_NAMES);
    checkOptionNames('ConnectionPool: parser', parser, Object.keys(DEFAULT_LIMITS));
    if (network !== undefined && Object.keys(socket).length > 0) {
      throw new TypeError(
        `ConnectionPool: with network, there are no sockets for ${Object.keys(socket).join(', ')} to be about`,
      );
    }
    if (!Number.isInteger(pipelining) || pipelining < 1) {
      throw new TypeError(
        `ConnectionPool: pipelining: expected a whole number from 1, got ${String(pipelining)}`,
      );
    }
    this.#limits = resolveLimits(limits);
    this.#timeouts = resolveTimeouts(timeout, DEFAULT_TIMEOUTS);
    this.#network = network ?? new SocketBackend(socket);
    const isOwnNetwork = network === undefined && socket.socketPath === undefined;
    const readsEnvironment = isOwnNetwork && socket.trustEnv !== false;
    const proxies = ProxyMap.from(proxy, readsEnvironment ? process.env : null);
    this.#routes =
      proxies && new Routes(proxies, this.#network, network === undefined ? socket : null);
    const http1 = {
      limits: { ...DEFAULT_LIMITS, ...parser },
      pipelining,
      readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER),
      toDuplex,
    };
    this.#targets = new Targets(http1, this.#network, this.#routes);
    this.#core = new PoolCore(this.#limits, this, (waiter, reason) => this.#onDrop(waiter, reason));
    this.#openings = new Openings(this);
    this.#deadlines = new Deadlines((waiter) => this.#onPoolTimeout(waiter));
  }

  send(request: Request): Promise<Response> {
    try {
      return this.#routes === null ? this.#submit(request, null) : this.#submitProxied(request);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The connections as they are now, those being opened among them. */
  get connections(): readonly ConnectionSnapshot[] {
    return this.snapshot().connections;
  }

  /** The pool as it is now. */
  snapshot(): PoolSnapshot {
    return snapshotOf(this.#core.slots, this.#core.waitingByOrigin);
  }

  /** Closes the connections that are idle. */
  closeIdle(): void {
    this.#core.closeIdle();
    this.#perform();
  }

  /**
   * Closes the pool: what is idle at once, what is under way when it has ended, or after `timeout`. Requests that come later are
   * refused with `ClosedError`. Resolves when no connection is left.
   */
  override close({ force = false, timeout = CLOSE_TIMEOUT }: CloseOptions = {}): Promise<void> {
    if (this.#closed === null) {
      this.#core.closing = true;
      this.#closed = new Promise((resolve) => (this.#ended = resolve));
      this.closeIdle();
      const alarm = new Alarm(() => this.#cutOff());
      if (timeout !== Infinity) alarm.set(performance.now() + timeout);
      this.#closed = this.#closed.finally(() => {
        alarm.stop();
        this.#network.close?.();
        this.#routes?.close();
      });
      this.#checkEnd();
    }
    if (force) this.#cutOff();
    return this.#closed;
  }

  override toString(): string {
    const { working, idle, waiting } = this.#core;
    return `ConnectionPool [${working} active, ${idle} idle${waiting > 0 ? `, ${waiting} waiting` : ''}]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  // ── what slots report ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  onAvailable(slot: Slot, now: number): void {
    this.#core.available(slot, now);
    this.#perform();
  }

  /** @internal */
  onClosed(slot: Slot): void {
    this.#core.closed(slot);
    this.#perform();
  }

  /** @internal */
  onStale(slot: Slot, exchange: Exchange, unsent: boolean): boolean {
    if (slot.state !== 'busy' || !mayRepeat(exchange, unsent)) return false;
    exchange.attempt++;
    this.#core.reopen(slot, exchange);
    this.#perform();
    return true;
  }

  /** @internal */
  onOrphaned(exchange: Exchange): void {
    exchange.attempt++;
    if (this.#cut) exchange.fail(this.#cutOffError(exchange.request));
    else this.#place(exchange, performance.now());
    this.#perform();
  }

  /** @internal */
  onDropped({ request }: Exchange): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(
      `The response to ${request.toString()} was neither read to its end nor closed, and its connection had to be closed for it. ` +
        'Use `await using`, read it, or close() it. (This is said once for a pool.)',
      { code: 'STRATA_DROPPED_RESPONSE' },
    );
  }

  // ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #submit(request: Request, proxyAuthorization: string | null): Promise<Response> {
    if (this.#closed !== null) throw new ClosedError(`${request.toString()}: the pool is closed`);
    request.signal?.throwIfAborted();
    if (!isHTTP(request.origin)) {
      throw new UnsupportedProtocolError(
        `expected http: or https:, got ${request.destination.protocol}`,
        { request },
      );
    }
    const timeouts = resolveTimeouts(request.timeout, this.#timeouts);
    const exchange = new Exchange(request, timeouts);
    exchange.proxyAuthorization = proxyAuthorization;
    const promise = exchange.promise as Promise<Response>;
    this.#place(exchange, exchange.started);
    this.#perform();
    return promise;
  }

  /** A proxy that forwards it may want credentials, and say so in its answer. */
  #submitProxied(request: Request): Promise<Response> {
    const { origin } = request;
    const forwarding = isHTTP(origin) ? this.#targets.of(origin).forwarding : null;
    return forwarding === null
      ? this.#submit(request, null)
      : forwarding.send(request, (each, credentials) => this.#submit(each, credentials));
  }

  /** Finds it a connection, or a place to wait for one. */
  #place(exchange: Exchange, now: number): void {
    const waiter = this.#core.submit(exchange, now);
    if (waiter === 'full') {
      const message = `the pool's queue is full: ${this.#limits.maxQueue} requests are waiting (limits.maxQueue)`;
      exchange.fail(new PoolFullError(message, exchange.describe('pool')));
    } else if (waiter !== null) {
      exchange.timeline?.queued();
      this.#deadlines.add(waiter);
    }
  }

  #onPoolTimeout(waiter: Waiter): void {
    const { exchange } = waiter;
    // Told as it is while this one still waits.
    const state = describeSnapshot(this.snapshot());
    this.#core.removed(waiter);
    const message = `no connection for ${exchange.timeouts.pool} ms (pool timeout; limits.maxConnections): ${state}`;
    exchange.fail(new PoolTimeoutError(message, exchange.describe('pool')));
    this.#perform();
  }

  #onDrop(waiter: Waiter, reason: unknown): void {
    this.#core.removed(waiter);
    waiter.exchange.fail(reason);
    this.#perform();
  }

  // ── I/O ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does what the core owes. What that brings about is owed in its turn, and done by the same loop. */
  #perform(): void {
    if (this.#performing) return;
    this.#performing = true;
    const { owed } = this.#core;
    for (let next = owed.shift(); next !== undefined; next = owed.shift()) this.#do(next);
    this.#performing = false;
    this.#presence.set(this.#core.working > 0);
    if (this.#core.hasExcess) this.#trimSoon();
    if (this.#ended !== null) this.#checkEnd();
  }

  /**
   * Closes idle connections beyond `maxKeepaliveConnections`, once what this turn of the event loop brings is done with: of many responses
   * that end together, the next requests find all connections, not 20 of them.
   */
  #trimSoon(): void {
    if (this.#trimming) return;
    this.#trimming = true;
    setImmediate(() => {
      this.#trimming = false;
      this.#core.trim();
      this.#perform();
    });
  }

  #do(owed: Owed): void {
    const { slot } = owed;
    switch (owed.do) {
      case 'send': {
        const { exchange } = owed;
        const { connection } = slot;
        // Either may have gone in this very turn.
        if (exchange.finished) this.#core.available(slot, performance.now());
        else if (connection === null || connection.room === 0)
          this.#place(exchange, performance.now());
        else {
          exchange.timeline?.connected(slot.facts as ConnectionFacts, connection.served > 0);
          connection.send(exchange);
        }
        return;
      }
      case 'open':
        this.#openings.begin(slot, this.#targets.of(slot.site.origin));
        return;
      case 'bound':
        this.#openings.bound(slot);
        return;
      case 'close': {
        const closed = new Error('the pool closed the connection');
        slot.connection?.destroy(closed);
        this.#openings.cancel(slot, closed);
      }
    }
  }

  /** @internal */
  onOpened(slot: Slot, stream: NetworkStream): void {
    const now = performance.now();
    slot.connection = new Http1Connection(stream, slot, this.#targets.of(slot.site.origin).http1);
    slot.facts = connectionOpened(slot.site.origin, slot.connection.protocol, stream);
    const age = this.#limits.maxConnectionAge;
    slot.retireAt = age === Infinity ? Infinity : now + age * (1 - Math.random() / 10);
    this.#core.opened(slot, now);
    this.#perform();
  }

  /** @internal */
  onOpenFailed(slot: Slot, cause: Error): void {
    const waiter = this.#core.closed(slot);
    waiter?.exchange.fail(openingFailure(waiter, cause));
    this.#perform();
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #checkEnd(): void {
    if (this.#core.slots.size > 0 || this.#core.waiting > 0) return;
    this.#deadlines.stop();
    this.#presence.end();
    this.#ended?.();
    this.#ended = null;
  }

  /** What is under way fails. */
  #cutOff(): void {
    this.#cut = true;
    const waiters = [...this.#core.waiters()];
    for (const waiter of waiters) {
      this.#core.removed(waiter);
      waiter.exchange.fail(this.#cutOffError(waiter.exchange.request));
    }
    for (const slot of Array.from(this.#core.slots)) {
      const request = slot.connection?.current?.request;
      slot.connection?.destroy(
        request === undefined ? new Error('the pool was closed') : this.#cutOffError(request),
      );
      this.#core.abandon(slot);
    }
    this.#perform();
  }

  #cutOffError(request: Request): ClosedError {
    return new ClosedError(`${request.toString()}: the pool was closed`);
  }
}

function isHTTP(origin: string): boolean {
  return origin.startsWith('http://') || origin.startsWith('https://');
}
