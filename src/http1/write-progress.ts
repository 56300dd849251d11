/** While the peer takes nothing, this part of a timeout passes between two looks at its progress. */
const LOOKS = 50;

/**
 * Tells a peer that takes bytes slowly from one that takes none: the operating system does not say when it takes some, so what it has
 * taken is looked at again and again, while there is something to take. Times are in milliseconds.
 */
export class WriteProgress {
  #taken = 0;
  #since = 0;

  /** `taken`: bytes that the operating system has taken so far. */
  begin(now: number, taken: number): void {
    this.#taken = taken;
    this.#since = now;
  }

  /** When to look next, so that neither `timeout` nor one that is `within` is noticed late. */
  next(now: number, timeout: number, within: number): number {
    return Math.min(now + Math.min(timeout, within) / LOOKS, this.#since + timeout);
  }

  /** Looks: whether nothing has been taken for the whole timeout. `blocked`: there is something to take. */
  isStuck(now: number, timeout: number, taken: number, blocked: boolean): boolean {
    // A source that gives nothing is not the peer's fault.
    if (!blocked || taken > this.#taken) this.begin(now, taken);
    return now - this.#since >= timeout;
  }
}
