import { LiveTimings, type TimedPhase } from './timings.ts';

declare module './request.ts' {
  interface RequestExtensions {
    /** Where what happens to this attempt is written down: set by the trace layer, for the transport. */
    timeline?: Timeline | undefined;
  }
}

/** Milestones of the opening of a connection, on the `performance.now()` clock; what did not happen is undefined. */
export interface OpeningMarks {
  readonly started: number;
  readonly resolved: number | undefined;
  readonly connected: number | undefined;
  readonly secured: number | undefined;
}

/** An opening that may still be under way: how far it has come, where it tells. `phase` is what it is at, or was when it failed. */
export interface OpeningUnderWay {
  readonly progress?: OpeningMarks & { readonly phase: TimedPhase };
}

/** What there is to know of a connection. */
export interface ConnectionFacts {
  /** Of its own in this process: exchanges with the same one went over the same connection. */
  readonly id: number;
  /** `http/1.1`, `h2`. */
  readonly protocol: string;
  readonly remoteAddress: string | null;
  /** null: it is not encrypted. */
  readonly tls: {
    readonly version: string | null;
    readonly cipher: string;
    readonly resumed: boolean;
  } | null;
  readonly opening: OpeningMarks;
}

/** How an exchange ended: 'done', 'closed' by its reader before the end of the body, or 'failed'. */
export type Outcome = 'done' | 'closed' | 'failed';

/** A phase and when it was, on the `performance.now()` clock. */
export interface Span {
  readonly phase: TimedPhase;
  readonly from: number;
  readonly to: number;
}

/** A phase and when it was over; null: it is not. */
type Mark = readonly [TimedPhase, number | null];

let last = 0;

/**
 * What happened to one attempt, and when: written down as it happens, by the transport where that can tell, else by the layer that traces.
 * The first to say something is right. Times are on the `performance.now()` clock.
 *
 *     begun ─▶ submitted ─▶ opening ─▶ connected ─▶ sent ─▶ heard ─▶ answered ─▶ ended       each may be left out
 */
export class Timeline {
  /** Of its own in this process. */
  readonly id: number = ++last;
  readonly started: number = performance.now();
  readonly timings: LiveTimings = new LiveTimings(this);
  /** The connection that it went over. */
  connection: ConnectionFacts | null = null;
  /** Whether that had served a request before. */
  reused: boolean | null = null;
  /** How many kept connections were found dead on the way. */
  repeats = 0;
  ended: number | null = null;
  outcome: Outcome | null = null;
  /** What it failed with. */
  error: unknown = undefined;
  /** Bytes of the request's head and of its body without framing, and of the response's head; null: not known. */
  headSent: number | null = null;
  bodySent: number | null = null;
  headReceived: number | null = null;
  /** Called when it has ended. */
  onEnd: (() => void) | null = null;

  #submitted = false;
  #opening: OpeningUnderWay | null = null;
  #openingSince = 0;
  #connected: number | null = null;
  #sent: number | null = null;
  #heard: number | null = null;

  /** A pool has taken it in. It may do so again, as where a proxy asks for credentials: what counts is the last time. */
  submitted(): void {
    this.#submitted = true;
    this.ended = null;
    this.outcome = null;
    this.error = undefined;
    this.#forget();
  }

  /** A connection is being opened for it: because there is none, or because the one that it had turned out to be dead. */
  opening(opening: OpeningUnderWay, now: number): void {
    this.#leave();
    this.#opening = opening;
    this.#openingSince = now;
  }

  /** It has a connection. Comes again where that turned out to be dead. */
  connected(connection: ConnectionFacts, reused: boolean, now: number): void {
    this.#leave();
    this.connection = connection;
    this.reused = reused;
    this.#connected = now;
  }

  /** All of the request has been written. */
  sent(now: number): void {
    this.#sent ??= now;
  }

  /** The first byte of an answer has come. */
  heard(now: number): void {
    this.#heard ??= now;
  }

  /** It is over. */
  end(outcome: Outcome, error: unknown, now: number): void {
    if (this.outcome !== null) return;
    this.ended = now;
    this.outcome = outcome;
    this.error = error;
    this.onEnd?.();
  }

  /** What the time went to, without gaps, in the order in which it was. Phases of no length are among them, but not those that were left out. */
  get spans(): readonly Span[] {
    const spans: Span[] = [];
    let from = this.started;
    for (const [phase, mark] of this.#marks()) {
      const to = mark ?? this.ended;
      // What was before this exchange began, such as the opening of its connection for another one, has not taken any of its time.
      if (to !== null && to >= from) {
        spans.push({ phase, from, to });
        from = to;
      }
      if (mark === null) break;
    }
    return spans;
  }

  /** Each phase and when it was over, from what is known. */
  #marks(): Mark[] {
    const marks: Mark[] = [];
    if (this.#submitted) {
      if (this.reused !== true) this.#markOpening(marks);
      marks.push(['queued', this.#connected], ['sent', smaller(this.#sent, this.#heard)]);
    }
    marks.push(['firstByte', this.#heard], ['body', this.ended]);
    return marks;
  }

  #markOpening(marks: Mark[]): void {
    const opening = this.connection?.opening ?? this.#opening?.progress;
    if (opening === undefined) {
      if (this.#opening !== null) marks.push(['queued', this.#openingSince]);
    } else {
      marks.push(['queued', opening.started]);
      if (opening.resolved !== undefined) marks.push(['dns', opening.resolved]);
      if (opening.connected !== undefined) marks.push(['connect', opening.connected]);
      if (opening.secured !== undefined) marks.push(['tls', opening.secured]);
    }
    // It got no further than this.
    if (this.connection === null && this.#opening !== null)
      marks.push([this.#opening.progress?.phase ?? 'connect', null]);
  }

  #leave(): void {
    if (this.connection !== null) this.repeats++;
    this.#forget();
  }

  #forget(): void {
    this.#opening = null;
    this.connection = null;
    this.reused = null;
    this.#connected = null;
    this.#sent = null;
    this.#heard = null;
  }
}

function smaller(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
