import { DeadlineError, type Phase } from '../errors.ts';
import { unwatchAbort, watchAbort, type AbortListener } from './abort-watch.ts';
import type { Request } from './request.ts';

/**
 * The end of a request from the caller's side: its signal is aborted, or its deadline passes. `onEnd` gets the reason to reject with,
 * once; not after `stop`. `phase`: where the request is then, for the error.
 */
export class RequestEnd implements AbortListener {
  readonly #request: Request;
  readonly #onEnd: (reason: unknown) => void;
  readonly #phase: Phase | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(request: Request, onEnd: (reason: unknown) => void, phase?: Phase) {
    this.#request = request;
    this.#onEnd = onEnd;
    this.#phase = phase;
    if (request.signal !== null) watchAbort(request.signal, this);
    this.#watchClock();
  }

  stop(): void {
    clearTimeout(this.#timer);
    if (this.#request.signal !== null) unwatchAbort(this.#request.signal, this);
  }

  onAbort(reason: unknown): void {
    this.stop();
    this.#onEnd(reason);
  }

  #watchClock(): void {
    const { expiresAt = Infinity } = this.#request.extensions;
    if (expiresAt === Infinity) return;
    // Timers can end a little early, and cannot wait for more than 24 days.
    const left = Math.min(Math.max(expiresAt - performance.now(), 0), MAX_WAIT);
    this.#timer = setTimeout(() => {
      if (performance.now() < expiresAt) this.#watchClock();
      else this.#expire();
    }, Math.ceil(left));
  }

  #expire(): void {
    const about = { request: this.#request, phase: this.#phase };
    this.onAbort(new DeadlineError('not done by its deadline', about));
  }
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
