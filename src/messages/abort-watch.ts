/** What is told that a signal is aborted. */
export interface AbortListener {
  /** Must not throw. */
  onAbort(reason: unknown): void;
}

/** Tells `listener` when the signal is aborted, until `unwatchAbort`. Not where it is aborted already. */
export function watchAbort(signal: AbortSignal, listener: AbortListener): void {
  let watch = watches.get(signal);
  if (watch === undefined) watches.set(signal, (watch = new Watch(signal)));
  watch.add(listener);
}

export function unwatchAbort(signal: AbortSignal, listener: AbortListener): void {
  watches.get(signal)?.delete(listener);
}

const watches: WeakMap<AbortSignal, Watch> = new WeakMap();

/**
 * The one listener that there is on a signal, however many requests it is for: Node.js goes through all listeners for each that is added,
 * which makes ten thousand requests under one signal quadratic, and warns of eleven.
 */
class Watch {
  readonly #signal: AbortSignal;
  readonly #listeners: Set<AbortListener> = new Set();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(listener: AbortListener): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener('abort', this);
    this.#listeners.add(listener);
  }

  delete(listener: AbortListener): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0)
      this.#signal.removeEventListener('abort', this);
  }

  /** The signal's `abort` event. */
  handleEvent(): void {
    for (const listener of this.#listeners) listener.onAbort(this.#signal.reason);
  }
}
