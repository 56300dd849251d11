import type { Exchange } from '../exchange.ts';
import type { BodySink } from '../messages/body-source.ts';
import type { Headers } from '../messages/headers.ts';
import { keepFreedMemory } from './kept-memory.ts';

/** What a body asks of the connection that it comes through. */
export interface BodyFlow {
  /** The reader has caught up: read on. */
  resume(): void;
  /** The reader has given up. Resolves when the connection is free or gone. */
  abandon(): Promise<void>;
  /** The reader has gone without a word. */
  onDropped(exchange: Exchange): void;
}

/** Bodies up to this are read into one buffer of their own. A server that lies about a length gets no more memory than that. */
const MAX_DIRECT = 1024 * 1024;
/** A body that may not be ours to the end has this much waiting for its reader before the socket is stopped. */
const HIGH_WATER = 512 * 1024;
/** Read buffers of streamed bodies grow with what comes, so that a trickle does not hold a quarter of a megabyte. */
const SMALL_BUFFER = 16 * 1024;
const LARGE_BUFFER = 256 * 1024;
/** What is left of a buffer below this is not worth a read. */
const WORTH_A_READ = 4 * 1024;

/**
 * The body of a response on its way from the connection to its reader. It says where the socket is to read into, so that bytes go
 * from the kernel to where the reader finds them: into one buffer where the length is known and moderate, else into buffers that
 * are handed over, one view a read; or, where the pieces are but lent, into the same one each time.
 */
export class IncomingBody {
  readonly flow: BodyFlow;
  bytesReceived = 0;
  trailers: Headers | null = null;
  /** 'open' while bytes may come; then 'ended' or 'failed', for good. */
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;

  /** Of known, moderate length: the buffer for it all, and how much of it the reader has seen. */
  readonly #whole: Buffer | null;
  #seen = 0;
  /** Otherwise: pieces that wait, from `#next` on, and the buffer that is read into, from `#free` on. */
  #pieces: Buffer[] = [];
  #next = 0;
  #waiting = 0;
  #buffer: Buffer | null = null;
  #free = 0;
  #size = SMALL_BUFFER;

  /** The reader that waits, if one does: for a piece, or for the end. */
  #reader: {
    readonly wants: 'piece' | 'end';
    resolve(piece: Buffer | null): void;
    reject(error: unknown): void;
  } | null = null;
  #paused = false;
  /** What all pieces are lent to. The buffer is then read into again and again. */
  #sink: BodySink | null = null;

  constructor(flow: BodyFlow, length: number | null) {
    this.flow = flow;
    this.#whole = length !== null && length <= MAX_DIRECT ? Buffer.allocUnsafeSlow(length) : null;
    if (this.#whole !== null) keepFreedMemory();
  }

  /** Where to read next. */
  buffer(): Buffer {
    if (this.#whole !== null) return this.#whole.subarray(this.bytesReceived);
    if (this.#buffer === null || this.#buffer.length - this.#free < WORTH_A_READ) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#size);
      this.#free = 0;
    }
    return this.#free === 0 ? this.#buffer : this.#buffer.subarray(this.#free);
  }

  /** Whether `bytes` lies in memory that this body gave out to be read into. */
  #owns(bytes: Buffer): boolean {
    const own = this.#whole ?? this.#buffer;
    return own !== null && bytes.buffer === own.buffer;
  }

  /** Takes `bytes[from..to)`. False: hold the socket back. @throws what the sink throws */
  push(bytes: Buffer, from: number, to: number): boolean {
    const length = to - from;
    if (this.#whole !== null) {
      if (!this.#owns(bytes)) bytes.copy(this.#whole, this.bytesReceived, from, to);
      this.bytesReceived += length;
      if (this.#sink !== null) this.#sink(this.#nextPiece() as Buffer);
      else if (this.#reader?.wants === 'piece') this.#give(this.#nextPiece());
      return true;
    }
    this.bytesReceived += length;
    const piece = this.#owns(bytes)
      ? bytes.subarray(from, to)
      : Buffer.from(bytes.subarray(from, to));
    if (this.#sink !== null) {
      this.#sink(piece);
      return true;
    }
    if (this.#reader !== null) {
      this.#give(piece);
      return true;
    }
    this.#pieces.push(piece);
    this.#waiting += length;
    this.#paused = this.#waiting >= HIGH_WATER;
    return !this.#paused;
  }

  /** A read of `length` bytes is done with; where it was into `buffer()`, the next one goes behind it. */
  filled(bytes: Buffer, length: number): void {
    if (this.#buffer === null || bytes.buffer !== this.#buffer.buffer) return;
    this.#free += length;
    if (this.#free === this.#buffer.length) this.#size = Math.min(LARGE_BUFFER, this.#size * 4);
    if (this.#sink === null) return;
    this.#free = 0;
    if (this.#buffer.length < this.#size) this.#buffer = null;
  }

  end(trailers: Headers | null): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.trailers = trailers;
    this.#buffer = null;
    this.#sink = null;
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(null);
  }

  /** It ends early. What has come is still handed out first. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.#buffer = null;
    this.#sink = null;
    const reader = this.#reader;
    this.#reader = null;
    reader?.reject(error);
  }

  /** It ends early, by the caller's own wish: what has come is not wanted either. */
  abort(reason: unknown): void {
    this.#pieces = [];
    this.#next = 0;
    this.#seen = this.bytesReceived;
    this.fail(reason);
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The next piece; null at the end. */
  pull(): Promise<Buffer | null> {
    const piece = this.#nextPiece();
    if (piece !== null) return Promise.resolve(piece);
    if (this.#state === 'failed') return Promise.reject(this.#error);
    if (this.#state === 'ended') return Promise.resolve(null);
    return this.#wait('piece');
  }

  /** Whether `rest` can be asked for: the body has one buffer. */
  get isWhole(): boolean {
    return this.#whole !== null;
  }

  /** All that has not been handed out, once it is there. */
  async rest(): Promise<Buffer> {
    if (this.#state === 'open') await this.#wait('end');
    if (this.#state === 'failed') throw this.#error;
    const whole = this.#whole as Buffer;
    const rest = this.#seen === 0 ? whole : whole.subarray(this.#seen);
    this.#seen = whole.length;
    return rest;
  }

  /** Lends what is there and what comes to `sink`. Resolves at the end. */
  async consume(sink: BodySink): Promise<void> {
    for (let piece = this.#nextPiece(); piece !== null; piece = this.#nextPiece()) sink(piece);
    if (this.#state === 'open') {
      this.#sink = sink;
      await this.#wait('end');
    }
    if (this.#state === 'failed') throw this.#error;
  }

  #wait(wants: 'piece' | 'end'): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      this.#reader = { wants, resolve, reject };
    });
  }

  #give(piece: Buffer | null): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(piece);
  }

  #nextPiece(): Buffer | null {
    if (this.#whole !== null) {
      if (this.#seen === this.bytesReceived) return null;
      const piece = this.#whole.subarray(this.#seen, this.bytesReceived);
      this.#seen = this.bytesReceived;
      return piece;
    }
    if (this.#next === this.#pieces.length) return null;
    const piece = this.#pieces[this.#next++] as Buffer;
    if (this.#next === this.#pieces.length) {
      this.#pieces = [];
      this.#next = 0;
    }
    this.#waiting -= piece.length;
    if (this.#paused && this.#waiting < HIGH_WATER / 2) {
      this.#paused = false;
      // Once it has ended, the connection may be on to another exchange.
      if (this.open) this.flow.resume();
    }
    return piece;
  }
}
