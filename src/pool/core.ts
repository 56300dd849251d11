import type { Connection, Exchange } from '../exchange.ts';
import { LinkedList } from './linked-list.ts';
import type { ResolvedLimits } from './limits.ts';
import { Site } from './site.ts';
import { Slot, type SlotOwner } from './slot.ts';
import { Waiter } from './waiter.ts';

/** I/O that a change of the pool's state asks for. It is done afterwards, by others: nothing here waits or calls out. */
export type Owed =
  | { readonly do: 'send'; readonly slot: Slot; readonly exchange: Exchange }
  | { readonly do: 'open'; readonly slot: Slot }
  /** The connection that is being opened is for another waiter now, whose connect timeout is in force. */
  | { readonly do: 'bound'; readonly slot: Slot }
  /** The connection, or the attempt to open one. The slot is free already. */
  | { readonly do: 'close'; readonly slot: Slot };

/** A server that says how long it waits is left this much earlier, so that a request does not cross its FIN. */
const HINT_MARGIN = 1000;

/**
 * Who gets which connection: the pool's state, and the only place where it changes. Every method is synchronous, leaves the state whole,
 * and adds what has to be done to `owed`. None depends on how many connections or waiters there are.
 *
 * The rules:
 * - A request takes the idle connection to its origin that was used last; else a new one, if the limits allow; else it closes the
 *   connection to another origin that has been idle longest; else it is sent behind others on a busy one that takes it; else it waits.
 * - Who waits is served in order of arrival: strictly, among those for one origin. A connection that comes free goes to its own origin first,
 *   rather than be closed for another, but nobody is overtaken so by more than `maxConnections - 1` others.
 * - A connection that is opened serves whoever has waited longest for that origin, not necessarily the one it was opened for.
 * - Idle connections and waiters that could use their places do not exist at the same time.
 */
export class PoolCore {
  readonly owed: Owed[] = [];
  readonly slots: Set<Slot> = new Set();
  /** Slots that are not idle. */
  working = 0;
  /** No connection is kept any more. */
  closing = false;
  readonly #limits: ResolvedLimits;
  readonly #owner: SlotOwner;
  readonly #onDrop: (waiter: Waiter, reason: unknown) => void;
  readonly #sites: Map<string, Site> = new Map();
  /** The site of the request before: most often that of the next one, too. */
  #lastSite: Site | null = null;
  /** Idle slots of all origins, the one that has been idle longest first. */
  readonly #idle: LinkedList<Slot> = new LinkedList();
  /** Waiters of all origins, in order of arrival. Those whose origin is at its own limit may be in their site's queue only. */
  readonly #queue: LinkedList<Waiter> = new LinkedList();
  #waiting = 0;
  #overtaken = 0;

