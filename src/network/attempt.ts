import type { OnReadOpts, Socket } from 'node:net';
import type { Address } from './addresses.ts';
import { SocketStream } from './socket-stream.ts';
import type { TLSInfo } from './stream.ts';

/** How a socket to one address is made, and what it has to pass before it is a stream. */
export interface Connector {
  /**
   * Begins to connect; `onread` goes into the options of `net.connect` or `tls.connect`. May throw: that attempt has failed
   * then.
   */
  connect(address: Address, onread: OnReadOpts): Socket;
  /** What follows on the level of TLS. Null: nothing. */
  readonly handshake: Handshake | null;
}

export interface Handshake {
  /** It is done: throws where the peer is not to be trusted. */
  accept(socket: Socket): TLSInfo;
  /** It failed. */
  refused(): void;
}

/** Who is told how an attempt goes on. */
export interface AttemptObserver {
  onConnected(attempt: Attempt): void;
  onSecured(attempt: Attempt): void;
  /** Comes at most once, and last. */
  onFailed(attempt: Attempt, error: Error): void;
}

/** One attempt to connect to one address. */
export class Attempt {
  readonly address: Address;
  /** Made together with the stream. */
  socket!: Socket;
  readonly stream: SocketStream;
  readonly #observer: AttemptObserver;

  /** Throws where no socket could be made. */
  constructor(address: Address, connector: Connector, observer: AttemptObserver) {
    this.address = address;
    this.#observer = observer;
    this.stream = new SocketStream((onread) => (this.socket = connector.connect(address, onread)));
    this.socket
      .once('connect', this.#onConnect)
      .on('error', this.#onError)
      .on('close', this.#onClose);
    if (connector.handshake !== null) this.socket.once('secureConnect', this.#onSecureConnect);
  }

  /** Has nothing more to tell: the socket is for the stream alone. */
  release(): void {
    this.socket
      .off('connect', this.#onConnect)
      .off('secureConnect', this.#onSecureConnect)
      .off('error', this.#onError)
      .off('close', this.#onClose);
  }

  /** Ends the attempt, silently. */
  abandon(): void {
    this.release();
    this.stream.destroy();
  }

  readonly #onConnect = (): void => this.#observer.onConnected(this);

  readonly #onSecureConnect = (): void => this.#observer.onSecured(this);

  readonly #onError = (error: Error): void => {
    this.abandon();
    this.#observer.onFailed(this, error);
  };

  readonly #onClose = (): void => this.#onError(new Error('the connection was closed'));
}
