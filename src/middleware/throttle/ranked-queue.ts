import type { Queue, QueueAddOptions } from 'p-queue';

type Run = () => Promise<unknown>;

/** What waits: `run` is null once it has left. */
interface Entry {
  readonly id: string;
  readonly rank: number;
  run: Run | null;
}

/**
 * The order in which p-queue's tasks wait: the highest `priority` first, those of the same one as they came. p-queue has such a queue itself,
 * but searches it for each task that is removed: a hundred thousand requests that are aborted together would take it seconds.
 */
export class RankedQueue implements Queue<Run, QueueAddOptions> {
  /** In order, from `#head` on; those that have left stay until they come up, or are half of all. */
  #entries: Entry[] = [];
  #head = 0;
  readonly #waiting = new Map<string, Entry>();

  get size(): number {
    return this.#waiting.size;
  }

  enqueue(run: Run, { priority: rank = 0, id = '' }: Partial<QueueAddOptions> = {}): void {
    const entry = { id, rank, run };
    this.#waiting.set(id, entry);
    this.#entries.splice(this.#placeFor(rank), 0, entry);
  }

  dequeue(): Run | undefined {
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head++] as Entry;
      const { run } = entry;
      if (run === null) continue;
      this.#forget(entry);
      return run;
    }
    return undefined;
  }

  remove(id: string): void {
    const entry = this.#waiting.get(id);
    if (entry !== undefined) this.#forget(entry);
  }

  setPriority(id: string, priority: number): void {
    const run = this.#waiting.get(id)?.run;
    if (run === undefined || run === null) return;
    this.remove(id);
    this.enqueue(run, { id, priority });
  }

  filter({ priority }: Readonly<Partial<QueueAddOptions>>): Run[] {
    return Array.from(this.#waiting.values())
      .filter((entry) => entry.rank === priority)
      .map((entry) => entry.run as Run);
  }

  #forget(entry: Entry): void {
    entry.run = null;
    this.#waiting.delete(entry.id);
    if (this.#entries.length < 2 * this.#waiting.size + SPARE) return;
    this.#entries = this.#entries.slice(this.#head).filter(({ run }) => run !== null);
    this.#head = 0;
  }

  /** Behind all that rank as high: nearly always the end. */
  #placeFor(rank: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    if (high > low && (this.#entries[high - 1] as Entry).rank >= rank) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).rank >= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Entries that may be there for nothing. */
const SPARE = 64;
