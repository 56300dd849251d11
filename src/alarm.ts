/**
 * The bounds in time of one long-lived object, on one timer. A bound is moved with every exchange and seldom reached, so moving it
 * is an assignment: the timer that is running finds, when it ends, that it has to go on. It never rings early.
 *
 * It does not keep the process alive.
 */
export class Alarm {
  readonly #ring: () => void;
  #at = Infinity;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer ends. */
  #timerAt = Infinity;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at this time of the `performance.now()` clock, and at no other. Infinity: not at all. */
  set(at: number): void {
    this.#at = at;
    if (at < this.#timerAt) this.#start(at - performance.now());
  }

  clear(): void {
    this.#at = Infinity;
  }

  /** Ends the timer too: for when the object is done with. */
  stop(): void {
    this.#at = Infinity;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Infinity;
  }

  #start(wait: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const bounded = Math.min(Math.max(wait, 1), MAX_WAIT);
    this.#timerAt = performance.now() + bounded;
    this.#timer = setTimeout(check, bounded, this);
    // Of a number, which browsers have for a timer, there is nothing to be undone.
    (this.#timer as Partial<NodeJS.Timeout>).unref?.();
  }

  /** For the timer: rings, or goes on waiting where the bound has been moved. */
  check(): void {
    this.#timer = null;
    this.#timerAt = Infinity;
    if (this.#at === Infinity) return;
    const wait = this.#at - performance.now();
    if (wait > 0) {
      this.#start(wait);
      return;
    }
    this.#at = Infinity;
    this.#ring();
  }
}

/** One function for all timers, so that none is made for each. */
function check(alarm: Alarm): void {
  alarm.check();
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
