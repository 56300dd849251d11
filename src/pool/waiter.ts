import type { Exchange, ExchangeHolder } from '../exchange.ts';
import { Link } from './linked-list.ts';
import type { Site } from './site.ts';
import type { Slot } from './slot.ts';

/** A request that has no connection yet: it waits in the queue, or for the connection that a slot is opening. */
export class Waiter implements ExchangeHolder {
  readonly exchange: Exchange;
  readonly site: Site;
  /** The slot that opens a connection because of it; null in the queue. */
  slot: Slot | null = null;
  /**
   * Since when it waits, on the `performance.now()` clock: in the queue, where the pool timeout counts, or for the connection that is being
   * opened for it, where the connect timeout does.
   */
  since: number;
  /** Place among its site's waiters: in the queue, or among those that are dialled for. */
  readonly inSite: Link<Waiter> = new Link<Waiter>(this);
  /** Place in the queue of the whole pool. */
  readonly inQueue: Link<Waiter> = new Link<Waiter>(this);
  /** Place among those with the same pool timeout. */
  readonly inTime: Link<Waiter> = new Link<Waiter>(this);
  readonly #onDrop: (waiter: Waiter, reason: unknown) => void;

  constructor(
    exchange: Exchange,
    site: Site,
    since: number,
    onDrop: (waiter: Waiter, reason: unknown) => void,
  ) {
    this.exchange = exchange;
    this.since = since;
    this.site = site;
    this.#onDrop = onDrop;
    exchange.holder = this;
  }

  drop(_exchange: Exchange, reason: unknown): void {
    this.#onDrop(this, reason);
  }
}
