/** While the peer takes nothing, this part of the write timeout passes between two looks at its progress. */
const LOOKS = 50;

/**
 * Tells a peer that takes bytes slowly from one that takes none: the operating system does not say when it takes some, so what is pending
 * is looked at again and again, while something is.
 */
export class WriteProgress {
  #pending = 0;
  #since = 0;

  /** Answers when to look again. */
  begin(now: number, timeout: number): number {
    this.#pending = 0;
    this.#since = now;
    return now + timeout / LOOKS;
  }

  /** Looks: answers when to look again, or null where there has been no progress for the whole timeout. */
  look(now: number, timeout: number, pending: number, blocked: boolean): number | null {
    // A source that gives nothing is not the peer's fault.
    if (!blocked || pending < this.#pending) this.#since = now;
    this.#pending = pending;
    return now - this.#since >= timeout
      ? null
      : Math.min(now + timeout / LOOKS, this.#since + timeout);
  }
}
