import type { TransportLike } from '../../transport.ts';
import type { Arrivals } from './arrivals.ts';
import type { Flights } from './flights.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Policies } from './policy.ts';
import type { Shelf } from './shelf.ts';

/** What a cache works with. */
export interface Means {
  readonly next: TransportLike;
  readonly policies: Policies;
  readonly store: GuardedStore;
  readonly shelf: Shelf;
  readonly flights: Flights;
  readonly arrivals: Arrivals;
  /** Responses that are fetched anew while the stale ones are used. */
  readonly refreshes: Map<string, Promise<void>>;
  readonly maxEntrySize: number;
  readonly now: () => number;
}
