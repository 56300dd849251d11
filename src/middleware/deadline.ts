import { DeadlineError } from '../errors.ts';
import type { BodySource } from '../messages/body-source.ts';
import { PassingSource } from '../messages/passing-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** Milliseconds for the whole call, body included; `null`: no bound. */
    deadline?: number | null | undefined;
  }
}

/**
 * Bounds a whole call: redirects, retries, waits and the body to its end, whatever is inside. It rejects with a `DeadlineError`, and
 * what is going on within is ended: the request carries `expiresAt`, which the pool and the layers that wait keep to.
 *
 * `deadline` is in milliseconds; `null` (the default) bounds only requests that bring their own.
 */
export class DeadlineMiddleware extends Middleware {
  override readonly role = 'deadline';
  readonly #deadline: number;

  /** @throws TypeError where the deadline is not a number above 0, or `null`. */
  constructor(next: TransportLike, deadline: number | null = null) {
    super(next);
    this.#deadline = milliseconds(deadline);
  }

  override get dormant(): boolean {
    return this.#deadline === Infinity;
  }

  send(request: Request): Promise<Response> {
    const own = request.extensions.deadline;
    let deadline: number;
    try {
      deadline = own === undefined ? this.#deadline : milliseconds(own);
    } catch (error) {
      return Promise.reject(error);
    }
    if (deadline === Infinity) return this.next.send(request);
    return new Call(request, deadline).send(this.next);
  }
}

/** One bounded call, from its start to the end of its body. */
class Call {
  readonly #request: Request;
  readonly #deadline: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  /** What the end of the time does, wherever the call is. */
  #onExpired: (error: DeadlineError) => void = () => {};
  /** Of the body: that the time was up. */
  #failure: DeadlineError | null = null;
  /** Of the last reading of the body. */
  #reject: ((error: DeadlineError) => void) | null = null;

  constructor(request: Request, deadline: number) {
    this.#request = request.with({ expiresAt: performance.now() + deadline });
    this.#deadline = deadline;
    this.#timer = setTimeout(() => this.#expire(), Math.min(deadline + GRACE, MAX_WAIT));
  }

  send(next: TransportLike): Promise<Response> {
    return new Promise((resolve, reject) => {
      let expired = false;
      this.#onExpired = (error) => {
        expired = true;
        reject(error);
      };
      next.send(this.#request).then(
        (response) => {
          // It came too late: nobody else would close it.
          if (expired) void response.close();
          else resolve(this.#bounded(response));
        },
        (error: unknown) => {
          this.end();
          reject(this.named(error));
        },
      );
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** What a reading of the body comes to, unless the time is up first. */
  read<T>(read: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#reject = reject;
      read().then(resolve, (error: unknown) => reject(this.#failure ?? this.named(error)));
    });
  }

  /** What is further in knows when the time was up, but not how much there was. */
  named(error: unknown): unknown {
    return (error as { code?: unknown } | null)?.code === 'ERR_DEADLINE'
      ? this.#error(error)
      : error;
  }

  /** The rest of the body is under the same bound. */
  #bounded(response: Response): Response {
    if (!response.isRead) {
      const body = response.detach();
      if (!(body instanceof Uint8Array)) {
        this.#onExpired = (error) => {
          this.#failure = error;
          this.#reject?.(error);
          body.cancel().catch(() => {});
        };
        return response.with({ body: new BoundedSource(body, this) });
      }
    }
    this.end();
    return response;
  }

  #expire(): void {
    this.#onExpired(this.#error(undefined));
  }

  #error(cause: unknown): DeadlineError {
    const message = `not done after ${this.#deadline} ms (deadline)`;
    return new DeadlineError(message, { request: this.#request, elapsed: this.#deadline, cause });
  }
}

/** A body that must have ended before the deadline. */
class BoundedSource extends PassingSource {
  readonly #call: Call;

  constructor(source: BodySource, call: Call) {
    super(source, source.inner && new BoundedSource(source.inner, call));
    this.#call = call;
  }

  protected override reading<T>(read: () => Promise<T>): Promise<T> {
    return this.#call.read(read);
  }

  protected override ended(): void {
    this.#call.end();
  }
}

/** What is further in ends the call by itself, and cleans up. Only where it does not, this layer does, so many milliseconds later. */
const GRACE = 10;
/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;

function milliseconds(deadline: number | null): number {
  if (deadline === null) return Infinity;
  if (typeof deadline !== 'number' || !(deadline > 0)) {
    throw new TypeError(
      `deadline: expected milliseconds above 0, or null, got ${String(deadline)}`,
    );
  }
  return deadline;
}
