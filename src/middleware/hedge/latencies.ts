/** So many of the last ones are remembered, in 1 KiB for each origin. */
const REMEMBERED = 128;
/** With fewer there is nothing to go by. */
const ENOUGH = 20;
/** A percentile moves slowly: it is looked for once in so many. */
const FRESH_FOR = 16;

/** How long the last answers took, in milliseconds, and which time so many percent of them kept below. */
export class Latencies {
  readonly #times = new Float64Array(REMEMBERED);
  readonly #percentile: number;
  #count = 0;
  #found: number | null = null;

  /** From 0 to 100. */
  constructor(percentile: number) {
    this.#percentile = percentile;
  }

  add(time: number): void {
    this.#times[this.#count++ % REMEMBERED] = time;
    if (this.#count >= ENOUGH && (this.#count === ENOUGH || this.#count % FRESH_FOR === 0))
      this.#found = this.#find();
  }

  /** null while too few are known. */
  get percentile(): number | null {
    return this.#found;
  }

  /** By nearest rank: a time that there was. */
  #find(): number {
    const sorted = this.#times.slice(0, Math.min(this.#count, REMEMBERED)).sort();
    const rank = Math.ceil((this.#percentile / 100) * sorted.length);
    return sorted[Math.max(rank, 1) - 1]!;
  }
}
