import type { PeerName } from './peers/index.ts';
import { median } from './statistics.ts';
import { type Row, ratios, type Summary } from './summary.ts';

/** The words in which goals.ts is written. */

export interface Goal {
  readonly what: string;
  readonly figure: Figure;
  readonly bound: 'at least' | 'at most';
  readonly target: number;
}

/** A number to be read from the results, and what must be measured for it. */
export interface Figure {
  readonly needs: ReadonlyMap<string, readonly PeerName[]>;
  /** Null: not measured. */
  read(results: ReadonlyMap<string, Summary>): number | null;
}

export const atLeast = (target: number, what: string, figure: Figure): Goal => ({
  what,
  figure,
  bound: 'at least',
  target,
});

export const atMost = (target: number, what: string, figure: Figure): Goal => ({
  what,
  figure,
  bound: 'at most',
  target,
});

/** How many times cheaper a peer is than another, the median of the rounds. */
export function ratio(
  workload: string,
  peer: PeerName,
  against: PeerName = 'undici-request',
): Figure {
  return figureOf(workload, [peer, against], (row, other) =>
    median(ratios(other.costs, row.costs)),
  );
}

/** What a peer costs above another, as a share of the other. */
export function overhead(workload: string, peer: PeerName, over: PeerName): Figure {
  return figureOf(
    workload,
    [peer, over],
    (row, other) => 1 / median(ratios(other.costs, row.costs)) - 1,
  );
}

/** The difference of two costs, in parts. */
export function costPerLayer(
  workload: string,
  peer: PeerName,
  over: PeerName,
  layers: number,
): Figure {
  return figureOf(
    workload,
    [peer, over],
    (row, other) => (row.cost.median - other.cost.median) / layers,
  );
}

export function cost(workload: string, peer: PeerName): Figure {
  return figureOf(workload, [peer], (row) => row.cost.median);
}

export function extra(workload: string, peer: PeerName, name: string): Figure {
  return figureOf(workload, [peer], (row) => row.extra[name] ?? Number.NaN);
}

/** How many times as much one workload costs as another, for the same peer. */
export function growth(from: string, to: string, peer: PeerName): Figure {
  const costOf = (workload: string) => cost(workload, peer);
  return {
    needs: new Map([...costOf(from).needs, ...costOf(to).needs]),
    read(results) {
      const small = costOf(from).read(results);
      const large = costOf(to).read(results);
      return small === null || large === null ? null : large / small;
    },
  };
}

function figureOf(
  workload: string,
  peers: readonly [PeerName, PeerName?],
  compute: (row: Row, other: Row) => number,
): Figure {
  const [peer, against = peer] = peers;
  return {
    needs: new Map([[workload, [peer, against]]]),
    read(results) {
      const rows = results.get(workload)?.rows ?? [];
      const row = rows.find(({ label }) => label === peer);
      const other = rows.find(({ label }) => label === against);
      if (row === undefined || other === undefined) return null;
      const value = compute(row, other);
      return Number.isFinite(value) ? value : null;
    },
  };
}
