import type { Request } from '../../messages/request.ts';
import { RequestEnd } from '../../messages/request-end.ts';

/** One request's wait for its turn. It ends early with the request's signal, with its deadline, or where it is given up from outside. */
export class Wait {
  readonly request: Request;
  readonly #controller = new AbortController();
  readonly #end: RequestEnd;

  constructor(request: Request) {
    this.request = request;
    // Nothing has been sent: a breaker is to see that the server has no part in it.
    this.#end = new RequestEnd(request, (reason) => this.giveUp(reason), 'pool');
  }

  /** Aborted, with the reason to reject with, where the wait ends early. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  giveUp(reason: unknown): void {
    this.over();
    this.#controller.abort(reason);
  }

  /** It is the request's turn, or it has failed: nothing can end the wait any more. */
  over(): void {
    this.#end.stop();
  }
}

/** Rejects at once with the signal's reason, where that is aborted meanwhile. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(wake, Math.min(milliseconds, MAX_WAIT));
    if (signal.aborted) wake();
    else signal.addEventListener('abort', wake);
  });
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
