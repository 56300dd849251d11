import type { Duplex } from 'node:stream';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';

/** The body of a response whose request counts as under way until it has ended, has failed, or is closed. */
export class HeldSource implements BodySource {
  readonly inner?: BodySource;
  readonly rest?: () => Promise<Uint8Array>;
  readonly upgrade?: () => Duplex;
  readonly #source: BodySource;
  readonly #hold: Hold;

  constructor(source: BodySource, hold: Hold) {
    this.#source = source;
    this.#hold = hold;
    // Whoever reads what came over the wire ends the hold too.
    if (source.inner !== undefined) this.inner = new HeldSource(source.inner, hold);
    if (source.rest !== undefined) this.rest = () => this.#takeRest();
    if (source.upgrade !== undefined) this.upgrade = () => this.#handOver();
  }

  async pull(): Promise<Uint8Array | null> {
    let piece: Uint8Array | null = null;
    try {
      piece = await this.#source.pull();
    } finally {
      if (piece === null) this.#hold.end();
    }
    return piece;
  }

  async cancel(): Promise<void> {
    try {
      await this.#source.cancel();
    } finally {
      this.#hold.end();
    }
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }

  async #takeRest(): Promise<Uint8Array> {
    try {
      return await (this.#source.rest as () => Promise<Uint8Array>).call(this.#source);
    } finally {
      this.#hold.end();
    }
  }

  /** It is the caller's connection from here on, and no request any more. */
  #handOver(): Duplex {
    this.#hold.end();
    return (this.#source.upgrade as () => Duplex).call(this.#source);
  }
}

/** What keeps a request under way. A response that is dropped, neither read to its end nor closed, ends it when it is garbage. */
export class Hold {
  readonly #onEnd: () => void;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    dropped.register(this, onEnd, this);
  }

  end(): void {
    dropped.unregister(this);
    this.#onEnd();
  }
}

const dropped = new FinalizationRegistry<() => void>((onEnd) => onEnd());
