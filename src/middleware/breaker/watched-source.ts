import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';

/** The body of a response, with somebody to tell where it breaks off. */
export class WatchedSource implements BodySource {
  readonly inner?: BodySource;
  readonly rest?: () => Promise<Uint8Array>;
  readonly #source: BodySource;
  readonly #onFailure: (error: unknown) => void;

  constructor(source: BodySource, onFailure: (error: unknown) => void) {
    this.#source = source;
    this.#onFailure = onFailure;
    // Whoever reads what came over the wire reads past what changed it, and not past this.
    if (source.inner !== undefined) this.inner = new WatchedSource(source.inner, onFailure);
    if (source.rest !== undefined) this.rest = () => this.#watch(source.rest!());
  }

  pull(): Promise<Uint8Array | null> {
    return this.#watch(this.#source.pull());
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

  async #watch<T>(piece: Promise<T>): Promise<T> {
    try {
      return await piece;
    } catch (error) {
      this.#onFailure(error);
      throw error;
    }
  }
}
