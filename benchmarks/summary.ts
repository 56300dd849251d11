import { FOREIGN_LIMIT, type Series, TWIN_SUFFIX, type WorkloadResult } from './rounds.ts';
import { median, type Spread, spread } from './statistics.ts';
import type { Measurement } from './workloads/measurement.ts';
import type { Workload } from './workloads/workload.ts';

/** One contestant's figures over all rounds. */
export interface Row {
  readonly label: string;
  readonly missing: Series['missing'];
  readonly cost: Spread;
  /** How many times cheaper than the baseline, by round. */
  readonly ratio: Spread;
  readonly rate: number | null;
  readonly clientBusy: number | null;
  readonly serverBusy: number | null;
  readonly foreign: number | null;
  readonly extra: Readonly<Record<string, number>>;
  /** Reasons to trust a figure less. */
  readonly doubts: readonly string[];
  /** Cost by round, for ratios against others than the baseline. */
  readonly costs: readonly number[];
}

export interface Summary {
  readonly workload: Workload;
  readonly rows: readonly Row[];
  readonly warning: string | null;
}

export function summarise({ workload, series, warning }: WorkloadResult): Summary {
  const baseline = series.find(({ label }) => label === workload.baseline);
  const reference = baseline?.samples.map(({ cost }) => cost) ?? [];
  return { workload, warning, rows: series.map((one) => rowOf(workload, one, reference)) };
}

/** How many times cheaper `costs` is than `reference`, round by round. */
export function ratios(reference: readonly number[], costs: readonly number[]): number[] {
  const rounds = Math.min(reference.length, costs.length);
  return costs.slice(0, rounds).map((cost, round) => (reference[round] ?? Number.NaN) / cost);
}

function rowOf(workload: Workload, { label, samples, missing }: Series, reference: number[]): Row {
  const costs = samples.map(({ cost }) => cost);
  const row = {
    label,
    missing,
    cost: spread(costs),
    ratio: spread(ratios(reference, costs)),
    rate: medianOf(samples, ({ rate }) => rate),
    clientBusy: medianOf(samples, ({ usage }) => usage?.clientBusy),
    serverBusy: medianOf(samples, ({ usage }) => usage?.serverBusy),
    foreign: medianOf(samples, ({ usage }) => usage?.foreign),
    extra: mediansOfExtra(samples),
    costs,
  };
  return { ...row, doubts: missing === null ? doubtsAbout(workload, row) : [] };
}

function doubtsAbout(workload: Workload, row: Omit<Row, 'doubts'>): string[] {
  const doubts: string[] = [];
  const { clientBusy, serverBusy, foreign } = row;
  // one request at a time leaves both sides waiting: its rate measures the scheduler
  const shouldSaturate =
    workload.shape === 'burst' || (workload.shape === 'closed-loop' && workload.concurrency >= 10);
  if (foreign !== null && foreign > FOREIGN_LIMIT) doubts.push('disturbed');
  if (shouldSaturate && clientBusy !== null && clientBusy < 0.95)
    doubts.push('client not busy: rate void');
  if (serverBusy !== null && serverBusy > 0.95) doubts.push('server saturated');
  if (row.label.endsWith(TWIN_SUFFIX) && Math.abs(row.ratio.median - 1) > 0.05)
    doubts.push('noise > 5 %');
  return doubts;
}

function medianOf(
  samples: readonly Measurement[],
  pick: (sample: Measurement) => number | null | undefined,
): number | null {
  const values = samples.map(pick).filter((value) => typeof value === 'number');
  return values.length === 0 ? null : median(values);
}

function mediansOfExtra(samples: readonly Measurement[]): Record<string, number> {
  const names = Object.keys(samples[0]?.extra ?? {});
  return Object.fromEntries(
    names.map((name) => [name, medianOf(samples, ({ extra }) => extra[name]) ?? Number.NaN]),
  );
}
