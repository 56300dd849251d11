import type { Summary } from '../summary.ts';
import type { OpenLoop } from '../workloads/workload.ts';

/** One rate as measured: µs from when a request was due to when its body was there, medians of the rounds. */
export interface LatencyResult {
  readonly name: string;
  readonly title: string;
  readonly arrivals: number;
  readonly rows: readonly LatencyRow[];
}

export interface LatencyRow {
  readonly peer: string;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly doubts: readonly string[];
}

export function latencyResult(
  { name, title, arrivals }: OpenLoop,
  { rows }: Summary,
): LatencyResult {
  return {
    name,
    title,
    arrivals,
    rows: rows
      .filter(({ missing }) => missing === null)
      .map(({ label, cost, extra, doubts }) => ({
        peer: label,
        p50: extra['p50 µs'] ?? Number.NaN,
        p90: extra['p90 µs'] ?? Number.NaN,
        p99: cost.median,
        p999: extra['p99.9 µs'] ?? Number.NaN,
        max: extra['max µs'] ?? Number.NaN,
        doubts,
      })),
  };
}
