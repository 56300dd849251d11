import type { Recording } from './recording.ts';

/**
 * What those who waited for another request are to do: look into the store, try again (its caller went away, and nobody is to blame for that),
 * or go alone, each for itself and all at once: the response is not for sharing, or the server failed.
 */
export type Landing = 'stored' | 'again' | 'alone';

/** One request on its way to the server, for which others wait that want the same. */
export class Flight {
  readonly #landed: Promise<Landing>;
  readonly #land: (landing: Landing) => void;
  #waiting = 0;
  #recording: Recording | null = null;

  /** `onLanded`: nobody is to join it any more. */
  constructor(onLanded: (flight: Flight) => void) {
    let resolve: (landing: Landing) => void = () => {};
    this.#landed = new Promise((settle) => {
      resolve = settle;
    });
    this.#land = (landing) => {
      onLanded(this);
      resolve(landing);
    };
  }

  join(): Promise<Landing> {
    this.#waiting++;
    if (this.#recording !== null) void this.#hurry(this.#recording);
    return this.#landed;
  }

  /** The head came, and the body is being stored. */
  records(recording: Recording): void {
    this.#recording = recording;
    if (this.#waiting > 0) void this.#hurry(recording);
  }

  /** Only the first landing counts. */
  land(landing: Landing): void {
    this.#land(landing);
  }

  /** Those who wait do so for the store, not for whoever reads the body, as slowly as they like. */
  async #hurry(recording: Recording): Promise<void> {
    if (!(await recording.hurry())) this.land('alone');
  }
}

/** Keys whose last response was not for sharing are remembered, this many: nobody waits for the next one in vain. */
const REMEMBERED = 1000;

/** Requests on their way, by key. */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #unshared = new Set<string>();

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** null where others had better not wait: the last response was not for sharing. */
  begin(key: string): Flight | null {
    if (this.#unshared.has(key)) return null;
    const flight = new Flight((landed) => {
      if (this.#flights.get(key) === landed) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Notes whether a response was for sharing. */
  note(key: string, shareable: boolean): void {
    this.#unshared.delete(key);
    if (shareable) return;
    this.#unshared.add(key);
    if (this.#unshared.size > REMEMBERED)
      this.#unshared.delete(this.#unshared.values().next().value as string);
  }
}
