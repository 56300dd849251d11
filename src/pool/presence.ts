/**
 * Keeps the process alive while there is work, and only then. The sockets themselves never do: one timer is told instead, when the first
 * exchange begins and when the last one ends.
 */
export class Presence {
  #timer: NodeJS.Timeout | null = null;
  #present = false;

  set(present: boolean): void {
    if (present === this.#present) return;
    this.#present = present;
    if (this.#timer === null) this.#timer = setInterval(() => {}, LONG);
    if (present) this.#timer.ref();
    else this.#timer.unref();
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#present = false;
  }
}

const LONG = 2 ** 31 - 1;
