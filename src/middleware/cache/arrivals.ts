import type { Recording } from './recording.ts';

/** A response that is on its way, and may be stored. */
export class Arrival {
  readonly #onEnd: () => void;
  #recording: Recording | null = null;
  #outdated = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Whether what it brings was changed on the server meanwhile. */
  get isOutdated(): boolean {
    return this.#outdated;
  }

  records(recording: Recording): void {
    this.#recording = recording;
  }

  async outdate(): Promise<void> {
    this.#outdated = true;
    await this.#recording?.discard();
  }

  end(): void {
    this.#onEnd();
  }
}

/** What is on its way, by the key of its URL: an unsafe request outdates what was asked for before it. */
export class Arrivals {
  readonly #arrivals = new Map<string, Set<Arrival>>();

  begin(primary: string): Arrival {
    const siblings = this.#arrivals.get(primary) ?? new Set();
    this.#arrivals.set(primary, siblings);
    const arrival = new Arrival(() => {
      siblings.delete(arrival);
      if (siblings.size === 0) this.#arrivals.delete(primary);
    });
    siblings.add(arrival);
    return arrival;
  }

  async outdate(primary: string): Promise<void> {
    for (const arrival of this.#arrivals.get(primary) ?? []) await arrival.outdate();
  }
}
