import type { Framing } from './framing.ts';

/** A response that is given up is read to its end, for the connection's sake, up to this much and this long (DESIGN §4). */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_TIME = 100;

/** The bounds of what is read of a response that nobody wants, and who waits for the end of that. */
export class Drain {
  #limit = 0;
  #done: (() => void) | null = null;

  /** Whether as little is left as that, or may be. */
  static pays(framing: Framing, bodyBytes: number): boolean {
    return typeof framing !== 'number' || framing - bodyBytes <= DRAIN_BYTES;
  }

  /** Answers until when it may take. */
  begin(bodyBytes: number, now: number): number {
    this.#limit = bodyBytes + DRAIN_BYTES;
    return now + DRAIN_TIME;
  }

  isTooMuch(bodyBytes: number): boolean {
    return bodyBytes > this.#limit;
  }

  /** Resolves at the end. */
  wait(): Promise<void> {
    return new Promise((resolve) => (this.#done = resolve));
  }

  /** It is over, one way or the other; or there was none. */
  end(): void {
    this.#done?.();
    this.#done = null;
  }
}
