interface Timer {
  readonly at: number;
  readonly number: number;
  readonly callback: () => void;
}

const { clearTimeout, setImmediate, setTimeout } = globalThis;
const { random } = Math;

/**
 * Time that passes as fast as the program runs, and chance that is the same every time. While it runs, it stands in the place of `setTimeout`,
 * `performance.now` and `Math.random`: what is run by it are the layers as they are, waits and all.
 */
export class VirtualTime {
  now = 0;
  #count = 0;
  #seed: number;
  /** By when they end, the first last. */
  readonly #timers: Timer[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Runs what `begin` begins, until this time, in milliseconds. */
  async run(until: number, begin: () => void): Promise<void> {
    this.#takeOver();
    try {
      begin();
      for (;;) {
        // All that was begun goes as far as it can without a wait.
        await new Promise((resolve) => setImmediate(resolve));
        const next = this.#timers.at(-1);
        if (next === undefined || next.at > until) break;
        this.now = next.at;
        while (this.#timers.at(-1)?.at === this.now) this.#timers.pop()!.callback();
      }
      this.now = until;
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      Math.random = random;
      // Its own is on the prototype.
      Reflect.deleteProperty(performance, 'now');
    }
  }

  #takeOver(): void {
    Object.assign(globalThis, {
      setTimeout: (callback: (...values: unknown[]) => void, delay = 0, ...values: unknown[]) =>
        this.#add(() => callback(...values), delay),
      clearTimeout: (timer: number | NodeJS.Timeout) =>
        typeof timer === 'number' ? this.#remove(timer) : clearTimeout(timer),
    });
    Math.random = () => this.#random();
    performance.now = () => this.now;
  }

  #add(callback: () => void, delay: number): number {
    const timer: Timer = { at: Math.ceil(this.now + delay), number: ++this.#count, callback };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.at > timer.at) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return timer.number;
  }

  #remove(number: number): void {
    const place = this.#timers.findIndex((timer) => timer.number === number);
    if (place !== -1) this.#timers.splice(place, 1);
  }

  /** mulberry32 */
  #random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
