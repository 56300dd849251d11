/** Slices of the window: what is forgotten is forgotten a tenth at a time. */
const BUCKETS = 10;

/** How many requests there were in the last `span` milliseconds, and how many of them failed. It takes the same memory however many. */
export class RollingWindow {
  readonly #width: number;
  readonly #requests: number[] = zeros();
  readonly #failures: number[] = zeros();
  /** The number of the slice that the time is in, counted from the clock's zero. */
  #slice = 0;

  constructor(span: number) {
    this.#width = span / BUCKETS;
  }

  requests(now: number): number {
    this.#forget(now);
    return sum(this.#requests);
  }

  failures(now: number): number {
    this.#forget(now);
    return sum(this.#failures);
  }

  /** `requests` may be 0: where one that is counted already has failed in the end. */
  add(now: number, requests: number, failures: number): void {
    this.#forget(now);
    const bucket = this.#slice % BUCKETS;
    this.#requests[bucket]! += requests;
    this.#failures[bucket]! += failures;
  }

  /** Empties the slices that the time has come round to. */
  #forget(now: number): void {
    const slice = Math.floor(now / this.#width);
    // A clock that was set back leaves all as it is.
    const passed = Math.min(slice - this.#slice, BUCKETS);
    for (let i = 1; i <= passed; i++) {
      const bucket = (slice - passed + i) % BUCKETS;
      this.#requests[bucket] = 0;
      this.#failures[bucket] = 0;
    }
    if (passed > 0) this.#slice = slice;
  }
}

function zeros(): number[] {
  return Array.from({ length: BUCKETS }, () => 0);
}

function sum(counts: readonly number[]): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
