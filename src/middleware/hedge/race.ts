import { LinkedSignal } from '../../messages/linked-signal.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import type { TransportLike } from '../../transport.ts';
import type { Latencies } from './latencies.ts';

/** What a race goes by. */
export interface RaceRules {
  /** Milliseconds until the request is sent once more, and again until the next time. */
  readonly delay: number;
  readonly maxHedges: number;
  /** Asked before each hedge: whether the load that it adds is allowed. */
  readonly mayHedge: () => boolean;
  /** Where the times of this origin's answers are kept, if they are. */
  readonly latencies: Latencies | null;
}

/** How hedging went. */
export interface HedgeReport {
  /** How often the request was sent besides the first time. */
  readonly sent: number;
  /** Which of them this is the answer to: 0 is the first one, from 1 on they are hedges. */
  readonly answered: number;
}

type Outcome =
  | { readonly response: Response; readonly error?: undefined }
  | { readonly error: unknown; readonly response?: undefined };

interface Attempt {
  readonly signal: LinkedSignal;
  readonly started: number;
  /** null while it is on its way. */
  outcome: Outcome | null;
}

/**
 * One request, sent as often as it takes until an answer comes, within bounds. It is over with the first answer that is good, or when
 * none is on its way any more: then it is what came of the first one. The others are called off, and their responses closed.
 */
export class Race {
  readonly #request: Request;
  readonly #next: TransportLike;
  readonly #rules: RaceRules;
  readonly #attempts: Attempt[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;

  constructor(request: Request, next: TransportLike, rules: RaceRules) {
    this.#request = request;
    this.#next = next;
    this.#rules = rules;
  }

  run(): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      void this.#attempt();
    });
  }

  async #attempt(): Promise<void> {
    const signal = new LinkedSignal(this.#request.signal);
    const attempt: Attempt = { signal, started: performance.now(), outcome: null };
    this.#attempts.push(attempt);
    if (this.#attempts.length <= this.#rules.maxHedges)
      this.#timer = setTimeout(hedge, Math.min(this.#rules.delay, MAX_WAIT), this);
    try {
      this.#settle(attempt, { response: await this.#next.send(this.#request.with({ signal })) });
    } catch (error) {
      this.#settle(attempt, { error });
    }
  }

  /** For the timer: sends it once more, where that is of any use, and allowed. */
  hedge(): void {
    const { signal, extensions } = this.#request;
    if (signal?.aborted === true || performance.now() >= (extensions.expiresAt ?? Infinity)) return;
    if (this.#rules.mayHedge()) void this.#attempt();
  }

  #settle(attempt: Attempt, outcome: Outcome): void {
    if (this.#over) {
      discard(outcome);
      return;
    }
    attempt.outcome = outcome;
    if (isGood(outcome)) this.#rules.latencies?.add(performance.now() - attempt.started);
    else if (this.#attempts.some((each) => each.outcome === null)) return;
    this.#finish(isGood(outcome) ? attempt : this.#attempts[0]!);
  }

  #finish(winner: Attempt): void {
    this.#over = true;
    clearTimeout(this.#timer);
    const [first] = this.#attempts;
    // The first one took this long at least. Without it, only quick answers would be known, and more and more would pass for slow.
    if (first!.outcome === null) this.#rules.latencies?.add(performance.now() - first!.started);
    for (const attempt of this.#attempts) {
      if (attempt === winner) continue;
      if (attempt.outcome === null) attempt.signal.abort(calledOff());
      else discard(attempt.outcome);
    }
    this.#deliver(winner);
  }

  #deliver(winner: Attempt): void {
    const { response, error } = winner.outcome!;
    if (response === undefined) {
      this.#reject(error);
    } else if (this.#attempts.length === 1) {
      this.#resolve(response);
    } else {
      const answered = this.#attempts.indexOf(winner);
      const report: HedgeReport = { sent: this.#attempts.length - 1, answered };
      this.#resolve(response.with({ extensions: { hedge: report } }));
    }
  }
}

/** One function for all timers, so that none is made for each. */
function hedge(race: Race): void {
  race.hedge();
}

/** A server that is overloaded refuses quickly: that must not win over one that answers slowly. */
function isGood({ response }: Outcome): boolean {
  return response !== undefined && response.status < 500 && response.status !== 429;
}

/** Nobody waits for its end, and nobody is told how it ended. */
function discard({ response }: Outcome): void {
  response?.close().catch(() => {});
}

function calledOff(): DOMException {
  return new DOMException('another attempt was answered before this one', 'AbortError');
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
