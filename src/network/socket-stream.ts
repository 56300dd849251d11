import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Inbound } from './inbound.ts';
import type { NetworkStream, StreamTimings, TLSInfo } from './stream.ts';

/** What becomes known when a connection is made. */
export interface Connected {
  readonly timings: StreamTimings;
  readonly tls: TLSInfo | null;
  readonly remoteAddress: string | undefined;
}

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

const NOT_YET: Connected = {
  timings: { started: 0, resolved: undefined, connected: undefined, secured: undefined },
  tls: null,
  remoteAddress: undefined,
};

/**
 * A `NetworkStream` over a socket.
 *
 * Given a function, it makes a socket that reads straight into the receiver's memory (Node's `onread`); the function has to
 * pass its argument on to `net.connect` or `tls.connect`. Given a Duplex that exists already, it listens to 'data', which costs
 * an allocation and a copy a read: `tls.connect({ socket })` is the one case where Node offers nothing better.
 */
export class SocketStream extends Inbound implements NetworkStream {
  readonly #socket: Duplex & Partial<Pick<Socket, 'ref' | 'unref'>>;
  /** By `onread`, by 'data' events, or no longer by us. */
  #mode: 'onread' | 'data' | 'released';
  /** Whether the source runs: it does from the start, until it is told to stop. */
  #reading = true;
  /** The receiver's memory that the socket reads to. */
  #installed: Uint8Array | undefined;
  #connected: Connected = NOT_YET;
  #error: Error | undefined;

  constructor(source: ((onread: OnReadOpts) => Socket) | Duplex) {
    super();
    if (typeof source === 'function') {
      this.#mode = 'onread';
      this.#socket = source({
        // Undefined is allowed, though the types do not know: read into the same memory again.
        buffer: () => this.#nextMemory() as Uint8Array,
        callback: (length, buffer) => (this.#reading = this.take(buffer, length)),
      });
    } else {
      this.#mode = 'data';
      this.#socket = source;
      source.on('data', (chunk: Uint8Array) => {
        if (this.#mode === 'released') return;
        this.#reading = this.takeOwned(chunk);
        if (!this.#reading) source.pause();
      });
    }
    this.#socket
      .on('end', () => this.ended())
      .on('drain', () => this.drained())
      .on('error', (error) => {
        this.#error ??= error;
        // Node leaves a socket open after an alert of TLS.
        if (this.#mode !== 'released') this.#socket.destroy();
      })
      .on('close', () => this.closed(this.#error));
  }

  get remoteAddress(): string | undefined {
    return this.#connected.remoteAddress;
  }

  get tls(): TLSInfo | null {
    return this.#connected.tls;
  }

  get timings(): StreamTimings {
    return this.#connected.timings;
  }

  get bytesPending(): number {
    return this.#socket.writableLength;
  }

  /** For whoever opened the socket: to be called once, when it is ready for use. */
  setConnected(connected: Connected): this {
    this.#connected = connected;
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

  /** Node asks for each handle that it makes, when memory must be given, and after each read. */
  #nextMemory(): Uint8Array | undefined {
    const memory = this.memory;
    if (memory === undefined) return FIRST_MEMORY;
    if (memory === this.#installed) return undefined;
    this.#installed = memory;
    return memory;
  }
}
