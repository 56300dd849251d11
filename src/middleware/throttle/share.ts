import type { Request } from '../../messages/request.ts';
import type { Limiter } from './limiter.ts';

/** One request's share of a limiter's limit: asked for until it is taken, and given back once. */
export class Share {
  readonly request: Request;
  readonly #limiter: Limiter;
  readonly #key: string;
  #state: 'wanted' | 'taken' | 'given back' = 'wanted';

  constructor(limiter: Limiter, key: string, request: Request) {
    this.#limiter = limiter;
    this.#key = key;
    this.request = request;
  }

  /** 0: it is taken. More: how long to wait before the next time. @throws what the limiter throws. */
  async take(): Promise<number> {
    const delay = await this.#limiter.take(this.#key, this.request);
    if (delay === 0) this.#state = 'taken';
    return delay;
  }

  /** May be called at any time and again; what has not been taken is not given back. */
  giveBack(): void {
    if (this.#state !== 'taken') return;
    this.#state = 'given back';
    void this.#give();
  }

  /** What it fails with is of no request's concern. */
  async #give(): Promise<void> {
    try {
      await this.#limiter.give?.(this.#key, this.request);
    } catch {}
  }
}
