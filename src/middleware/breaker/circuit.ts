import type { BreakerSettings } from './settings.ts';
import { RollingWindow } from './window.ts';

/*
 * The states, and all that leads from one to another:
 *
 *   closed     → open         so many of the window's requests failed, and there were enough of them
 *   open       → half-open    its time is over, and a request comes
 *   half-open  → closed       as many probes succeeded as there have to be
 *   half-open  → open         a probe failed
 */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** What a request has shown of its server. 'broken-body': it had counted as a success by its head. */
export type Verdict = 'success' | 'failure' | 'broken-body' | 'neither';

/** A circuit that has changed its state. */
export interface BreakerChange {
  /** Whose circuit it is: the origin, or what `key` gave. */
  readonly key: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** Where `to` is `'open'`: milliseconds until a request is let through again. Else 0. */
  readonly retryAfter: number;
}

/** How a circuit is. */
export interface BreakerSnapshot {
  readonly key: string;
  readonly state: BreakerState;
  /** Requests in the window; 0 unless closed. */
  readonly requests: number;
  /** Those of them that failed. */
  readonly failures: number;
  /** Milliseconds until a request is let through again; 0 where one may be. */
  readonly retryAfter: number;
}

/** A state, with what belongs to it alone. Whoever was let through holds the one that let it: by that it is known what came too late. */
export type Stage =
  | { readonly state: 'closed'; readonly window: RollingWindow }
  | { readonly state: 'open'; readonly until: number }
  | {
      readonly state: 'half-open';
      /** How many probes are on their way, or were and succeeded. */
      probes: number;
      succeeded: number;
      /** Probes of which nothing was heard by then are given up: others are let through. */
      until: number;
    };

/** The circuit of one key. It has no timer: what time alone would change, the next request finds changed. */
export class Circuit {
  readonly key: string;
  readonly #settings: BreakerSettings;
  #stage: Stage;
  /** Openings since it was closed the last time. */
  #openings = 0;

  constructor(key: string, settings: BreakerSettings) {
    this.key = key;
    this.#settings = settings;
    this.#stage = closed(settings);
  }

  get state(): BreakerState {
    return this.#stage.state;
  }

  /** Lets a request through: what it was let through by is to be given to `settle`. null where it must not be sent. */
  admit(): Stage | null {
    const now = this.#settings.clock();
    if (this.#stage.state === 'open' && now >= this.#stage.until) {
      this.#enter({ state: 'half-open', probes: 0, succeeded: 0, until: now + this.#openFor() });
    }
    const stage = this.#stage;
    if (stage.state === 'open') return null;
    if (stage.state === 'half-open') {
      if (stage.probes >= this.#settings.halfOpenRequests) {
        if (now < stage.until) return null;
        stage.probes = stage.succeeded;
        stage.until = now + this.#openFor();
      }
      stage.probes++;
    }
    return stage;
  }

  /** What came of a request that had been let through. Those of an earlier stage say nothing about this one. */
  settle(stage: Stage, verdict: Verdict): void {
    if (stage !== this.#stage) return;
    if (stage.state === 'closed') this.#count(stage.window, verdict);
    else if (stage.state === 'half-open') {
      if (verdict === 'neither') stage.probes = Math.max(stage.succeeded, stage.probes - 1);
      else if (verdict !== 'success') this.#open();
      else if (++stage.succeeded >= this.#settings.halfOpenRequests) this.#close();
    }
  }

  /** Milliseconds until a request is let through, unless something is known before. */
  retryAfter(): number {
    const stage = this.#stage;
    if (stage.state === 'closed') return 0;
    if (stage.state === 'half-open' && stage.probes < this.#settings.halfOpenRequests) return 0;
    return Math.max(0, stage.until - this.#settings.clock());
  }

  snapshot(): BreakerSnapshot {
    const { key, state } = this;
    const now = this.#settings.clock();
    const window = this.#stage.state === 'closed' ? this.#stage.window : null;
    return {
      key,
      state,
      requests: window?.requests(now) ?? 0,
      failures: window?.failures(now) ?? 0,
      retryAfter: this.retryAfter(),
    };
  }

  #count(window: RollingWindow, verdict: Verdict): void {
    if (verdict === 'neither') return;
    const { clock, minimumRequests, failureRate } = this.#settings;
    const now = clock();
    window.add(now, verdict === 'broken-body' ? 0 : 1, verdict === 'success' ? 0 : 1);
    if (verdict === 'success') return;
    const failures = window.failures(now);
    // A body can break when the window has forgotten its head.
    const requests = Math.max(window.requests(now), failures);
    if (requests >= minimumRequests && failures / requests >= failureRate) this.#open();
  }

  #open(): void {
    this.#openings++;
    this.#enter({ state: 'open', until: this.#settings.clock() + this.#openFor() });
  }

  #close(): void {
    this.#openings = 0;
    this.#enter(closed(this.#settings));
  }

  /** Twice as long with each opening in a row. */
  #openFor(): number {
    const { openFor, maxOpenFor } = this.#settings;
    return Math.min(maxOpenFor, openFor * 2 ** (this.#openings - 1));
  }

  /** The one place where the state changes. */
  #enter(stage: Stage): void {
    const from = this.state;
    this.#stage = stage;
    this.#settings.onStateChange({
      key: this.key,
      from,
      to: stage.state,
      retryAfter: stage.state === 'open' ? this.retryAfter() : 0,
    });
  }
}

function closed({ window }: BreakerSettings): Stage {
  return { state: 'closed', window: new RollingWindow(window) };
}
