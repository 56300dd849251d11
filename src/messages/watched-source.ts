import type { BodySource } from './body-source.ts';
import { PassingSource, type BodyEnd } from './passing-source.ts';

export type { BodyEnd };

/** A body of which somebody is told when, and how, it ends. Once, and never for one that is dropped without a word. */
export class WatchedSource extends PassingSource {
  readonly #onEnd: (end: BodyEnd) => void;

  constructor(source: BodySource, onEnd: (end: BodyEnd) => void) {
    // Whichever is first to end, this one or what came over the wire, tells it.
    const once = toldOnce(onEnd);
    super(source, source.inner && new WatchedSource(source.inner, once));
    this.#onEnd = once;
  }

  protected override ended(end: BodyEnd): void {
    this.#onEnd(end);
  }
}

function toldOnce(onEnd: (end: BodyEnd) => void): (end: BodyEnd) => void {
  let listener: typeof onEnd | null = onEnd;
  return (end) => {
    const told = listener;
    listener = null;
    told?.(end);
  };
}
