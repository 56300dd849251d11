import type { Slot } from './slot.ts';

/** One connection, as it is at the moment. Times are in milliseconds. */
export interface ConnectionSnapshot {
  readonly origin: string;
  readonly state: 'opening' | 'busy' | 'idle';
  readonly protocol: 'http/1.1' | 'h2' | null;
  readonly remoteAddress: string | null;
  readonly age: number;
  /** Requests begun on it. */
  readonly requests: number;
  /** How long the exchange under way has been going on, from its request's start; null where there is none. */
  readonly busyFor: number | null;
  readonly idleFor: number | null;
}

/** A pool, as it is at the moment. */
export interface PoolSnapshot {
  readonly connections: readonly ConnectionSnapshot[];
  readonly opening: number;
  readonly active: number;
  readonly idle: number;
  readonly waiting: number;
  /** The same by origin: those that have anybody waiting. */
  readonly waitingByOrigin: Readonly<Record<string, number>>;
  /** The connection that has been at one exchange longest. */
  readonly longestHolder: ConnectionSnapshot | null;
}

export function snapshotOf(
  slots: Iterable<Slot>,
  waitingByOrigin: Readonly<Record<string, number>>,
): PoolSnapshot {
  const now = performance.now();
  const connections = Array.from(slots, (slot) => connectionOf(slot, now));
  const count = (state: ConnectionSnapshot['state']): number =>
    connections.filter((each) => each.state === state).length;
  let longestHolder: ConnectionSnapshot | null = null;
  for (const each of connections) {
    if (each.busyFor !== null && each.busyFor > (longestHolder?.busyFor ?? -1))
      longestHolder = each;
  }
  return {
    connections,
    opening: count('opening'),
    active: count('busy'),
    idle: count('idle'),
    waiting: Object.values(waitingByOrigin).reduce((sum, each) => sum + each, 0),
    waitingByOrigin,
    longestHolder,
  };
}

/** What a `PoolTimeoutError` says: who has the connections. */
export function describeSnapshot({
  opening,
  active,
  idle,
  waiting,
  longestHolder,
}: PoolSnapshot): string {
  const holder =
    longestHolder === null
      ? ''
      : `; longest at it: ${longestHolder.origin}, for ${longestHolder.busyFor} ms`;
  return `${active} active, ${opening} opening, ${idle} idle, ${waiting} waiting${holder}`;
}

function connectionOf(slot: Slot, now: number): ConnectionSnapshot {
  const { connection } = slot;
  const since =
    connection?.current?.started ??
    (slot.state === 'opening' ? slot.waiter?.exchange.started : undefined);
  return {
    origin: slot.site.origin,
    state: slot.state === 'free' ? 'busy' : slot.state,
    protocol: connection?.protocol ?? null,
    remoteAddress: connection?.remoteAddress ?? null,
    age: connection === null ? 0 : Math.round(now - connection.opened),
    requests: connection?.served ?? 0,
    busyFor: slot.state === 'idle' || since === undefined ? null : Math.round(now - since),
    idleFor: slot.state === 'idle' ? Math.round(now - slot.idleSince) : null,
  };
}
