import { inspect } from '../../messages/inspect.ts';
import type { Request } from '../../messages/request.ts';
import type { Redaction } from './redaction.ts';
import type { ExchangeCause, TracedExchange } from './traced-exchange.ts';

let last = 0;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CHALLENGES: ReadonlySet<number> = new Set([401, 407]);

/** One call, from when it came to the layers until they had an answer: all exchanges that it led to, in the order in which they began. */
export class Trace {
  /** Of its own in this process. */
  readonly id: number = ++last;
  readonly date: Date = new Date();
  /** On the `performance.now()` clock. */
  readonly started: number = performance.now();
  readonly method: string;
  /** As in `TracedRequest`. */
  readonly url: string;
  readonly #exchanges: TracedExchange[] = [];
  #ended: number | null = null;

  constructor(request: Request, redaction: Redaction) {
    this.method = request.method;
    this.url = redaction.urlOf(request);
  }

  get exchanges(): readonly TracedExchange[] {
    return this.#exchanges;
  }

  /** When the call was answered, or failed. The body may still come. */
  get ended(): number | null {
    return this.#ended;
  }

  toJSON(): object {
    const { id, date, method, url, exchanges } = this;
    return { id, date, method, url, exchanges };
  }

  [inspect](): object {
    return this.toJSON();
  }

  add(exchange: TracedExchange): void {
    this.#exchanges.push(exchange);
  }

  end(): void {
    this.#ended = performance.now();
  }

  /** What an exchange that begins now comes from: told by what was before it, for the layers do not know of one another. */
  origins(attempt: number): Pick<TracedExchange, 'cause' | 'hop'> {
    const before = this.#exchanges.at(-1);
    if (before === undefined) return { cause: 'call', hop: 0 };
    const { hop, response } = before;
    const cause = causeAfter(before, attempt);
    return { cause, hop: cause === 'redirect' && response !== null ? hop + 1 : hop };
  }
}

function causeAfter(
  { attempt: before, response, outcome }: TracedExchange,
  attempt: number,
): ExchangeCause {
  if (attempt > before) return 'retry';
  if (response === null) return outcome === null ? 'beside' : 'again';
  if (REDIRECTS.has(response.status)) return 'redirect';
  return CHALLENGES.has(response.status) ? 'challenge' : 'again';
}
