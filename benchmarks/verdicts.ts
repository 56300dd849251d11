import type { Goal } from './goal.ts';
import { figure, percent } from './report/figures.ts';
import { TWIN_SUFFIX } from './rounds.ts';
import { median } from './statistics.ts';
import type { Summary } from './summary.ts';

/** The share of a goal that must be reached: the rest is left to the machine's noise. */
export const MARGIN = 0.8;

export interface Verdict {
  readonly goal: Goal;
  readonly measured: number | null;
  /** 1 is the goal met exactly, more is better. */
  readonly reached: number | null;
}

/** Judges the goals that these results can speak of: those whose workloads were all asked for. */
export function judge(goals: readonly Goal[], summaries: readonly Summary[]): Verdict[] {
  const results = new Map(summaries.map((summary) => [summary.workload.name, summary]));
  return goals
    .filter(({ figure }) => [...figure.needs.keys()].every((name) => results.has(name)))
    .map((goal) => {
      const measured = goal.figure.read(results);
      return { goal, measured, reached: measured === null ? null : share(goal, measured) };
    });
}

/** Missed by more than the margin, or not measured though asked for. */
export function isFailure({ reached }: Verdict): boolean {
  return reached === null || reached < MARGIN;
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return `### Goals\n\n${verdictLines(verdicts)}`;
}

export function verdictLines(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map((verdict) => {
    const { goal, measured } = verdict;
    const target = `${goal.bound} ${figure(goal.target)}`;
    const got = measured === null ? 'not measured' : figure(measured);
    return `| ${goal.what} | ${target} | ${got} | ${word(verdict)} |`;
  });
  return ['| goal | target | measured | |', '|---|---:|---:|---|', ...lines].join('\n');
}

/** How far equal things came out apart in this run: a goal missed by less may not be missed at all. */
export function noiseLine(summaries: readonly Summary[]): string {
  const twins = summaries.flatMap(({ rows }) =>
    rows.filter(({ label }) => label.endsWith(TWIN_SUFFIX)).map(({ ratio }) => ratio.median),
  );
  const apart = twins.map((ratio) => Math.abs(ratio - 1)).filter(Number.isFinite);
  if (apart.length === 0) return '';
  return `The baselines differ from themselves by ${percent(median(apart))} in the median, ${percent(Math.max(...apart))} at most.`;
}

function share({ bound, target }: Goal, measured: number): number {
  if (bound === 'at least') return measured / target;
  // what may be at most so much can also come out at nothing or, as a difference, below
  return measured <= target ? 1 : target / measured;
}

function word(verdict: Verdict): string {
  if (isFailure(verdict)) return '**missed**';
  return (verdict.reached ?? 0) < 1 ? 'within the margin' : 'reached';
}
