import type { Budget } from '../../budget.ts';
import type { Request } from '../../messages/request.ts';
import type { TransportLike } from '../../transport.ts';
import type { RetryOutcome, RetryPolicy } from './policy.ts';
import { leavesTime, wait } from './wait.ts';

/** How one request is sent again, all decided. */
export interface Plan {
  readonly attempts: number;
  readonly policy: RetryPolicy;
  readonly idempotencyKey: boolean;
  readonly resume: boolean;
}

/** The tries of one request, counted over its head and its body. */
export class Tries {
  readonly request: Request;
  readonly #plan: Plan;
  readonly #budget: Budget | null;
  readonly #next: TransportLike;
  readonly #earlier: unknown[] = [];
  #count = 0;

  constructor(request: Request, plan: Plan, budget: Budget | null, next: TransportLike) {
    this.request = request;
    this.#plan = plan;
    this.#budget = budget;
    this.#next = next;
  }

  /** How many there have been. */
  get count(): number {
    return this.#count;
  }

  /** Sends the request, or what has become of it. */
  async send(request: Request = this.request): Promise<RetryOutcome> {
    const attempt = ++this.#count;
    const sent = attempt === 1 ? request : request.with({ attempt });
    try {
      return { response: await this.#next.send(sent) };
    } catch (error) {
      // The caller's own end is nobody's failure.
      if (request.signal?.aborted === true) throw error;
      return { error };
    }
  }

  /** Whether there is to be another one; it has waited for it then, and closed the response. The signal ends the wait. */
  async again(
    outcome: RetryOutcome,
    signal: AbortSignal | null = this.request.signal,
  ): Promise<boolean> {
    let delay: number | 'stop';
    try {
      delay = this.#delayAfter(outcome);
    } catch (error) {
      await outcome.response?.close();
      throw error;
    }
    if (delay === 'stop' || !this.#mayRepeat(delay)) return false;
    if (outcome.response !== undefined) await outcome.response.close();
    else this.#earlier.push(outcome.error);
    if (delay > 0) await wait(delay, signal);
    return true;
  }

  /** An error that ends them, with those before it. */
  last(error: unknown): unknown {
    if (this.#earlier.length > 0 && error instanceof Error)
      Object.defineProperty(error, 'earlier', { value: this.#earlier, configurable: true });
    return error;
  }

  /** @throws TypeError where the policy gives nothing that could be waited for. @throws what the policy throws. */
  #delayAfter(outcome: RetryOutcome): number | 'stop' {
    const { attempts, policy } = this.#plan;
    if (this.#count >= attempts) return 'stop';
    const delay = policy(this.#count, this.request, outcome);
    if (delay === 'stop' || delay >= 0) return delay;
    throw new TypeError(
      `retry.policy: expected milliseconds from 0, or 'stop', got ${String(delay)}`,
    );
  }

  #mayRepeat(delay: number): boolean {
    const { content } = this.request;
    if (content !== null && !content.replayable) return false;
    return leavesTime(this.request, delay) && (this.#budget?.withdraw() ?? true);
  }
}
