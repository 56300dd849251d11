import type { PeerName } from '../peers/index.ts';
import type { Spread } from '../statistics.ts';
import type { Summary } from '../summary.ts';
import { gibibyte } from '../workloads/ingredients.ts';
import type { Workload } from '../workloads/workload.ts';

/** What a request costs as one thing grows, and nothing else. */
export interface Curve {
  readonly name: string;
  readonly title: string;
  /** What grows: the name of the x-axis. */
  readonly axis: string;
  /** What the cost is to do as x grows: stay where it is, or grow with it. */
  readonly course: 'level' | 'straight';
  readonly peers: readonly PeerName[];
  readonly points: readonly { readonly x: number; readonly workload: Workload }[];
}

/** One point as measured, in CPU-µs a request. */
export interface CurvePoint {
  readonly x: number;
  readonly cost: Spread;
  /** How many times cheaper than undici's `request`, in the same round. */
  readonly ratio: number | null;
  readonly doubts: readonly string[];
}

export interface Series {
  readonly peer: string;
  readonly points: readonly CurvePoint[];
}

/** A curve as measured: what is saved and drawn. */
export interface CurveResult {
  readonly name: string;
  readonly title: string;
  readonly axis: string;
  readonly course: Curve['course'];
  readonly series: readonly Series[];
}

/** Puts together what was measured at each x; a peer that cannot do something has no point there. */
export function curveResult(curve: Curve, summaries: readonly Summary[]): CurveResult {
  const { name, title, axis, course, peers } = curve;
  const series = peers.map((peer) => ({
    peer,
    points: curve.points.flatMap(({ x, workload }, i): CurvePoint[] => {
      const row = summaries[i]?.rows.find(({ label }) => label === peer);
      if (row === undefined || row.missing !== null) return [];
      const { median } = row.ratio;
      const ratio = Number.isFinite(median) ? median : null;
      return [{ x, cost: perRequest(workload, row.cost), ratio, doubts: row.doubts }];
    }),
  }));
  return { name, title, axis, course, series: series.filter(({ points }) => points.length > 0) };
}

/** Long bodies are measured by the gibibyte. */
function perRequest(workload: Workload, cost: Spread): Spread {
  if (workload.shape !== 'transfer') return cost;
  const factor = (workload.bytes / gibibyte) * 1000;
  return { median: cost.median * factor, min: cost.min * factor, max: cost.max * factor };
}
