/** How much load retries may add, so that an outage is not made worse by all who retry. */
export interface RetryBudget {
  /** Retries allowed for each request: 0.2 is a fifth more load at most. Default 0.2. */
  readonly ratio?: number | undefined;
  /** Retries that may be saved up, and that there are at the start. Default 10. */
  readonly reserve?: number | undefined;
}

/** A token bucket (Finagle's; smithy and reqwest have it too): each request puts a part of a token in, each retry takes one out. */
export class Budget {
  readonly #ratio: number;
  readonly #reserve: number;
  #tokens: number;

  /** @throws TypeError */
  constructor({ ratio = 0.2, reserve = 10 }: RetryBudget = {}) {
    if (!(ratio >= 0) || !(reserve >= 0)) {
      throw new TypeError(
        `retry.budget: expected ratio and reserve from 0, got ${ratio} and ${reserve}`,
      );
    }
    this.#ratio = ratio;
    this.#reserve = reserve;
    this.#tokens = reserve;
  }

  /** A request is sent. */
  deposit(): void {
    this.#tokens = Math.min(this.#reserve, this.#tokens + this.#ratio);
  }

  /** A retry is wanted: whether there is a token for it. */
  withdraw(): boolean {
    // A hair's breadth for what adding fifths leaves behind.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }
}
