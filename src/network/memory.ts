import { MemoryScript, type MemoryStep } from './memory-script.ts';
import { memoryPair, type MemoryStream, systemError } from './memory-stream.ts';
import {
  NetworkFailure,
  type NetworkBackend,
  type NetworkStream,
  type NetworkTarget,
  type Opening,
} from './stream.ts';

/** A server in the same process: called with its end of each connection, to which it attaches itself at once. */
export type MemoryServer = (stream: MemoryStream, target: NetworkTarget) => void;

/** What becomes of a connection. Without `steps` and `serve` it is opened, and nothing happens on it. */
export interface MemoryPlan {
  /** Opens when this resolves; rejecting, it refuses. */
  readonly after?: PromiseLike<unknown>;
  /** Not opened: an error, or the code of one (`ECONNREFUSED`). */
  readonly refuse?: Error | string;
  /** What the server chooses where the target asks for TLS. Default: the client's first. */
  readonly alpnProtocol?: string | null;
  /** Played by the server's end. */
  readonly steps?: readonly MemoryStep[];
  readonly serve?: MemoryServer;
}

/**
 * A network without one, for tests: connections that follow a script, or lead to a server in the same process. Nothing waits
 * for time.
 *
 *     const network = new MemoryBackend([
 *       { expect: 'GET /a HTTP/1.1\r\n' },
 *       { reply: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', split: 1 },
 *       'end',
 *     ], { refuse: 'ECONNREFUSED' });
 *
 * The first connection takes the first plan, and so on; the last plan serves all further ones. A list is a script, a function
 * a server.
 */
export class MemoryBackend implements NetworkBackend {
  /** All that were asked for, in this order. */
  readonly connections: MemoryConnection[] = [];
  readonly #plans: readonly MemoryPlan[];

  constructor(...plans: readonly (MemoryPlan | MemoryServer | readonly MemoryStep[])[]) {
    if (plans.length === 0) throw new TypeError('MemoryBackend: expected at least one plan');
    this.#plans = plans.map(toPlan);
  }

  open(target: NetworkTarget): Opening {
    const plan = this.#plans[Math.min(this.connections.length, this.#plans.length - 1)];
    const connection = new MemoryConnection(target, plan as MemoryPlan);
    this.connections.push(connection);
    return connection;
  }

  /** Resolves when every script that was begun has been played to its end; rejects where one was not followed. */
  async played(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.played));
  }
}

/** One connection of a `MemoryBackend`, seen from the test. */
export class MemoryConnection implements Opening {
  readonly target: NetworkTarget;
  readonly stream: Promise<NetworkStream>;
  /**
   * Resolves when the script is at its end. Rejects where the client wrote something else, or closed too early; the client sees
   * the connection reset. Without a script it is resolved.
   */
  readonly played: Promise<void>;
  /** `cancelled` by whoever opened it. */
  state: 'opening' | 'open' | 'refused' | 'cancelled' = 'opening';
  readonly #plan: MemoryPlan;
  readonly #written: Uint8Array[] = [];
  #resolve!: (stream: NetworkStream) => void;
  #reject!: (reason: unknown) => void;
  #played!: (outcome: Promise<void> | undefined) => void;

  constructor(target: NetworkTarget, plan: MemoryPlan) {
    this.target = target;
    this.#plan = plan;
    this.stream = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.played = new Promise((resolve) => (this.#played = resolve));
    // Looked at by those who care.
    this.stream.catch(() => {});
    this.played.catch(() => {});
    if (plan.after === undefined) this.#decide();
    else
      plan.after.then(
        () => this.#decide(),
        (error: unknown) => this.#refuse(error),
      );
  }

  /** What the client has written. */
  get written(): Uint8Array {
    return Buffer.concat(this.#written);
  }

  /** The same as text, one character a byte. */
  get text(): string {
    return Buffer.concat(this.#written).toString('latin1');
  }

  cancel(reason: Error): void {
    this.#close('cancelled', reason);
  }

  #decide(): void {
    const { refuse } = this.#plan;
    if (refuse !== undefined) this.#refuse(refuse);
    else if (this.state === 'opening') this.#open();
  }

  #open(): void {
    const { steps, serve } = this.#plan;
    const { host, port, tls } = this.target;
    const { alpnProtocol = tls?.alpn[0] ?? null } = this.#plan;
    const [near, far] = memoryPair({
      remoteAddress: `${host}:${port}`,
      tls: tls && {
        alpnProtocol,
        version: 'TLSv1.3',
        cipher: 'TLS_AES_128_GCM_SHA256',
        resumed: false,
      },
      onWrite: (chunk) => this.#written.push(chunk),
    });
    this.state = 'open';
    if (steps !== undefined) this.#played(new MemoryScript(steps, far).play());
    else {
      this.#played(undefined);
      serve?.(far, this.target);
    }
    this.#resolve(near);
  }

  #refuse(why: unknown): void {
    const error = why instanceof Error ? why : systemError('connect', String(why));
    const address = `${this.target.host}:${this.target.port}`;
    const message = `cannot connect to ${address}: ${error.message}`;
    this.#close('refused', new NetworkFailure(message, [{ address, error }], error));
  }

  #close(state: 'refused' | 'cancelled', reason: Error): void {
    if (this.state !== 'opening') return;
    this.state = state;
    this.#played(undefined);
    this.#reject(reason);
  }
}

function toPlan(plan: MemoryPlan | MemoryServer | readonly MemoryStep[]): MemoryPlan {
  if (typeof plan === 'function') return { serve: plan };
  return Array.isArray(plan) ? { steps: plan as readonly MemoryStep[] } : (plan as MemoryPlan);
}
