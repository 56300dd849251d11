import type { SocksClient } from 'socks';
import type { NetworkStream } from '../network/stream.ts';
import { ProxyFailure } from './failure.ts';
import { credentialsOf, type Proxy } from './proxy.ts';
import { SocksPort } from './socks-port.ts';
import type { Cancellable } from './staged-opening.ts';

/** Where to: a name that the proxy is to resolve, or an address. */
export interface SocksDestination {
  readonly host: string;
  readonly port: number;
}

/** The proxy is willing, but the destination is not to be had through it: another address of the same name may be. */
export class SocksRejection extends ProxyFailure {}

/** Milliseconds: the package has a timer of its own, and cannot do without. The connect timeout comes first where it is shorter. */
const LONGEST = 30_000;
const REJECTED = /rejected connection/i;

/** One handshake on an open connection to a SOCKS proxy. */
export class SocksHandshake implements Cancellable {
  /** Resolves to the bytes that came behind the handshake. */
  readonly done: Promise<Uint8Array>;
  readonly #stream: NetworkStream;
  readonly #port: SocksPort;
  #resolve!: (early: Uint8Array) => void;
  #reject!: (reason: Error) => void;
  #over = false;

  /** To be made in the turn in which the stream was opened. */
  constructor(
    Client: typeof SocksClient,
    stream: NetworkStream,
    proxy: Proxy,
    destination: SocksDestination,
  ) {
    this.#stream = stream;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {});
    const what = `the proxy ${proxy.toString()} opened no way to ${destination.host}:${destination.port}`;
    const failed = (why: string): void =>
      this.#fail(new (REJECTED.test(why) ? SocksRejection : ProxyFailure)(`${what}: ${why}`));
    this.#port = new SocksPort(stream, failed);
    const [userId, password] = (credentialsOf(proxy) as readonly [string, string] | null) ?? [];
    const client = new Client({
      command: 'connect',
      destination: { ...destination },
      proxy: {
        host: proxy.host,
        port: proxy.port,
        type: proxy.protocol.startsWith('socks5') ? 5 : 4,
        ...(userId === undefined ? undefined : { userId }),
        ...(password === undefined ? undefined : { password }),
      },
      existing_socket: this.#port,
      timeout: LONGEST,
    });
    // The package's errors hold the password.
    client.on('error', ({ message }) => failed(message));
    client.on('established', () => {
      this.#port.collect();
      // What it has read too much it emits in an immediate of its own, which comes before this one.
      setImmediate(() => this.#succeed());
    });
    client.connect(this.#port);
  }

  cancel(reason: Error): void {
    this.#fail(reason);
  }

  #succeed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolve(this.#port.release());
  }

  #fail(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.destroy();
    this.#port.release();
    this.#reject(reason);
  }
}
