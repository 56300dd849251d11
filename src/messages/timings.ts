import { inspect } from './inspect.ts';
import type { Timeline } from './timeline.ts';

/** What the time of an exchange goes to, in this order. */
export const TIMED_PHASES = [
  'queued',
  'dns',
  'connect',
  'tls',
  'sent',
  'firstByte',
  'body',
] as const;

export type TimedPhase = (typeof TIMED_PHASES)[number];

/**
 * How long each phase of one exchange took, in milliseconds. `null`: it did not take place, as where a connection was used again; or it is
 * not known, as with a transport that has no connections of its own. It is alive: what is still to come is null, and fills in. Once `total`
 * is there, the phases add up to it.
 */
export interface Timings {
  /** When the exchange began, on the `performance.now()` clock. */
  readonly started: number;
  /** Until it had a connection to go on, the opening of that not included. */
  readonly queued: number | null;
  /** Looking the name up. */
  readonly dns: number | null;
  /** Opening the TCP connection. */
  readonly connect: number | null;
  /** The TLS handshake; through a proxy, also its answer to CONNECT. */
  readonly tls: number | null;
  /** Writing the request, until the operating system had it, or the response began. */
  readonly sent: number | null;
  /** From there to the first byte of the response, interim ones included. Where nothing else is known, all the time until the head. */
  readonly firstByte: number | null;
  /** From there to the end of the body, or to its close. */
  readonly body: number | null;
  /** From the beginning to the end. */
  readonly total: number | null;
  /** Whether the connection had served a request before. */
  readonly reused: boolean | null;
  /** `127.0.0.1:443`, `[::1]:443`, or a socket's path. */
  readonly remoteAddress: string | null;
  /** `http/1.1`, `h2`. */
  readonly protocol: string | null;
}

const NONE = Object.fromEntries(TIMED_PHASES.map((phase) => [phase, null])) as Record<
  TimedPhase,
  number | null
>;

/** The timings of a timeline, as far as it has come. */
export class LiveTimings implements Timings {
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get started(): number {
    return this.#timeline.started;
  }

  get queued(): number | null {
    return this.#sum('queued');
  }

  get dns(): number | null {
    return this.#sum('dns');
  }

  get connect(): number | null {
    return this.#sum('connect');
  }

  get tls(): number | null {
    return this.#sum('tls');
  }

  get sent(): number | null {
    return this.#sum('sent');
  }

  get firstByte(): number | null {
    return this.#sum('firstByte');
  }

  get body(): number | null {
    return this.#sum('body');
  }

  get total(): number | null {
    const { started, ended } = this.#timeline;
    return ended === null ? null : ended - started;
  }

  get reused(): boolean | null {
    return this.#timeline.reused;
  }

  get remoteAddress(): string | null {
    return this.#timeline.connection?.remoteAddress ?? null;
  }

  get protocol(): string | null {
    return this.#timeline.connection?.protocol ?? null;
  }

  /** As they are now. */
  toJSON(): Timings {
    const { started, total, reused, remoteAddress, protocol } = this;
    const durations = { ...NONE };
    for (const { phase, from, to } of this.#timeline.spans)
      durations[phase] = (durations[phase] ?? 0) + (to - from);
    return { started, ...durations, total, reused, remoteAddress, protocol };
  }

  [inspect](): Timings {
    return this.toJSON();
  }

  #sum(phase: TimedPhase): number | null {
    let sum: number | null = null;
    for (const span of this.#timeline.spans)
      if (span.phase === phase) sum = (sum ?? 0) + (span.to - span.from);
    return sum;
  }
}
