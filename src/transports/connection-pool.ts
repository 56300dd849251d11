import { Alarm } from '../alarm.ts';
import {
  ClosedError,
  ConnectError,
  ConnectTimeoutError,
  PoolFullError,
  PoolTimeoutError,
  UnsupportedProtocolError,
} from '../errors.ts';
import { Exchange } from '../exchange.ts';
import { Http1Connection } from '../http1/connection.ts';
import type { Http1Options } from '../http1/options.ts';
import { DEFAULT_LIMITS, type ParserLimits } from '../http1/limits.ts';
import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from '../messages/timeout.ts';
import { toDuplex } from '../network/duplex.ts';
import { SocketBackend, type SocketBackendOptions } from '../network/socket-backend.ts';
import type { NetworkBackend, NetworkTarget, Opening } from '../network/stream.ts';
import { checkOptionNames } from '../options.ts';
import { PoolCore, type Owed } from '../pool/core.ts';
import { Deadlines } from '../pool/deadlines.ts';
import {
  LIMIT_NAMES,
  resolveLimits,
  type PoolLimits,
  type ResolvedLimits,
} from '../pool/limits.ts';
import { Presence } from '../pool/presence.ts';
import { mayRepeat } from '../pool/repeat.ts';
import type { Slot, SlotOwner } from '../pool/slot.ts';
import {
  describeSnapshot,
  snapshotOf,
  type ConnectionSnapshot,
  type PoolSnapshot,
} from '../pool/snapshot.ts';
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
  /** Opens the byte streams, in place of sockets: for tests, and for networks of your own. The socket options are not for it. */
  network?: NetworkBackend | undefined;
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
  'network',
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
export class ConnectionPool extends Transport implements SlotOwner {
  readonly #limits: ResolvedLimits;
  readonly #timeouts: ResolvedTimeouts;
  readonly #parserLimits: ParserLimits;
  readonly #network: NetworkBackend;
  readonly #core: PoolCore;
  readonly #deadlines: Deadlines;
  readonly #presence: Presence = new Presence();
  readonly #readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER);
  readonly #openings: Map<Slot, { readonly opening: Opening; readonly alarm: Alarm }> = new Map();
  /** What connections to an origin are made with. */
  readonly #targets: Map<string, { readonly target: NetworkTarget; readonly http1: Http1Options }> =
    new Map();
  #performing = false;
  #closed: Promise<void> | null = null;
  #ended: (() => void) | null = null;
  #warned = false;

  constructor(options: ConnectionPoolOptions = {}) {
    super();
    checkOptionNames('ConnectionPool', options, POOL_OPTION_NAMES);
    const { limits = {}, timeout, parser = {}, network, ...socket } = options;
    checkOptionNames('ConnectionPool: limits', limits, LIMIT_NAMES);
    checkOptionNames('ConnectionPool: parser', parser, Object.keys(DEFAULT_LIMITS));
    if (network !== undefined && Object.keys(socket).length > 0) {
      throw new TypeError(
        `ConnectionPool: with network, there are no sockets for ${Object.keys(socket).join(', ')} to be about`,
      );
    }
    this.#limits = resolveLimits(limits);
    this.#timeouts = resolveTimeouts(timeout, DEFAULT_TIMEOUTS);
    this.#parserLimits = { ...DEFAULT_LIMITS, ...parser };
    this.#network = network ?? new SocketBackend(socket);
    this.#core = new PoolCore(this.#limits, this, (waiter, reason) => this.#onDrop(waiter, reason));
    this.#deadlines = new Deadlines((waiter) => this.#onPoolTimeout(waiter));
  }

