import type PQueue from 'p-queue';
import { ClosedError } from '../errors.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { labelOf, Middleware, type LayerRole, type TransportLike } from '../transport.ts';
import { Hold, HeldSource } from './throttle/held-source.ts';
import type { ThrottleKeySnapshot } from './throttle/lane.ts';
import { Lanes } from './throttle/lanes.ts';
import {
  limitsRate,
  resolveSettings,
  turnOf,
  type ThrottleChoice,
  type ThrottleOptions,
  type ThrottleSettings,
} from './throttle/settings.ts';
import { Wait } from './throttle/wait.ts';

export type { ThrottleKeySnapshot } from './throttle/lane.ts';
export { FlexibleLimiter, type FlexibleRateLimiter, type Limiter } from './throttle/limiter.ts';
export {
  THROTTLE_CHOICE_NAMES,
  THROTTLE_OPTION_NAMES,
  type ThrottleChoice,
  type ThrottleOptions,
} from './throttle/settings.ts';
export { ThrottleError } from './throttle/throttle-error.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: how it ranks among those that wait, and what it is limited with; `false`: it is sent at once, and counts for nothing. */
    throttle?: ThrottleChoice | false | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** How long the request waited for its turn in the throttle, in milliseconds: the attempt that led to this response. */
    readonly queued?: number | undefined;
  }
}

/** A throttle, as it is at the moment: in all, and by key. */
export interface ThrottleSnapshot {
  readonly running: number;
  readonly queued: number;
  readonly keys: readonly ThrottleKeySnapshot[];
}

/** Loads with the first request of any throttle. */
let Queue: typeof PQueue | undefined;

/**
 * Lets so many requests through at once, or in a time; the others wait for their turn, each in the queue of its key: that of its origin, if
 * nothing else is said. A request is under way until its body has ended or is closed.
 *
 * Who waits leaves the queue with its signal (rejecting with the signal's reason) and at its deadline (`DeadlineError`); where the queue is full,
 * a request is refused with a `ThrottleError`. Place it inside of retries, so that each attempt counts, and has to wait for its turn.
 */
export class ThrottleMiddleware extends Middleware {
  /** How many are under way at once may be counted anywhere. */
  override readonly role: LayerRole | null;
  readonly #settings: ThrottleSettings;
  /** null until the first request. */
  #lanes: Lanes | null = null;
  readonly #waits = new Set<Wait>();
  #closed = false;

  /** @throws TypeError on an option that is not what it has to be, and where none of them limits anything. */
  constructor(next: TransportLike, options: ThrottleOptions) {
    super(next);
    this.#settings = resolveSettings(options);
    this.role = limitsRate(this.#settings) ? 'rate limit' : null;
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.throttle;
    return choice === false ? this.next.send(request) : this.#sendInTurn(request, choice);
  }

  /** Requests under way and waiting. Keys that have neither are left out. */
  snapshot(): ThrottleSnapshot {
    const keys = Array.from(this.#lanes ?? [], (lane) => lane.snapshot()).filter(
      ({ running, queued }) => running + queued > 0,
    );
    return {
      running: keys.reduce((sum, { running }) => sum + running, 0),
      queued: keys.reduce((sum, { queued }) => sum + queued, 0),
      keys,
    };
  }

  /** Who waits is refused with a `ClosedError`; who is under way may end. */
  override close(): Promise<void> {
    this.#closed = true;
    for (const wait of this.#waits) wait.giveUp(closed(wait.request));
    this.#lanes?.close();
    return this.next.close();
  }

  override toString(): string {
    const { running, queued } = this.snapshot();
    return `ThrottleMiddleware [${running} running, ${queued} queued] → ${labelOf(this.next)}`;
  }

  async #sendInTurn(request: Request, choice: ThrottleChoice = {}): Promise<Response> {
    const arrived = performance.now();
    const leave = await this.#enter(request, choice, arrived);
    const queued = performance.now() - arrived;
    try {
      return this.#held(await this.next.send(request), queued, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Waits for the request's turn. Resolves to what is to be called when it is over. */
  async #enter(request: Request, choice: ThrottleChoice, arrived: number): Promise<() => void> {
    const { key, rank } = turnOf(request, choice, this.#settings, arrived);
    Queue ??= (await import('p-queue')).default;
    const lanes = (this.#lanes ??= new Lanes(this.#settings, Queue));
    if (this.#closed) throw closed(request);
    request.signal?.throwIfAborted();
    const lane = lanes.get(key);
    if (lane.isFree) return lane.enter(request, rank, null);
    const wait = new Wait(request);
    this.#waits.add(wait);
    try {
      return await lane.enter(request, rank, wait);
    } finally {
      wait.over();
      this.#waits.delete(wait);
    }
  }

  /** The response, which says how long it had to wait; the request is under way until its body ends, where there is more to come of it. */
  #held(response: Response, queued: number, leave: () => void): Response {
    const extensions = { queued };
    if (this.#settings.hold === 'body' && !response.isRead) {
      const body = response.detach();
      if (!(body instanceof Uint8Array))
        return response.with({ extensions, body: new HeldSource(body, new Hold(leave)) });
    }
    leave();
    return response.with({ extensions });
  }
}

function closed(request: Request): ClosedError {
  return new ClosedError(`${request.toString()}: the throttle is closed`);
}
