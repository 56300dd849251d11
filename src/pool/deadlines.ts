import { Alarm } from '../alarm.ts';
import { LinkedList } from './linked-list.ts';
import type { Waiter } from './waiter.ts';

/**
 * The pool timeouts of those who wait. Waiters with the same timeout reach it in the order in which they came: one list for each length
 * there is, and one timer for all of them, so that a hundred thousand waiters cost no more each than ten.
 */
export class Deadlines {
  readonly #lists: Map<number, LinkedList<Waiter>> = new Map();
  readonly #alarm: Alarm = new Alarm(() => this.#ring());
  readonly #onExpired: (waiter: Waiter) => void;

  constructor(onExpired: (waiter: Waiter) => void) {
    this.#onExpired = onExpired;
  }

  add(waiter: Waiter): void {
    const { pool } = waiter.exchange.timeouts;
    if (pool === Infinity) return;
    let list = this.#lists.get(pool);
    if (list === undefined) this.#lists.set(pool, (list = new LinkedList()));
    list.push(waiter.inTime);
    if (list.length === 1) this.#setAlarm();
  }

  stop(): void {
    this.#alarm.stop();
  }

  #ring(): void {
    const now = performance.now();
    for (const list of this.#lists.values()) {
      for (
        let waiter = list.first;
        waiter !== null && deadline(waiter) <= now;
        waiter = list.first
      ) {
        waiter.inTime.remove();
        this.#onExpired(waiter);
      }
    }
    this.#setAlarm();
  }

  #setAlarm(): void {
    let earliest = Infinity;
    for (const [timeout, list] of this.#lists) {
      if (list.first === null) this.#lists.delete(timeout);
      else earliest = Math.min(earliest, deadline(list.first));
    }
    this.#alarm.set(earliest);
  }
}

function deadline({ exchange, since }: Waiter): number {
  return since + exchange.timeouts.pool;
}
