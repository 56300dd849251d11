import type { Duplex } from 'node:stream';
import type { Headers } from './headers.ts';

/** Takes a piece of a body that is lent: it is valid during the call only, and may then be written over. */
export type BodySink = (piece: Uint8Array) => void;

/**
 * Where the bytes of a response come from while they come. Whoever makes a `Response` whose body is not in memory implements
 * this: the protocols, and the layers that change bodies, each around the source it got from within.
 */
export interface BodySource {
  /** The next piece, which is the caller's from then on; null at the end. Not called again before it has settled. */
  pull(): Promise<Uint8Array | null>;
  /** All that is left, as one piece: for a source that can do it better than by pulling. */
  rest?(): Promise<Uint8Array>;
  /**
   * Lends all that is left to `sink`, piece by piece as it comes, and resolves at the end: for a source that can do it better than by
   * pulling. What `sink` throws is what this rejects with; the rest is given up then, as by `cancel`.
   */
  consume?(sink: BodySink): Promise<void>;
  /** Gives up what is left. Resolves, soon and always, when what the body held is free again. */
  cancel(): Promise<void>;
  /** Bytes taken off the wire for the body so far, without framing. */
  readonly bytesReceived: number;
  /** The fields that came after the body (RFC 9110 §6.5); null before the end, and where there were none. */
  readonly trailers: Headers | null;
  /** Where this changes another source's bytes: that source. */
  readonly inner?: BodySource;
  /** After a 101, or a 2xx to CONNECT: hands over the connection. */
  upgrade?(): Duplex;
}

/** Bytes in memory, or an iterable of them, as a source. */
export class IterableSource implements BodySource {
  readonly trailers = null;
  bytesReceived = 0;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #pulling = false;

  constructor(iterable: AsyncIterable<Uint8Array>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  async pull(): Promise<Uint8Array | null> {
    this.#pulling = true;
    const { done, value } = await this.#iterator.next();
    this.#pulling = false;
    if (done === true) return null;
    this.bytesReceived += value.byteLength;
    return value;
  }

  async cancel(): Promise<void> {
    const ended = this.#end();
    // A generator ends behind the piece that it is at, and that may never come.
    if (!this.#pulling) await ended;
  }

  /** How it takes that matters to nobody any more. */
  async #end(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch {}
  }
}
