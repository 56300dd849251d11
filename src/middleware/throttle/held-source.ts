import type { BodySource } from '../../messages/body-source.ts';
import { PassingSource } from '../../messages/passing-source.ts';

/** The body of a response whose request counts as under way until it has ended, has failed, or is closed. */
export class HeldSource extends PassingSource {
  readonly #hold: Hold;

  constructor(source: BodySource, hold: Hold) {
    super(source, source.inner && new HeldSource(source.inner, hold));
    this.#hold = hold;
  }

  /** It is under way until what it held is free again. */
  override async cancel(): Promise<void> {
    try {
      await this.source.cancel();
    } finally {
      this.#hold.end();
    }
  }

  protected override ended(): void {
    this.#hold.end();
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
