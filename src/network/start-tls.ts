import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { toDuplex } from './duplex.ts';
import { explainTLSFailure } from './failure-text.ts';
import { SocketStream } from './socket-stream.ts';
import { NetworkFailure, type NetworkStream, type NetworkTarget, type Opening } from './stream.ts';
import type { TLSContext } from './tls.ts';

/**
 * Begins TLS inside an open stream, such as a proxy's tunnel. The stream must not be used any more: the one that this opens
 * takes its place, and it goes down with it, be it by `cancel`, by a failure or by `destroy`.
 *
 * `target` says with whom, and as what. `context` may still be loading. `head`: bytes that came behind the proxy's answer.
 * Rejects with a `NetworkFailure`, with the reason given to `cancel`, or with that of `context`.
 */
export function startTLS(
  outer: NetworkStream,
  target: NetworkTarget,
  context: TLSContext | Promise<TLSContext>,
  head: Uint8Array = NOTHING,
): Opening {
  return new StartTLS(outer, target, context, head);
}

const NOTHING = new Uint8Array(0);

class StartTLS implements Opening {
  readonly stream: Promise<NetworkStream>;
  readonly #outer: NetworkStream;
  readonly #target: NetworkTarget;
  /** What the handshake runs over. */
  readonly #base: Duplex;
  #context: TLSContext | undefined;
  #socket: TLSSocket | undefined;
  #resolve!: (stream: NetworkStream) => void;
  #reject!: (reason: unknown) => void;
  #over = false;

  constructor(
    outer: NetworkStream,
    target: NetworkTarget,
    context: TLSContext | Promise<TLSContext>,
    head: Uint8Array,
  ) {
    this.#outer = outer;
    this.#target = target;
    this.stream = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // One that is cancelled after its owner has gone is nobody's unhandled rejection.
    this.stream.catch(() => {});
    outer.ref();
    // The socket itself where it can be had: TLS then runs on its handle, and not through JavaScript.
    const socket =
      head.length === 0 && outer instanceof SocketStream ? outer.takeSocket() : undefined;
    this.#base = socket ?? toDuplex(outer, head);
    this.#base.on('error', this.#onError).on('close', this.#onClose);
    if (context instanceof Promise)
      context.then(this.#begin, (error: unknown) => this.#fail(error));
    else this.#begin(context);
  }

  cancel(reason: Error): void {
    this.#fail(reason);
  }

  readonly #begin = (context: TLSContext): void => {
    if (this.#over) return;
    try {
      this.#context = context;
      this.#socket = context.begin(this.#target, { socket: this.#base });
      this.#socket.on('error', this.#onError).on('close', this.#onClose);
      this.#socket.once('secureConnect', () => this.#onSecured(context));
    } catch (error) {
      this.#fail(error);
    }
  };

  #onSecured(context: TLSContext): void {
    const socket = this.#socket as TLSSocket;
    try {
      const tls = context.accept(this.#target, socket);
      const timings = { ...this.#outer.timings, secured: performance.now() };
      const stream = new SocketStream(socket);
      this.#succeed(stream.describe(timings, tls, this.#outer.remoteAddress));
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  #succeed(stream: SocketStream): void {
    this.#over = true;
    for (const each of [this.#socket, this.#base])
      each?.off('error', this.#onError).off('close', this.#onClose);
    // The outer one's errors come to the inner one as its own.
    this.#base.on('error', () => {});
    stream.unref();
    this.#resolve(stream);
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    // 'error' is still listened to: some come after the destruction.
    this.#socket?.destroy();
    this.#base.destroy();
    this.#reject(reason);
  }

  readonly #onError = (error: Error): void => {
    this.#context?.refused(this.#target);
    const { host, port } = this.#target;
    const { remoteAddress: address = `${host}:${port}` } = this.#outer;
    this.#fail(
      new NetworkFailure(
        `cannot connect to ${host}:${port}, through ${address}: ${explainTLSFailure(error)}`,
        [{ address, error }],
        error,
      ),
    );
  };

  readonly #onClose = (): void => this.#onError(new Error('the connection was closed'));
}
