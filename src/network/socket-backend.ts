import {
  connect,
  type IpcNetConnectOpts,
  type OnReadOpts,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Address } from './addresses.ts';
import type { Connector } from './attempt.ts';
import { checkOptions, isBoolean, isFunction, isMilliseconds, isText } from './check-options.ts';
import { Dial } from './dial.ts';
import { type Hosts, type Lookup, Resolver } from './resolver.ts';
import { WRITE_AHEAD } from './socket-stream.ts';
import type { NetworkBackend, NetworkTarget, Opening } from './stream.ts';
import type { TLSContext } from './tls.ts';
import { checkTLSOptions, type TLSOptions } from './tls-options.ts';

export interface SocketBackendOptions {
  /** How TLS is spoken with targets that ask for it. */
  readonly tls?: TLSOptions;
  /** Asked for the addresses of names that `hosts` does not have. Default: `dns.lookup`, that is, the operating system. */
  readonly lookup?: Lookup;
  /**
   * Addresses for names, as in /etc/hosts: one or several, tried in this order with families taking turns. The name stays what
   * SNI and the certificate are about. Names are compared without regard to case.
   */
  readonly hosts?: Hosts;
  /** The address of this machine to connect from; only addresses of its family are reached then. Default: the system's choice. */
  readonly localAddress?: string;
  /** The path of a Unix socket or a Windows named pipe, where all connections go whatever their host and port. */
  readonly socketPath?: string;
  /** Sends small writes at once, instead of waiting for the peer's acknowledgement (Nagle's algorithm). Default: true. */
  readonly noDelay?: boolean;
  /**
   * After so many milliseconds without traffic TCP begins to probe whether the peer is still there; rounded down to seconds.
   * False: it does not. Default: 60,000.
   */
  readonly keepAlive?: number | false;
  /** Milliseconds before the next address is tried beside one that has not answered. Default: 250, as RFC 8305 §8 recommends. */
  readonly attemptDelay?: number;
  /** Whether SSL_CERT_FILE and SSL_CERT_DIR are heeded. Default: true. */
  readonly trustEnv?: boolean;
}

/**
 * Opens TCP connections and Unix sockets, with TLS where the target asks for it.
 *
 * What TLS needs is loaded, and its files are read, at the first TLS target. Throws a `TypeError` for an option that is unknown
 * or ill-typed. There are no timeouts here: `Opening.cancel` is for whoever has one.
 */
export class SocketBackend implements NetworkBackend {
  readonly #options: SocketBackendOptions;
  readonly #resolver: Resolver;
  /** A promise while its module loads. */
  #tls: TLSContext | Promise<TLSContext> | undefined;

  constructor(options: SocketBackendOptions = {}) {
    checkOptions('', options, {
      tls: {
        expected: 'an object',
        allows: (value) => typeof value === 'object' && value !== null,
      },
      lookup: isFunction,
      hosts: {
        expected: 'an object',
        allows: (value) => typeof value === 'object' && value !== null,
      },
      localAddress: isText,
      socketPath: isText,
      noDelay: isBoolean,
      keepAlive: {
        expected: `${isMilliseconds.expected}, or false`,
        allows: (value) => value === false || isMilliseconds.allows(value),
      },
      attemptDelay: isMilliseconds,
      trustEnv: isBoolean,
    });
    if (options.tls !== undefined) checkTLSOptions(options.tls);
    this.#options = { ...options };
    this.#resolver = new Resolver(options);
  }

  open(target: NetworkTarget): Opening {
    return new Dial(target, {
      resolver: this.#resolver,
      attemptDelay: this.#options.attemptDelay ?? 250,
      connector: () => this.#connectorFor(target),
    });
  }

  /**
   * What `tls` comes to, for whoever runs TLS over a stream that is open already (`startTLS`). At first a promise: the modules
   * are still to be loaded. It rejects with a `TypeError` where the options cannot be used.
   */
  tlsContext(): TLSContext | Promise<TLSContext> {
    return (this.#tls ??= this.#loadTLS());
  }

  close(): void {
    if (this.#tls instanceof Promise)
      this.#tls.then(
        (context) => context.forgetSessions(),
        () => {},
      );
    else this.#tls?.forgetSessions();
  }

  async #loadTLS(): Promise<TLSContext> {
    try {
      const { TLSContext } = await import('./tls.ts');
      const context = new TLSContext(this.#options.tls ?? {}, this.#options.trustEnv ?? true);
      this.#tls = context;
      return context;
    } catch (error) {
      // The file that is missing may be there the next time.
      this.#tls = undefined;
      throw error;
    }
  }

  #connectorFor(target: NetworkTarget): Connector | Promise<Connector> {
    if (target.tls === null) {
      return {
        connect: (address, onread) => this.#connectPlain(target, address, onread),
        handshake: null,
      };
    }
    const context = this.tlsContext();
    return context instanceof Promise
      ? context.then((loaded) => this.#secureConnector(target, loaded))
      : this.#secureConnector(target, context);
  }

  #secureConnector(target: NetworkTarget, context: TLSContext): Connector {
    return {
      connect: (address, onread) => this.#connectSecure(context, target, address, onread),
      handshake: {
        accept: (socket) => context.accept(target, socket as TLSSocket),
        refused: () => context.refused(target),
      },
    };
  }

  #connectPlain(target: NetworkTarget, address: Address, onread: OnReadOpts): Socket {
    const { noDelay = true, keepAlive = 60_000 } = this.#options;
    const options = {
      ...this.#whereTo(target, address),
      onread,
      noDelay,
      keepAlive: keepAlive !== false,
      keepAliveInitialDelay: keepAlive || 0,
      // Whoever receives decides when both directions are over.
      allowHalfOpen: true,
      writableHighWaterMark: WRITE_AHEAD,
    };
    return connect(options);
  }

  /** `tls.connect` hands on less to the socket that it makes: the rest is set on it. */
  #connectSecure(
    context: TLSContext,
    target: NetworkTarget,
    address: Address,
    onread: OnReadOpts,
  ): TLSSocket {
    const { noDelay = true, keepAlive = 60_000 } = this.#options;
    const socket = context.begin(target, {
      ...this.#whereTo(target, address),
      onread,
      allowHalfOpen: true,
      highWaterMark: WRITE_AHEAD,
    });
    if (noDelay) socket.setNoDelay(true);
    if (keepAlive !== false) socket.setKeepAlive(true, keepAlive);
    return socket;
  }

  #whereTo(
    { port }: NetworkTarget,
    { address, family }: Address,
  ): TcpNetConnectOpts | IpcNetConnectOpts {
    if (family === 0) return { path: address };
    // Node would throw too, but leave a handle behind.
    if (!(port >= 0 && port <= 65_535))
      throw new RangeError(`port: expected 0 to 65535, got ${port}`);
    const { localAddress } = this.#options;
    // An address takes no lookup, and Node's own way of trying several has nothing to do.
    return localAddress === undefined
      ? { host: address, port }
      : { host: address, port, localAddress };
  }
}
