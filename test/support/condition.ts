/**
 * Something to wait for without polling: whoever changes the state calls `changed()`, and each
 * waiter looks again, at once, so that no state in between is missed.
 */
export class Condition {
  readonly #waiting = new Set<() => void>();

  changed(): void {
    for (const lookAgain of this.#waiting) lookAgain();
  }

  /** Resolves to the first value `look` finds; `undefined` is "not yet", and a throw gives up. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const lookAgain = (): void => {
        try {
          const found = look();
          if (found === undefined) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#waiting.delete(lookAgain);
      };
      this.#waiting.add(lookAgain);
      lookAgain();
    });
  }
}
