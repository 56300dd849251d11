import type { Connection, ConnectionOwner, Exchange } from '../exchange.ts';
import type { ConnectionFacts } from '../messages/timeline.ts';
import { Link } from './linked-list.ts';
import type { Site } from './site.ts';
import type { Waiter } from './waiter.ts';

/** What a slot tells the pool: what happened to its connection. */
export interface SlotOwner {
  onAvailable(slot: Slot, now: number): void;
  onClosed(slot: Slot): void;
  onStale(slot: Slot, exchange: Exchange, unsent: boolean): boolean;
  onOrphaned(exchange: Exchange): void;
  onDropped(exchange: Exchange): void;
}

/**
 * A place among the pool's connections: what the limits count. It is taken before a connection is opened and given back when that is
 * closed, and it has one owner at any time, so that none can be lost.
 *
 *     opening ─▶ busy ⇄ idle
 *        ▲        │
 *        └ stale ─┘          any ─▶ free
 */
export class Slot implements ConnectionOwner {
  readonly site: Site;
  state: 'opening' | 'busy' | 'idle' | 'free' = 'opening';
  connection: Connection | null = null;
  /** What is to be told of that. */
  facts: ConnectionFacts | null = null;
  /** While opening: the request that it is done for; null where that has been served or has gone. */
  waiter: Waiter | null = null;
  /** While opening: the waiter gets this connection and no other, for it has had a stale one. */
  reserved = false;
  /** On the `performance.now()` clock: from then on it begins no exchange. */
  retireAt: number = Infinity;
  idleSince = 0;
  /** Place among its site's slots: those that are idle, or those that can take more. */
  readonly inSite: Link<Slot> = new Link<Slot>(this);
  readonly inIdle: Link<Slot> = new Link<Slot>(this);
  readonly #owner: SlotOwner;

  constructor(site: Site, owner: SlotOwner) {
    this.site = site;
    this.#owner = owner;
  }

  onAvailable(_connection: Connection, now: number): void {
    this.#owner.onAvailable(this, now);
  }

  onClosed(): void {
    this.#owner.onClosed(this);
  }

  onStale(exchange: Exchange, _connection: Connection, unsent: boolean): boolean {
    return this.#owner.onStale(this, exchange, unsent);
  }

  onOrphaned(exchange: Exchange): void {
    this.#owner.onOrphaned(exchange);
  }

  onDropped(exchange: Exchange): void {
    this.#owner.onDropped(exchange);
  }
}
