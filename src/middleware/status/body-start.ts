import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';

/** The start of a body: it ends after so many bytes, or where the body breaks, and what is left is given up. */
export class BodyStart implements BodySource {
  /** Transparent: what the bytes were before decoding is further inside. */
  readonly inner?: BodySource;
  /** Whether there was more. */
  truncated = false;
  /** What ended the body early, if something did. */
  broken: { readonly error: unknown } | null = null;
  readonly #source: BodySource;
  #left: number;

  constructor(source: BodySource, length: number) {
    if (source.inner !== undefined) this.inner = source.inner;
    this.#source = source;
    this.#left = length;
  }

  async pull(): Promise<Uint8Array | null> {
    if (this.truncated || this.broken !== null) return null;
    let piece: Uint8Array | null;
    try {
      // With nothing left to take it is looked once more: whether that was all.
      piece = await this.#source.pull();
      while (piece?.byteLength === 0) piece = await this.#source.pull();
    } catch (error) {
      this.broken = { error };
      return null;
    }
    if (piece === null) return null;
    if (piece.byteLength <= this.#left) {
      this.#left -= piece.byteLength;
      return piece;
    }
    this.truncated = true;
    await this.#source.cancel();
    return this.#left === 0 ? null : piece.slice(0, this.#left);
  }

  cancel(): Promise<void> {
    return this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }
}
