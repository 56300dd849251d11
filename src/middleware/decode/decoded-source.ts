import { ClosedError, DecodingError } from '../../errors.ts';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import type { Coding } from './codings.ts';
import { createDecompressor, decodeAtOnce, loadZlib, type Zlib } from './zlib.ts';
import { ZlibStream, type Step } from './zlib-stream.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** How much may come out of a body. null: no bound. */
export interface Bounds {
  readonly maxSize: number | null;
  readonly maxRatio: number | null;
}

/** A body of up to this is decoded at once where it is whole, if no more than that comes out of it: a fraction of a millisecond. */
const AT_ONCE = 32 * 1024;
const AT_ONCE_DECODED = 256 * 1024;
/** So much may come out of any body: a few bytes may well stand for many, and that many do no harm. */
const RATIO_FLOOR = 10 * 1024 * 1024;

const EMPTY = new Uint8Array(0);

/** A body in memory, as it came. */
export class WholeBody implements BodySource {
  readonly trailers = null;
  readonly bytesReceived: number;
  #bytes: Uint8Array | null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.bytesReceived = bytes.byteLength;
  }

  async pull(): Promise<Uint8Array | null> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return bytes;
  }

  async cancel(): Promise<void> {
    this.#bytes = null;
  }
}

/**
 * A body without one of its codings. It decodes as it is pulled: what has not been asked for stays compressed, and the source within
 * is asked for more when all of it has been decoded.
 *
 * What the source within fails with passes through. What the coding fails with is a `DecodingError`.
 */
export class DecodedSource implements BodySource {
  readonly inner: BodySource;
  readonly #coding: Coding;
  readonly #request: Request;
  readonly #bounds: Bounds;
  /** Nothing is to be waited for: all of the body is in memory. */
  readonly #inMemory: boolean;
  #state: 'new' | 'open' | 'ended' | 'closed' = 'new';
  #stream: ZlibStream | null = null;
  readonly #frames: ZstdFrames | null;
  /** What is to be fed to the stream, the next one last. */
  #parts: Uint8Array[] = [];
  #innerEnded = false;
  /** The reader has no use for a part. Then bytes are gathered first: a turn of the thread pool for each small piece costs more. */
  #waits = false;
  #decoded = 0;

  constructor(
    inner: BodySource,
    coding: Coding,
    request: Request,
    bounds: Bounds,
    inMemory: boolean,
  ) {
    this.inner = inner;
    this.#coding = coding;
    this.#request = request;
    this.#bounds = bounds;
    this.#inMemory = inMemory;
    this.#frames = coding === 'zstd' ? new ZstdFrames() : null;
  }

  get bytesReceived(): number {
    return this.inner.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.inner.trailers;
  }