  send(request: Request): Promise<Response> {
    try {
      return this.#submit(request);
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
    return snapshotOf(this.#core.slots, this.#core.waiting);
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

  #submit(request: Request): Promise<Response> {
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
    const waiter = this.#core.submit(exchange, exchange.started);
    if (waiter === 'full') {
      const message = `the pool's queue is full: ${this.#limits.maxQueue} requests are waiting (limits.maxQueue)`;
      exchange.fail(new PoolFullError(message, exchange.describe('pool')));
    } else if (waiter !== null) {
      this.#deadlines.add(waiter);
    }
    this.#perform();
    return exchange.promise;
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
    if (this.#ended !== null) this.#checkEnd();
  }

  #do(owed: Owed): void {
    const { slot } = owed;
    switch (owed.do) {
      case 'send':
        // Its caller may have gone in this very turn.
        if (owed.exchange.finished) this.#core.available(slot, performance.now());
        else slot.connection?.send(owed.exchange);
        return;
      case 'open':
        this.#open(slot);
        return;
      case 'close': {
        const closed = new Error('the pool closed the connection');
        slot.connection?.destroy(closed);
        this.#endOpening(slot)?.cancel(closed);
      }
    }
  }

  #open(slot: Slot): void {
    const exchange = slot.waiter?.exchange;
    if (exchange === undefined) return;
    const { target, http1 } = this.#targetOf(slot.site.origin, exchange.request);
    const opening = this.#network.open(target);
    const { connect } = exchange.timeouts;
    const alarm = new Alarm(() => opening.cancel(new ConnectTimeout(connect)));
    if (connect !== Infinity) alarm.set(performance.now() + connect);
    this.#openings.set(slot, { opening, alarm });
    opening.stream.then(
      (stream) => {
        if (this.#endOpening(slot) === null) {
          stream.destroy();
          return;
        }
        const now = performance.now();
        slot.connection = new Http1Connection(stream, slot, http1);
        const age = this.#limits.maxConnectionAge;
        slot.retireAt = age === Infinity ? Infinity : now + age * (1 - Math.random() / 10);
        this.#core.opened(slot, now);
        this.#perform();
      },
      (error: unknown) => {
        if (this.#endOpening(slot) === null) return;
        this.#onOpenFailed(slot, error as Error);
      },
    );
  }

  #onOpenFailed(slot: Slot, cause: Error): void {
    const waiter = this.#core.closed(slot);
    if (waiter !== null) {
      const { exchange } = waiter;
      if (cause instanceof ConnectTimeout) {
        const message = `no connection to ${slot.site.origin} for ${cause.timeout} ms (connect timeout)`;
        exchange.fail(new ConnectTimeoutError(message, exchange.describe('connect')));
      } else {
        exchange.fail(
          new ConnectError(
            `no connection: ${cause.message}`,
            exchange.describe('connect', { cause }),
          ),
        );
      }
    }
    this.#perform();
  }

  /** The attempt to open a connection is over, or is to be; null where there was none. */
  #endOpening(slot: Slot): Opening | null {
    const entry = this.#openings.get(slot);
    if (entry === undefined) return null;
    this.#openings.delete(slot);
    entry.alarm.stop();
    return entry.opening;
  }

  #targetOf(
    origin: string,
    request: Request,
  ): { readonly target: NetworkTarget; readonly http1: Http1Options } {
    let made = this.#targets.get(origin);
    if (made === undefined) {
      const { hostname, port, protocol } = new URL(origin);
      const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
      const secure = protocol === 'https:';
      const target = {
        host,
        port: port === '' ? (secure ? 443 : 80) : Number(port),
        tls: secure ? { servername: host, alpn: ['http/1.1'] } : null,
      };
      const http1 = {
        limits: this.#parserLimits,
        host: request.destination.host,
        readBuffer: this.#readBuffer,
        toDuplex,
      };
      made = { target, http1 };
      // Kept for origins that are in use; a pool that meets very many does not remember them all.
      if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
      this.#targets.set(origin, made);
    }
    return made;
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
    const waiters = [...this.#core.waiters()];
    for (const waiter of waiters) {
      this.#core.removed(waiter);
      waiter.exchange.fail(this.#cutOffError(waiter.exchange.request));
    }
    for (const slot of [...this.#core.slots]) {
      const request = slot.connection?.current?.request;
      slot.connection?.destroy(
        request === undefined ? new Error('the pool was closed') : this.#cutOffError(request),
      );
    }
    this.#perform();
  }

  #cutOffError(request: Request): ClosedError {
    return new ClosedError(`${request.toString()}: the pool was closed`);
  }
}

const MAX_TARGETS = 10_000;

/** Why an attempt to connect was cancelled. */
class ConnectTimeout extends Error {
  readonly timeout: number;

  constructor(timeout: number) {
    super('connect timeout');
    this.timeout = timeout;
  }
}

function isHTTP(origin: string): boolean {
  return origin.startsWith('http://') || origin.startsWith('https://');
}
