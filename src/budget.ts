/** How much a layer may add to the load. */
export interface BudgetInit {
  /** Extra requests allowed for each request. */
  readonly ratio: number;
  /** Extra requests that may be saved up, and that there are at the start. */
  readonly reserve: number;
}

/** A token bucket (Finagle's; smithy and reqwest have it too): each request puts a part of a token in, each extra one takes one out. */
export class Budget {
  readonly #ratio: number;
  readonly #reserve: number;
  #tokens: number;

  /** `option` is what it is called in messages. @throws TypeError */
  constructor(option: string, { ratio, reserve }: BudgetInit) {
    if (!(ratio >= 0) || !(reserve >= 0)) {
      throw new TypeError(
        `${option}: expected ratio and reserve from 0, got ${ratio} and ${reserve}`,
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

  /** An extra one is wanted: whether there is a token for it. */
  withdraw(): boolean {
    // A hair's breadth for what adding fifths leaves behind.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }
}
