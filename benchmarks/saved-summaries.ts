import { load, save, type Saved } from './results.ts';
import type { Summary } from './summary.ts';
import { workloads } from './workloads/index.ts';

type SavedSummary = Omit<Summary, 'workload'> & { readonly name: string };

export function saveSummaries(summaries: readonly Summary[]): void {
  save<SavedSummary>(
    'workloads',
    summaries.map(({ workload, rows, warning }) => ({ name: workload.name, rows, warning })),
  );
}

/** What was saved of the workloads that there are; null: nothing. */
export function loadSummaries(): Saved<readonly Summary[]> | null {
  const saved = load<readonly SavedSummary[]>('workloads');
  if (saved === null) return null;
  const content = saved.content.flatMap(({ name, rows, warning }) => {
    const workload = workloads.find((one) => one.name === name);
    return workload === undefined ? [] : [{ workload, rows, warning }];
  });
  return { environment: saved.environment, content };
}
