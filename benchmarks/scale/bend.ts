import type { CurvePoint, CurveResult } from './curve.ts';

/** Where a curve leaves the course that it should keep. */
export interface Bend {
  readonly x: number;
  /** How many times as much it costs there as the course would have it. */
  readonly times: number;
}

/** What is less than this above the course is noise, or the cache misses that more memory always costs. */
const TOLERANCE = 1.25;

/** Growth that is smaller, as a share of the first cost, says nothing about a slope. */
const SMALLEST_SLOPE = 0.1;

/** The first point that lies above the course; null where none does. */
export function bendOf(course: CurveResult['course'], points: readonly CurvePoint[]): Bend | null {
  for (let i = 1; i < points.length; i++) {
    const point = points[i] as CurvePoint;
    const times = point.cost.median / expected(course, points.slice(0, i), point.x);
    if (times > TOLERANCE) return { x: point.x, times };
  }
  return null;
}

/** What the points so far promise for `x`: level, the least of them; straight, the line from the first through the last. */
function expected(course: CurveResult['course'], before: readonly CurvePoint[], x: number): number {
  const costs = before.map(({ cost }) => cost.median);
  if (course === 'level') return Math.min(...costs);
  const [first] = before;
  const last = before.at(-1);
  if (first === undefined || last === undefined) return Number.NaN;
  const start = first.cost.median;
  if (last.x === first.x) return Number.POSITIVE_INFINITY; // one point has no slope
  const growth = Math.max(last.cost.median - start, SMALLEST_SLOPE * start);
  return start + (growth * (x - first.x)) / (last.x - first.x);
}
