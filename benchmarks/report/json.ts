import { environment } from '../results.ts';
import type { Summary } from '../summary.ts';
import type { Verdict } from '../verdicts.ts';

/** Everything that was measured, for other programs. */
export function toJson(summaries: readonly Summary[], verdicts: readonly Verdict[]): string {
  const document = {
    ...environment(),
    workloads: summaries.map(({ workload, rows, warning }) => ({
      name: workload.name,
      title: workload.title,
      unit: workload.unit,
      baseline: workload.baseline,
      warning,
      rows,
    })),
    goals: verdicts.map(({ goal, measured, reached }) => ({
      what: goal.what,
      bound: goal.bound,
      target: goal.target,
      measured,
      reached,
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
