import { type Address, interleave, withPort } from './addresses.ts';
import { Attempt, type AttemptObserver, type Connector } from './attempt.ts';
import { explainConnectFailure, explainTLSFailure, isBrokenConnection } from './failure-text.ts';
import type { Resolver } from './resolver.ts';
import {
  type FailedAttempt,
  NetworkFailure,
  type NetworkStream,
  type NetworkTarget,
  type Opening,
} from './stream.ts';

export interface DialOptions {
  readonly resolver: Resolver;
  /** A rejection, or an exception, fails the dial as it is: it is not about the network. */
  readonly connector: () => Connector | Promise<Connector>;
  /** Milliseconds that one attempt is ahead of the next. */
  readonly attemptDelay: number;
}

/**
 * `preparing`: addresses and connector are not both there · `racing`: attempts run, none has connected · `securing`: one has,
 * the others are gone, its TLS handshake runs · `over`: opened, failed or cancelled.
 */
type Stage = 'preparing' | 'racing' | 'securing' | 'over';

/**
 * Opens a stream to a host with several addresses, by Happy Eyeballs (RFC 8305 §5): attempts start `attemptDelay` apart, or at
 * once when one fails, and go on side by side, so that a slow link is never given up for being slow. The first that is connected
 * on the level of TCP wins, the others are closed; then comes its TLS handshake.
 *
 * A handshake that TLS itself refuses (a certificate, a version, an alert) ends the dial: another address of the same name is
 * meant to be the same server, and trying on would hide the reason. Where the connection breaks under the handshake, that
 * address counts as failed and the remaining ones are tried, those that had been closed in favour of it first.
 *
 * There is no bound on time here: whoever has one calls `cancel`.
 */
export class Dial implements Opening, AttemptObserver {
  readonly stream: Promise<NetworkStream>;
  readonly #target: NetworkTarget;
  readonly #attemptDelay: number;
  #resolve!: (stream: NetworkStream) => void;
  #reject!: (reason: unknown) => void;

  #stage: Stage = 'preparing';
  #connector: Connector | undefined;
  #addresses: readonly Address[] | undefined;
  /** Not tried yet, next first. */
  #queue: Address[] = [];
  readonly #running = new Set<Attempt>();
  readonly #failures: FailedAttempt[] = [];
  /** The same as text, one for each. */
  readonly #reasons: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  readonly #started = performance.now();
  #resolved: number | undefined;
  #connected: number | undefined;

  constructor(target: NetworkTarget, options: DialOptions) {
    this.#target = target;
    this.#attemptDelay = options.attemptDelay;
    this.stream = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // One that is cancelled after its owner has gone is nobody's unhandled rejection.
    this.stream.catch(() => {});
    this.#prepare(options);
  }

  get progress(): NonNullable<Opening['progress']> {
    const isSecuring = this.#connected !== undefined;
    return {
      phase: isSecuring ? 'tls' : this.#addresses === undefined ? 'dns' : 'connect',
      started: this.#started,
      resolved: this.#resolved,
      connected: this.#connected,
      secured: undefined,
    };
  }

  cancel(reason: Error): void {
    if (this.#stage !== 'over') this.#fail(reason);
  }

  #prepare({ connector, resolver }: DialOptions): void {
    try {
      const made = connector();
      if (made instanceof Promise) {
        made.then(
          (ready) => this.#prepared({ connector: ready }),
          (error: unknown) => this.#fail(error),
        );
      } else this.#connector = made;
    } catch (error) {
      return this.#fail(error);
    }
    const { host } = this.#target;
    resolver.resolve(host, (error, addresses, asked) => {
      if (this.#stage !== 'preparing') return;
      if (error !== undefined) {
        const message = `cannot resolve ${host}: ${error.message}`;
        return this.#fail(new NetworkFailure(message, [], error));
      }
      if (asked) this.#resolved = performance.now();
      this.#prepared({ addresses });
    });
  }

  #prepared({ connector = this.#connector, addresses = this.#addresses }): void {
    if (this.#stage !== 'preparing') return;
    this.#connector = connector;
    this.#addresses = addresses;
    if (connector === undefined || addresses === undefined) return;
    this.#stage = 'racing';
    this.#queue = interleave(addresses);
    this.#tryNext();
  }

  /** Starts the next attempt, and sets the clock for the one after it. Fails where nothing is left to wait for. */
  #tryNext(): void {
    clearTimeout(this.#timer);
    const address = this.#queue.shift();
    if (address === undefined) {
      if (this.#running.size === 0) this.#fail(this.#failure());
      return;
    }
    try {
      this.#running.add(new Attempt(address, this.#connector as Connector, this));
    } catch (error) {
      this.#noteFailure(address, error as Error);
      return this.#tryNext();
    }
    if (this.#queue.length > 0) {
      this.#timer = setTimeout(() => this.#tryNext(), this.#attemptDelay);
    }
  }

  onConnected(winner: Attempt): void {
    this.#connected = performance.now();
    clearTimeout(this.#timer);
    this.#running.delete(winner);
    // Should the winner break, they are next: they had not failed.
    this.#queue.unshift(...Array.from(this.#running, (loser) => loser.address));
    this.#abandonAll();
    this.#running.add(winner);
    this.#stage = 'securing';
    if (this.#connector?.handshake === null) this.#succeed(winner);
  }

  onSecured(attempt: Attempt): void {
    this.#succeed(attempt);
  }

  onFailed(attempt: Attempt, error: Error): void {
    this.#running.delete(attempt);
    this.#noteFailure(attempt.address, error);
    if (this.#stage === 'securing') {
      this.#connector?.handshake?.refused();
      if (!isBrokenConnection(error)) return this.#fail(this.#failure(error));
    }
    this.#stage = 'racing';
    this.#tryNext();
  }

  #succeed(attempt: Attempt): void {
    const handshake = this.#connector?.handshake ?? null;
    let tls = null;
    try {
      tls = handshake?.accept(attempt.socket) ?? null;
    } catch (error) {
      attempt.abandon();
      return this.onFailed(attempt, error as Error);
    }
    this.#stage = 'over';
    this.#running.clear();
    attempt.release();
    const timings = {
      started: this.#started,
      resolved: this.#resolved,
      connected: this.#connected,
      secured: tls === null ? undefined : performance.now(),
    };
    const remoteAddress = withPort(attempt.address, this.#target.port);
    const stream = attempt.stream.describe(timings, tls, remoteAddress);
    stream.unref();
    this.#resolve(stream);
  }

  #fail(reason: unknown): void {
    this.#stage = 'over';
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#abandonAll();
    this.#reject(reason);
  }

  #abandonAll(): void {
    for (const attempt of this.#running) attempt.abandon();
    this.#running.clear();
  }

  #noteFailure(address: Address, error: Error): void {
    const explain = this.#stage === 'securing' ? explainTLSFailure : explainConnectFailure;
    const tried = withPort(address, this.#target.port);
    this.#failures.push({ address: tried, error });
    this.#reasons.push(`${tried}: ${explain(error)}`);
  }

  /** `decisive`: the failure that ended it, where it was not the first. */
  #failure(decisive?: Error): NetworkFailure {
    const { host, port } = this.#target;
    const name = host.includes(':') ? `[${host}]` : host;
    return new NetworkFailure(
      `cannot connect to ${name}:${port}: ${this.#reasons.join('; ')}`,
      this.#failures,
      decisive ?? this.#failures[0]?.error,
    );
  }
}