  async pull(): Promise<Uint8Array | null> {
    try {
      const whole = await this.#begin(this.#inMemory);
      if (whole !== null && whole.byteLength > 0) return whole;
      return await this.#next();
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async rest(): Promise<Uint8Array> {
    try {
      const whole = await this.#begin(true);
      if (whole !== null) return whole;
      const pieces: Uint8Array[] = [];
      for (let piece = await this.#next(); piece !== null; piece = await this.#next())
        pieces.push(piece);
      return joined(pieces);
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async cancel(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#parts = [];
    this.#stream?.destroy(this.#closed());
    await this.inner.cancel();
  }

  /** The first look at the body: all of it decoded, where it is small and, with `waits`, has come to its end. */
  async #begin(waits: boolean): Promise<Uint8Array | null> {
    if (this.#state !== 'new') return null;
    this.#waits = waits;
    const bytes = await this.#gather(AT_ONCE + 1);
    if (bytes.byteLength === 0) {
      // Not even a header. Content-Encoding says then what there would be (as where the answer is to HEAD).
      this.#state = 'ended';
      return EMPTY;
    }
    const zlib = await loadZlib();
    if (this.#isClosed()) throw this.#closed();
    if (this.#innerEnded && bytes.byteLength <= AT_ONCE) {
      const whole = this.#atOnce(zlib, bytes);
      if (whole !== null) return whole;
    }
    this.#state = 'open';
    this.#stream = new ZlibStream(createDecompressor(zlib, this.#coding, bytes));
    this.#setParts(bytes);
    return null;
  }

  #atOnce(zlib: Zlib, bytes: Uint8Array): Uint8Array | null {
    let result: ReturnType<typeof decodeAtOnce>;
    try {
      result = decodeAtOnce(
        zlib,
        this.#coding,
        bytes,
        Math.min(this.#bounds.maxSize ?? Infinity, AT_ONCE_DECODED),
      );
    } catch (cause) {
      throw this.#failure(cause);
    }
    if (result === null) return null;
    this.#expectPadding(result.surplus);
    this.#state = 'ended';
    return result.decoded;
  }

  /** The next decoded piece; null at the end. */
  async #next(): Promise<Uint8Array | null> {
    while (this.#state === 'open') {
      // The signal is looked at here too: one piece from within can stand for a long time of decoding.
      this.#request.signal?.throwIfAborted();
      const stream = this.#stream as ZlibStream;
      const step = await this.#step(stream);
      if (step === 'ended') await this.#passOver(stream.surplus);
      else if (step === 'hungry') await this.#feed(stream);
      else return this.#counted(step);
    }
    if (this.#state === 'closed') throw this.#closed();
    return null;
  }

  async #step(stream: ZlibStream): Promise<Step> {
    try {
      return await stream.next();
    } catch (cause) {
      throw this.#isClosed() ? this.#closed() : this.#failure(cause);
    }
  }

  async #feed(stream: ZlibStream): Promise<void> {
    while (this.#parts.length === 0 && !this.#innerEnded) {
      const bytes = await this.#gather(AT_ONCE);
      if (bytes.byteLength > 0) this.#setParts(bytes);
    }
    const part = this.#parts.pop();
    if (part !== undefined) stream.feed(part);
    else if (this.#frames?.complete === false) throw this.#cutShort();
    else stream.finish();
  }

  /** Behind the end of the coding: there may be padding, and nothing else. The body within is to come to its end too. */
  async #passOver(surplus: Uint8Array): Promise<void> {
    this.#expectPadding(surplus);
    for (const part of this.#parts.splice(0)) this.#expectPadding(part);
    while (!this.#innerEnded) this.#expectPadding((await this.#pullInner()) ?? EMPTY);
    this.#state = 'ended';
  }

  async #pullInner(): Promise<Uint8Array | null> {
    if (this.#innerEnded) return null;
    const piece = await this.inner.pull();
    if (this.#isClosed()) throw this.#closed();
    this.#innerEnded = piece === null;
    return piece;
  }

  /** What comes next: so much of it at least where the reader waits for all, else what there is; nothing at the end. */
  async #gather(least: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    while (size === 0 || (this.#waits && size < least)) {
      const piece = await this.#pullInner();
      if (piece === null) break;
      if (piece.byteLength > 0) pieces.push(piece);
      size += piece.byteLength;
    }
    return joined(pieces);
  }

  #setParts(bytes: Uint8Array): void {
    this.#parts = this.#frames === null ? [bytes] : this.#frames.split(bytes).reverse();
  }

  #counted(piece: Uint8Array): Uint8Array {
    this.#decoded += piece.byteLength;
    const { maxSize, maxRatio } = this.#bounds;
    if (maxSize !== null && this.#decoded > maxSize) {
      throw this.#error(`the body decodes to more than ${maxSize} bytes (maxSize)`);
    }
    if (
      maxRatio !== null &&
      this.#decoded > RATIO_FLOOR &&
      this.#decoded > this.bytesReceived * maxRatio
    ) {
      throw this.#error(
        `the body decodes to more than ${maxRatio} times its ${this.bytesReceived} bytes (maxRatio)`,
      );
    }
    return piece;
  }

  #expectPadding(bytes: Uint8Array): void {
    if (!bytes.every((byte) => byte === 0)) {
      throw this.#error(`there are bytes behind the end of the body's ${this.#coding} coding`);
    }
  }

  #failure(cause: unknown): DecodingError {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return this.#cutShort(cause);
    return this.#error(
      `the body is not the ${this.#coding} that its Content-Encoding says: ${message}`,
      cause,
    );
  }

  #cutShort(cause?: unknown): DecodingError {
    return this.#error(`the body was cut short inside of its ${this.#coding} coding`, cause);
  }

  #error(message: string, cause?: unknown): DecodingError {
    return new DecodingError(message, { request: this.#request, cause });
  }

  // A method, so that the compiler does not take the state for what it was before an await.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #closed(): ClosedError {
    return new ClosedError('the response was closed while its body was being read');
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
