import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Inbound } from './inbound.ts';
import type { NetworkStream, StreamTimings, TLSInfo } from './stream.ts';

/**
 * Bytes that a socket takes before `write` answers false. Node gathers what waits behind a write that is under way, so this
 * is also what leaves at once: several 64 KiB chunks in one `writev`.
 */
export const WRITE_AHEAD: number = 256 * 1024;

/**
 * Where sockets read to before their receiver has given them memory, shared by all: each read is handed over, or copied,
 * before the next one can happen.
 */
const FIRST_MEMORY: Uint8Array = Buffer.allocUnsafeSlow(64 * 1024);

const NOT_YET: StreamTimings = {
  started: 0,
  resolved: undefined,
  connected: undefined,
  secured: undefined,
};

/**
 * Where a socket's stream is found. Listeners that find it there are the same functions for all sockets; as closures they
 * would be a fifth of an idle connection's memory.
 */
const STREAM = Symbol('stream');

/** Bytes come by `onread`, by 'data' events, or no longer to us. */
type Mode = 'onread' | 'data' | 'released';

type Source = Duplex & Partial<Pick<Socket, 'ref' | 'unref'>> & { [STREAM]?: SocketStream };

/**
 * A `NetworkStream` over a socket.
 *
 * Given a function, it makes a socket that reads straight into the receiver's memory (Node's `onread`); the function has to
 * pass its argument on to `net.connect` or `tls.connect`. Given a Duplex that exists already, it listens to 'data', which costs
 * an allocation and a copy a read: `tls.connect({ socket })` is the one case where Node offers nothing better.
 */
export class SocketStream extends Inbound implements NetworkStream {
  static #listen: (socket: Source, mode: Mode) => void;
  readonly #socket: Source;
  #mode: Mode;
  /** Whether the source runs: it does from the start, until it is told to stop. */
  #reading = true;
  /** The receiver's memory that the socket reads to. */
  #installed: Uint8Array | undefined;
  #timings = NOT_YET;
  #tls: TLSInfo | null = null;
  #remoteAddress: string | undefined;
  #error: Error | undefined;

  constructor(source: ((onread: OnReadOpts) => Socket) | Duplex) {
    super();
    const isMade = typeof source === 'function';
    this.#mode = isMade ? 'onread' : 'data';
    this.#socket = isMade ? source(this.#onread()) : source;
    this.#socket[STREAM] = this;
    SocketStream.#listen(this.#socket, this.#mode);
  }

  get remoteAddress(): string | undefined {
    return this.#remoteAddress;
  }

  get tls(): TLSInfo | null {
    return this.#tls;
  }

  get timings(): StreamTimings {
    return this.#timings;
  }

  get bytesPending(): number {
    if (this.#tls !== null) return this.#socket.writableLength;
    // Node tells of a write when all of it is through. What libuv still has of it falls with every byte, as the progress
    // of a slow peer must: there is no documented way to it, and without it this is but coarser.
    const { _handle: handle } = this.#socket as { _handle?: { writeQueueSize?: number } | null };
    return this.#socket.writableLength + (handle?.writeQueueSize ?? 0);
  }

  /** For whoever opened the socket: to be called once, when it is ready for use. */
  describe(timings: StreamTimings, tls: TLSInfo | null, remoteAddress: string | undefined): this {
    this.#timings = timings;
    this.#tls = tls;
    this.#remoteAddress = remoteAddress;
    return this;
  }

  write(data: string | Uint8Array): boolean {
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.drop();
    if (this.#mode !== 'released') this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref?.();
  }

  unref(): void {
    this.#socket.unref?.();
  }

  /**
   * Gives the socket away, to what takes over its handle in native code: `tls.connect({ socket })`, `http2.connect`. From then
   * on this stream is silent and must not be used. Undefined, and nothing happens, where bytes have come that were not handed
   * out: the new owner would miss them.
   *
   * For HTTP/2 to be called in the turn in which the stream was opened: its server may speak first.
   */
  takeSocket(): Duplex | undefined {
    if (!this.isDelivered || this.#socket.destroyed) return undefined;
    this.#mode = 'released';
    this.silence();
    return this.#socket;
  }

  protected override startReading(): void {
    if (this.#reading || this.#mode === 'released') return;
    this.#reading = true;
    this.#socket.resume();
  }

  protected override fail(error: Error): void {
    if (this.#mode !== 'released') this.#socket.destroy(error);
  }

  /** A method of its own, so that its two functions hold on to nothing but `this`. */
  #onread(): OnReadOpts {
    return {
      // Undefined is allowed, though the types do not know: read into the same memory again.
      buffer: () => this.#nextMemory() as Uint8Array,
      callback: (length, buffer) => (this.#reading = this.take(buffer, length)),
    };
  }

  /** Node asks for each handle that it makes, when memory must be given, and after each read. */
  #nextMemory(): Uint8Array | undefined {
    const memory = this.memory;
    if (memory === undefined) return FIRST_MEMORY;
    if (memory === this.#installed) return undefined;
    this.#installed = memory;
    return memory;
  }

  static {
    const onData = function (this: Source, chunk: Uint8Array): void {
      const stream = this[STREAM];
      if (stream === undefined || stream.#mode === 'released') return;
      stream.#reading = stream.takeOwned(chunk);
      if (!stream.#reading) this.pause();
    };
    const onEnd = function (this: Source): void {
      this[STREAM]?.ended();
    };
    const onDrain = function (this: Source): void {
      this[STREAM]?.drained();
    };
    const onError = function (this: Source, error: Error): void {
      const stream = this[STREAM];
      if (stream === undefined || stream.#mode === 'released') return;
      stream.#error ??= error;
      // Node leaves a socket open after an alert of TLS.
      this.destroy();
    };
    const onClose = function (this: Source): void {
      const stream = this[STREAM];
      stream?.closed(stream.#error);
    };
    SocketStream.#listen = (socket, mode) => {
      if (mode === 'data') socket.on('data', onData);
      socket.on('end', onEnd).on('drain', onDrain).on('error', onError).on('close', onClose);
    };
  }
}
