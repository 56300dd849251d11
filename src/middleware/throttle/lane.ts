import type PQueue from 'p-queue';
import type { QueueAddOptions } from 'p-queue';
import { DeadlineError } from '../../errors.ts';
import type { Request } from '../../messages/request.ts';
import { RankedQueue } from './ranked-queue.ts';
import type { ThrottleSettings } from './settings.ts';
import { Share } from './share.ts';
import { ThrottleError } from './throttle-error.ts';
import { sleep, type Wait } from './wait.ts';

type Queue = PQueue<RankedQueue, QueueAddOptions>;

/** A key, as it is at the moment: requests under way, and requests that wait. */
export interface ThrottleKeySnapshot {
  readonly key: string;
  readonly running: number;
  readonly queued: number;
}

/**
 * The requests of one key.
 *
 *     queued for a place ─▶ [queued for its turn with the limiter ─▶ asking it] ─▶ running ─▶ over
 *
 * Both queues are p-queue's, whose tasks are nothing but the time for which a place or a turn is taken: what a request does then, it does
 * in the async context of its caller.
 */
export class Lane {
  readonly key: string;
  readonly #settings: ThrottleSettings;
  readonly #places: Queue;
  /** One at a time: a limiter somewhere else is not asked by all that wait. null where there is no limiter. */
  readonly #turns: Queue | null;
  /** Those with a place that the limiter has not let through yet. */
  #asking = 0;

  constructor(
    key: string,
    settings: ThrottleSettings,
    Queue: typeof PQueue,
    onIdle: (lane: Lane) => void,
  ) {
    const { concurrency, interval, intervalCap, limiter } = settings;
    this.key = key;
    this.#settings = settings;
    this.#places = new Queue({
      queueClass: RankedQueue,
      concurrency,
      ...(interval > 0 && { interval, intervalCap, strict: true }),
    });
    this.#places.on('idle', () => onIdle(this));
    this.#turns = limiter === null ? null : new Queue({ queueClass: RankedQueue, concurrency: 1 });
  }

  get running(): number {
    return this.#places.pending - this.#asking;
  }

  get queued(): number {
    return this.#places.size + this.#asking;
  }

  /** Whether a request is sure not to wait. */
  get isFree(): boolean {
    const { interval, limiter, concurrency } = this.#settings;
    return interval === 0 && limiter === null && this.#places.pending < concurrency;
  }

  snapshot(): ThrottleKeySnapshot {
    return { key: this.key, running: this.running, queued: this.queued };
  }

  /**
   * Waits until the request may be sent; `wait` is not needed where the lane is free. Resolves to what is to be called, once or more
   * often, when the request is over. @throws what the wait ends with; ThrottleError; DeadlineError.
   */
  async enter(request: Request, rank: number, wait: Wait | null): Promise<() => void> {
    const { limiter } = this.#settings;
    const entering = this.#place(rank, wait?.signal);
    if (this.#inLine > this.#settings.maxQueue) wait?.giveUp(this.#refusal(request));
    const leave = await entering;
    if (wait === null) return leave;
    if (limiter === null) {
      if (!wait.signal.aborted) return leave;
      leave();
      throw wait.signal.reason as Error;
    }
    const share = new Share(limiter, this.key, request);
    try {
      const asking = (): Promise<void> => this.#ask(share, wait.signal);
      await this.#turns?.add(asking, { priority: rank, signal: wait.signal });
    } catch (error) {
      share.giveBack();
      leave();
      throw error;
    } finally {
      this.#asking--;
    }
    return () => {
      share.giveBack();
      leave();
    };
  }

  #place(priority: number, signal: AbortSignal | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const taken = (): Promise<void> => {
        if (this.#settings.limiter !== null) this.#asking++;
        return new Promise((leave) => resolve(leave));
      };
      this.#places.add(taken, { priority, signal }).catch(reject);
    });
  }

  /** Those that wait. Whoever asks the limiter at the moment does not count: it may be let through. */
  get #inLine(): number {
    return this.#places.size + Math.max(this.#asking - 1, 0);
  }

  async #ask(share: Share, signal: AbortSignal): Promise<void> {
    const { request } = share;
    for (;;) {
      const delay = await this.#answer(share);
      if (delay === 0) {
        // It may have left meanwhile.
        if (signal.aborted) share.giveBack();
        return;
      }
      const { expiresAt = Infinity } = request.extensions;
      if (performance.now() + delay >= expiresAt) {
        const message = `not done by its deadline: the limiter asks to wait for ${Math.ceil(delay)} ms (throttle)`;
        throw new DeadlineError(message, { request, phase: 'pool' });
      }
      await sleep(delay, signal);
    }
  }

  async #answer(share: Share): Promise<number> {
    let delay: number;
    try {
      delay = await share.take();
    } catch (cause) {
      throw this.#error('the limiter failed (throttle.limiter)', share.request, cause);
    }
    if (typeof delay !== 'number' || !(delay >= 0)) {
      throw new TypeError(
        `throttle.limiter: expected take to give milliseconds from 0, got ${String(delay)}`,
      );
    }
    if (delay === Infinity)
      throw this.#error('the limiter will never let it through (throttle.limiter)', share.request);
    return delay;
  }

  #refusal(request: Request): ThrottleError {
    const whose = this.key === request.origin ? this.key : 'its key';
    const others = this.#inLine - 1;
    const message = `the queue of ${whose} is full: ${others} requests wait, ${this.running} are under way (throttle.maxQueue)`;
    return this.#error(message, request);
  }

  #error(message: string, request: Request, cause?: unknown): ThrottleError {
    const { key, running } = this;
    return new ThrottleError(message, { request, cause, key, queued: this.#inLine - 1, running });
  }
}
