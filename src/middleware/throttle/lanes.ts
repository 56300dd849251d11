import type PQueue from 'p-queue';
import { Lane } from './lane.ts';
import type { ThrottleSettings } from './settings.ts';

/**
 * The lanes there are, by key. There may be any number of keys over time, so a lane is forgotten when nobody is in it; where there is an
 * interval, so much later, since it has to be remembered who began when.
 */
export class Lanes {
  readonly #settings: ThrottleSettings;
  readonly #Queue: typeof PQueue;
  readonly #lanes = new Map<string, Lane>();
  /** Those that nobody is in, and since when, on the clock that p-queue has: the longest idle first. */
  readonly #idle = new Map<Lane, number>();
  #sweeping: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  constructor(settings: ThrottleSettings, Queue: typeof PQueue) {
    this.#settings = settings;
    this.#Queue = Queue;
  }

  /** The lane of a key, to be entered at once. */
  get(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(key, this.#settings, this.#Queue, (idle) => this.#onIdle(idle));
      this.#lanes.set(key, lane);
    } else {
      this.#idle.delete(lane);
    }
    return lane;
  }

  [Symbol.iterator](): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** Nobody will come any more. */
  close(): void {
    this.#closed = true;
    if (this.#sweeping !== null) clearTimeout(this.#sweeping);
    this.#sweeping = null;
    for (const lane of this.#idle.keys()) this.#forget(lane);
  }

  #onIdle(lane: Lane): void {
    if (this.#closed || this.#settings.interval === 0) {
      this.#forget(lane);
      return;
    }
    this.#idle.delete(lane);
    this.#idle.set(lane, Date.now());
    if (this.#sweeping === null) this.#sweepIn(this.#settings.interval);
  }

  /** One timer for all of them, for which no process is kept alive. */
  #sweepIn(milliseconds: number): void {
    this.#sweeping = setTimeout(() => this.#sweep(), Math.ceil(milliseconds));
    (this.#sweeping as Partial<NodeJS.Timeout>).unref?.();
  }

  #sweep(): void {
    this.#sweeping = null;
    const now = Date.now();
    for (const [lane, since] of this.#idle) {
      const left = since + this.#settings.interval - now;
      if (left > 0) {
        this.#sweepIn(left);
        return;
      }
      this.#forget(lane);
    }
  }

  #forget(lane: Lane): void {
    this.#idle.delete(lane);
    this.#lanes.delete(lane.key);
  }
}
