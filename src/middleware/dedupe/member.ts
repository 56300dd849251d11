import type { Request } from '../../messages/request.ts';
import { ownError } from './own-error.ts';
import { RequestEnd } from '../../messages/request-end.ts';

/**
 * One caller among those who share an exchange. It leaves with its own signal, or at its own deadline, and the others do not notice.
 *
 *     waiting for the head ─▶ reading the body ─▶ over
 *                └────────────────┴─▶ left, for a reason with which all its waits reject
 */
export class Member {
  readonly request: Request;
  /** On the `performance.now()` clock. */
  readonly joined: number = performance.now();
  /** null: nothing can make it leave. */
  readonly #end: RequestEnd | null;
  #onLeave: () => void;
  #left: { readonly reason: unknown } | null = null;
  /** Of the wait under way; null once that is settled: it knows the response, and a signal that lives long would keep it from being dropped. */
  #reject: ((reason: unknown) => void) | null = null;

  /** `onLeave` is called once, and not after `over`. */
  constructor(request: Request, onLeave: () => void) {
    this.request = request;
    this.#onLeave = onLeave;
    this.#end = isBounded(request) ? new RequestEnd(request, (reason) => this.leave(reason)) : null;
  }

  /** From now on, this is what is to be done when it leaves. */
  onLeave(action: () => void): void {
    this.#onLeave = action;
  }

  leave(reason: unknown): void {
    this.over();
    this.#left = { reason };
    const reject = this.#reject;
    this.#reject = null;
    this.#onLeave();
    reject?.(reason);
  }

  over(): void {
    this.#end?.stop();
  }

  /** What the work comes to, unless the member leaves first: then it is not begun, or not waited for. Its error is the member's own. */
  wait<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#left !== null) {
        reject(this.#left.reason);
        return;
      }
      this.#reject = reject;
      work().then(
        (value) => {
          this.#reject = null;
          resolve(value);
        },
        (error: unknown) => {
          this.#reject = null;
          reject(ownError(error, this.request));
        },
      );
    });
  }
}

/** Whether something can end the request from its caller's side. */
export function isBounded({ signal, extensions }: Request): boolean {
  return signal !== null || extensions.expiresAt !== undefined;
}
