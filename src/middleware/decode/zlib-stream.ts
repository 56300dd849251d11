import type { Transform } from 'node:stream';

/** A decompressing stream of `node:zlib`. */
export type Decompressor = Transform & { readonly bytesWritten: number };

/** What a step has come to: a decoded piece; it needs bytes; its coding has ended. */
export type Step = Uint8Array | 'hungry' | 'ended';

const EMPTY = new Uint8Array(0);

/**
 * One of Node's decompressing streams, driven by hand. It works ahead by no more than one piece: where the reader stops it stops,
 * however much there is in what it has been fed.
 */
export class ZlibStream {
  readonly #zlib: Decompressor;
  #state: 'hungry' | 'working' | 'ended' | 'failed' = 'hungry';
  #error: unknown;
  /** What was fed last, and how much was in all. */
  #piece: Uint8Array = EMPTY;
  #fed = 0;
  #wake: (() => void) | null = null;

  constructor(zlib: Decompressor) {
    this.#zlib = zlib;
    zlib.on('readable', () => this.#wake?.());
    zlib.on('end', () => this.#become('ended'));
    zlib.on('error', (error) => this.#fail(error));
  }

  /** The next step, when it can be made. Not called again before it has settled. @throws what zlib says, or what it was destroyed with. */
  async next(): Promise<Step> {
    for (;;) {
      if (this.#state === 'failed') throw this.#error;
      const piece = this.#zlib.read() as Uint8Array | null;
      if (piece !== null) return piece;
      if (this.#state === 'hungry' || this.#state === 'ended') return this.#state;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
  }

  /** Gives it bytes, when it is hungry. */
  feed(piece: Uint8Array): void {
    this.#state = 'working';
    this.#piece = piece;
    this.#fed += piece.byteLength;
    this.#zlib.write(piece, () => {
      // Where the coding has ended inside of the piece, 'end' is what comes next.
      if (this.#state === 'working' && this.#unused === 0) this.#become('hungry');
    });
  }

  /** Tells it, when it is hungry, that there is no more: what has not come to its end fails now. */
  finish(): void {
    this.#state = 'working';
    this.#zlib.end();
  }

  /** When it has ended: the end of what it was fed last, that it had no use for. */
  get surplus(): Uint8Array {
    return this.#piece.subarray(this.#piece.byteLength - this.#unused);
  }

  /** Frees what it holds. A step that is waited for fails with `reason`. */
  destroy(reason: unknown): void {
    this.#fail(reason);
    this.#zlib.destroy();
  }

  get #unused(): number {
    return this.#fed - this.#zlib.bytesWritten;
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return;
    this.#error = error;
    this.#become('failed');
  }

  #become(state: 'hungry' | 'ended' | 'failed'): void {
    this.#state = state;
    this.#wake?.();
  }
}