  constructor(
    limits: ResolvedLimits,
    owner: SlotOwner,
    onDrop: (waiter: Waiter, reason: unknown) => void,
  ) {
    this.#limits = limits;
    this.#owner = owner;
    this.#onDrop = onDrop;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** Requests in the queue. */
  get waiting(): number {
    return this.#waiting;
  }

  /** All who have no connection yet. */
  *waiters(): Iterable<Waiter> {
    for (const site of this.#sites.values()) yield* site.queue;
    for (const slot of this.slots) if (slot.waiter !== null) yield slot.waiter;
  }

  /** The origins that have requests in the queue, and how many. */
  get waitingByOrigin(): Record<string, number> {
    const waiting: Record<string, number> = {};
    for (const { origin, queue } of this.#sites.values()) {
      if (queue.length > 0) waiting[origin] = queue.length;
    }
    return waiting;
  }

  /** A request arrives. Answers its waiter where it has to wait in the queue, 'full' where there is no place in it. */
  submit(exchange: Exchange, now: number): Waiter | 'full' | null {
    const { origin } = exchange.request;
    const slot = this.#takeIdle(this.#siteOf(origin), now);
    if (slot !== null) {
      this.#give(slot, exchange);
      return null;
    }
    // What was not taken may have been the last of its site.
    const site = this.#siteOf(origin);
    if (this.#mayOpen(site)) {
      this.#open(new Waiter(exchange, site, now, this.#onDrop));
      return null;
    }
    const shared = this.#takeShared(site, exchange, now);
    if (shared !== null) {
      this.#give(shared, exchange);
      return null;
    }
    if (this.#waiting >= this.#limits.maxQueue) {
      this.#forget(site);
      return 'full';
    }
    const waiter = new Waiter(exchange, site, now, this.#onDrop);
    this.#waiting++;
    site.queue.push(waiter.inSite);
    this.#queue.push(waiter.inQueue);
    return waiter;
  }

  /** A connection has been opened and stands in its slot. */
  opened(slot: Slot, now: number): void {
    slot.state = 'busy';
    const { waiter } = slot;
    slot.waiter = null;
    if (slot.reserved && waiter !== null) {
      slot.reserved = false;
      this.#give(slot, waiter.exchange);
      return;
    }
    const first = slot.site.dialing.first;
    if (first === null) {
      this.available(slot, now);
      return;
    }
    // Whoever has waited longest gets it; the one it was opened for takes over the other's slot.
    first.inSite.remove();
    const other = first.slot as Slot;
    if (other !== slot) {
      if (waiter === null) this.#adopt(other);
      else this.#wait(other, waiter);
    }
    this.#give(slot, first.exchange);
  }

  /** The exchange on a slot has ended, and its connection can take another; or it can while that goes on. */
  available(slot: Slot, now: number): void {
    if (slot.state === 'free') return;
    if (slot.connection !== null && slot.connection.current !== null) {
      this.#share(slot, slot.connection, now);
      return;
    }
    slot.inSite.remove();
    const { site } = slot;
    const wanted = !this.closing || this.#waiting > 0 || site.dialing.length > 0;
    if (!wanted || !this.#isFit(slot, now)) {
      this.#close(slot);
      return;
    }
    const dialled = site.dialing.first;
    if (dialled !== null) {
      // Its own connection is still on the way: that goes to the next one in the queue.
      dialled.inSite.remove();
      this.#adopt(dialled.slot as Slot);
      this.#give(slot, dialled.exchange);
      return;
    }
    const own = site.queue.first;
    if (own !== null && this.#mayOvertake(site)) {
      this.#leaveQueue(own);
      this.#give(slot, own.exchange);
    } else if (
      this.#oldest() !== null ||
      this.closing ||
      this.#limits.maxKeepaliveConnections === 0
    ) {
      this.#close(slot);
    } else {
      this.#rest(slot, now);
    }
  }

  /** A slot's connection is gone, or could not be opened. Answers the waiter that it was opened for. */
  closed(slot: Slot): Waiter | null {
    if (slot.state === 'free') return null;
    const { waiter } = slot;
    waiter?.inSite.remove();
    slot.waiter = null;
    this.#free(slot);
    this.#fill();
    return waiter;
  }

  /** The connection turned out to be dead when the exchange came to it: another one is opened, for it alone. */
  reopen(slot: Slot, exchange: Exchange): void {
    slot.inSite.remove();
    slot.state = 'opening';
    slot.connection = null;
    slot.reserved = true;
    this.#dial(slot, new Waiter(exchange, slot.site, performance.now(), this.#onDrop));
  }

  /** A waiter waits no more. */
  removed(waiter: Waiter): void {
    const { slot } = waiter;
    // It has been given a connection in this very turn.
    if (waiter.inSite.list === null && slot?.waiter !== waiter) return;
    if (slot === null) {
      this.#leaveQueue(waiter);
      this.#forget(waiter.site);
      return;
    }
    waiter.inSite.remove();
    slot.reserved = false;
    this.#adopt(slot);
    if (slot.waiter === null) this.#close(slot);
  }

  closeIdle(): void {
    for (let slot = this.#idle.first; slot !== null; slot = this.#idle.first) this.#close(slot);
  }

  /** Whether more are idle than are to be kept. They may be until the present turn of the event loop is over: see `trim`. */
  get hasExcess(): boolean {
    return this.#idle.length > this.#limits.maxKeepaliveConnections;
  }

  /** Closes those that have been idle longest, until no more are left than are to be kept. */
  trim(): void {
    while (this.hasExcess) this.#close(this.#idle.first as Slot);
  }

  /** Ends the attempt to open a connection that nobody waits for any more. */
  abandon(slot: Slot): void {
    if (slot.state === 'opening' && slot.waiter === null) this.#close(slot);
  }

  // ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #siteOf(origin: string): Site {
    if (this.#lastSite?.origin === origin) return this.#lastSite;
    let site = this.#sites.get(origin);
    if (site === undefined) this.#sites.set(origin, (site = new Site(origin)));
    this.#lastSite = site;
    return site;
  }

  /** An idle slot that is still good; those that are not are closed. */
  #takeIdle(site: Site, now: number): Slot | null {
    for (let slot = site.idle.last; slot !== null; slot = site.idle.last) {
      if (this.#isFit(slot, now)) {
        slot.inSite.remove();
        slot.inIdle.remove();
        this.working++;
        return slot;
      }
      this.#close(slot);
    }
    return null;
  }

  /** A busy slot that takes this exchange as well. Who waits is not overtaken, and those of other origins need it idle. */
  #takeShared(site: Site, exchange: Exchange, now: number): Slot | null {
    if (site.sharing.first === null || site.queue.first !== null || this.#oldest() !== null)
      return null;
    for (let slot = site.sharing.first; slot !== null; slot = site.sharing.first) {
      if (this.#isFit(slot, now)) return slot.connection?.takes(exchange) ? slot : null;
      slot.inSite.remove();
    }
    return null;
  }

  /** Gives those who wait a place on a busy connection, as far as the first in line can be sent there. */
  #share(slot: Slot, connection: Connection, now: number): void {
    const { queue, sharing } = slot.site;
    slot.inSite.remove();
    if (!this.#isFit(slot, now)) return;
    for (let { room } = connection; room > 0; room--) {
      const first = queue.first;
      if (first === null) {
        sharing.push(slot.inSite);
        return;
      }
      if (!connection.takes(first.exchange) || !this.#mayOvertake(slot.site)) return;
      this.#leaveQueue(first);
      this.#give(slot, first.exchange);
    }
  }

  /** Whether a slot's connection may begin another exchange. */
  #isFit(slot: Slot, now: number): boolean {
    const connection = slot.connection;
    return (
      connection !== null &&
      connection.room > 0 &&
      now < slot.retireAt &&
      connection.served < this.#limits.maxRequestsPerConnection &&
      connection.served < connection.keepAlive.max
    );
  }

  #give(slot: Slot, exchange: Exchange): void {
    slot.state = 'busy';
    this.owed.push({ do: 'send', slot, exchange });
  }

  /** Whether a slot for this site may be taken, making room by closing an idle one if need be. */
  #mayOpen(site: Site): boolean {
    if (site.slots >= this.#limits.maxConnectionsPerOrigin) return false;
    if (this.slots.size < this.#limits.maxConnections) return true;
    const victim = this.#idle.first;
    if (victim === null) return false;
    this.#release(victim);
    return true;
  }

  #open(waiter: Waiter): void {
    const slot = new Slot(waiter.site, this.#owner);
    this.slots.add(slot);
    waiter.site.slots++;
    this.working++;
    waiter.site.dialing.push(waiter.inSite);
    this.#dial(slot, waiter);
  }

  #dial(slot: Slot, waiter: Waiter): void {
    slot.waiter = waiter;
    waiter.slot = slot;
    waiter.since = performance.now();
    this.owed.push({ do: 'open', slot });
  }

  /** A waiter waits for a slot that is being opened already. */
  #wait(slot: Slot, waiter: Waiter): void {
    slot.waiter = waiter;
    waiter.slot = slot;
    this.owed.push({ do: 'bound', slot });
  }

  /** A slot that is being opened, for a waiter that has been served: it is opened for the next in the queue instead. */
  #adopt(slot: Slot): void {
    const next = slot.site.queue.first;
    slot.waiter = null;
    if (next === null) return;
    this.#leaveQueue(next);
    slot.site.dialing.push(next.inSite);
    next.since = performance.now();
    this.#wait(slot, next);
  }

  #rest(slot: Slot, now: number): void {
    slot.state = 'idle';
    slot.idleSince = now;
    this.working--;
    slot.site.idle.push(slot.inSite);
    this.#idle.push(slot.inIdle);
    const connection = slot.connection;
    const { timeout } = connection?.keepAlive ?? { timeout: Infinity };
    // The margin never takes more than half of what the server offers.
    const hint = timeout === Infinity ? Infinity : timeout - Math.min(HINT_MARGIN, timeout / 2);
    connection?.expireAt(
      Math.min(now + Math.min(this.#limits.keepaliveExpiry, hint), slot.retireAt),
    );
  }

  /** The oldest waiter that a free place in the pool would help. */
  #oldest(): Waiter | null {
    for (let waiter = this.#queue.first; waiter !== null; waiter = this.#queue.first) {
      if (waiter.site.slots < this.#limits.maxConnectionsPerOrigin) return waiter;
      // Only its own origin can help it: `#surface` puts it back when that is below its limit.
      waiter.inQueue.remove();
    }
    return null;
  }

  /** Places have come free: slots are opened for those who wait. */
  #fill(): void {
    while (this.slots.size < this.#limits.maxConnections) {
      const waiter = this.#oldest();
      if (waiter === null) return;
      this.#leaveQueue(waiter);
      this.#open(waiter);
    }
  }

  /** Who is first in the queue of an origin below its limit has to be seen by `#oldest`. */
  #surface(site: Site): void {
    const first = site.queue.first;
    if (
      first === null ||
      first.inQueue.list !== null ||
      site.slots >= this.#limits.maxConnectionsPerOrigin
    )
      return;
    this.#queue.unshift(first.inQueue);
  }

