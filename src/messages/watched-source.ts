import type { Duplex } from 'node:stream';
import type { BodySource } from './body-source.ts';
import type { Headers } from './headers.ts';

/** How a body ended: it was read to its end (or the connection handed over), given up by its reader, or it broke. */
export type BodyEnd =
  | { readonly how: 'whole' | 'closed' }
  | { readonly how: 'broken'; readonly error: unknown };

/** A body of which somebody is told when, and how, it ends. Once, and never for one that is dropped without a word. */
export class WatchedSource implements BodySource {
  readonly inner?: BodySource;
  readonly rest?: () => Promise<Uint8Array>;
  readonly upgrade?: () => Duplex;
  readonly #source: BodySource;
  #onEnd: ((end: BodyEnd) => void) | null;

  constructor(source: BodySource, onEnd: (end: BodyEnd) => void) {
    this.#source = source;
    this.#onEnd = onEnd;
    // Who reads what came over the wire goes past this one: whichever of them is first to end tells it.
    if (source.inner !== undefined)
      this.inner = new WatchedSource(source.inner, (end) => this.#end(end));
    if (source.rest !== undefined) this.rest = () => this.#rest();
    if (source.upgrade !== undefined) this.upgrade = () => this.#upgrade();
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#watched(this.#source.pull());
    if (piece === null) this.#end({ how: 'whole' });
    return piece;
  }

  async cancel(): Promise<void> {
    this.#end({ how: 'closed' });
    await this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }

  async #rest(): Promise<Uint8Array> {
    const bytes = await this.#watched((this.#source.rest as () => Promise<Uint8Array>)());
    this.#end({ how: 'whole' });
    return bytes;
  }

  #upgrade(): Duplex {
    const duplex = (this.#source.upgrade as () => Duplex)();
    this.#end({ how: 'whole' });
    return duplex;
  }

  async #watched<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      this.#end({ how: 'broken', error });
      throw error;
    }
  }

  #end(end: BodyEnd): void {
    const onEnd = this.#onEnd;
    this.#onEnd = null;
    onEnd?.(end);
  }
}
