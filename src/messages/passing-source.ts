import type { Duplex } from 'node:stream';
import type { BodySink, BodySource } from './body-source.ts';
import type { Headers } from './headers.ts';
import { allOf, concatenated, lend } from './pieces.ts';

/** How a body ended: it was read to its end (or the connection handed over), given up by its reader, or it broke. */
export type BodyEnd =
  | { readonly how: 'whole' | 'closed' }
  | { readonly how: 'broken'; readonly error: unknown };

const WHOLE: BodyEnd = Object.freeze({ how: 'whole' });
const CLOSED: BodyEnd = Object.freeze({ how: 'closed' });

/**
 * A body on its way through a layer that leaves its bytes as they are. However it is read, its readings go through `reading`, and `ended`
 * hears of its end; what is read all at once, or lent, within stays so.
 */
export class PassingSource implements BodySource {
  readonly inner?: BodySource;
  readonly upgrade?: () => Duplex;
  protected readonly source: BodySource;

  /** `inner`: what passes where it is read as it came over the wire, which goes past this one. */
  constructor(source: BodySource, inner: BodySource | undefined) {
    this.source = source;
    if (inner !== undefined) this.inner = inner;
    if (source.upgrade !== undefined) this.upgrade = () => this.#handOver();
  }

  async pull(): Promise<Uint8Array | null> {
    let piece: Uint8Array | null;
    try {
      piece = await this.reading(() => this.source.pull());
    } catch (error) {
      this.ended({ how: 'broken', error });
      throw error;
    }
    if (piece === null) this.ended(WHOLE);
    return piece;
  }

  async rest(): Promise<Uint8Array> {
    let bytes: Uint8Array;
    try {
      bytes = await this.reading(() => allOf(this.source));
    } catch (error) {
      this.ended({ how: 'broken', error });
      throw error;
    }
    this.ended(WHOLE);
    return bytes;
  }

  async consume(sink: BodySink): Promise<void> {
    let refused = false;
    const take = (piece: Uint8Array): void => {
      try {
        sink(piece);
      } catch (error) {
        refused = true;
        throw error;
      }
    };
    try {
      await this.reading(() => lend(this.source, take));
    } catch (error) {
      // What the reader throws is no fault of the body.
      this.ended(refused ? CLOSED : { how: 'broken', error });
      throw error;
    }
    this.ended(WHOLE);
  }

  async cancel(): Promise<void> {
    this.ended(CLOSED);
    await this.source.cancel();
  }

  get bytesReceived(): number {
    return this.source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.source.trailers;
  }

  /** One reading: of a piece, or of all that is left. */
  protected reading<T>(read: () => Promise<T>): Promise<T> {
    return read();
  }

  /** It has ended. It may be told so more than once: one that has been read to its end may be closed. */
  protected ended(_end: BodyEnd): void {}

  #handOver(): Duplex {
    const duplex = (this.source.upgrade as () => Duplex)();
    this.ended(WHOLE);
    return duplex;
  }
}

/** A body whose pieces are looked at as they pass. Lent ones are lent to `passed` too. What that throws ends the body. */
export abstract class InspectedSource extends PassingSource {
  protected abstract passed(piece: Uint8Array): void;

  override async pull(): Promise<Uint8Array | null> {
    const piece = await super.pull();
    if (piece === null) return null;
    try {
      this.passed(piece);
    } catch (error) {
      await this.cancel();
      throw error;
    }
    return piece;
  }

  /** Piece by piece, so that they are seen as they come. */
  override rest(): Promise<Uint8Array> {
    return concatenated(this);
  }

  override consume(sink: BodySink): Promise<void> {
    return super.consume((piece) => {
      this.passed(piece);
      sink(piece);
    });
  }
}