  /** Whether the first in a site's queue may go before those of other origins that have waited longer. */
  #mayOvertake(site: Site): boolean {
    const oldest = this.#oldest();
    return (
      oldest === null || oldest.site === site || ++this.#overtaken < this.#limits.maxConnections
    );
  }

  #leaveQueue(waiter: Waiter): void {
    if (this.#queue.first === waiter) this.#overtaken = 0;
    this.#waiting--;
    waiter.inSite.remove();
    waiter.inQueue.remove();
    waiter.inTime.remove();
    this.#surface(waiter.site);
  }

  /** Closes a slot, and gives its place to those who wait. */
  #close(slot: Slot): void {
    this.#release(slot);
    this.#fill();
  }

  /** Frees a slot's place, and has its connection closed. */
  #release(slot: Slot): void {
    this.#free(slot);
    this.owed.push({ do: 'close', slot });
  }

  #free(slot: Slot): void {
    if (slot.state !== 'idle') this.working--;
    slot.inSite.remove();
    slot.inIdle.remove();
    slot.state = 'free';
    this.slots.delete(slot);
    slot.site.slots--;
    this.#surface(slot.site);
    this.#forget(slot.site);
  }

  #forget(site: Site): void {
    if (!site.unused) return;
    this.#sites.delete(site.origin);
    if (this.#lastSite === site) this.#lastSite = null;
  }
}
