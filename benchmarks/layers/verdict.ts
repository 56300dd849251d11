import { figure } from '../report/figures.ts';
import { FOREIGN_LIMIT } from '../rounds.ts';
import { median } from '../statistics.ts';
import { MARGIN } from '../verdicts.ts';
import { type Budget, budgets, REFERENCE_MICROS } from './budgets.ts';
import type { LayerResult } from './measure.ts';

/** A layer beside its budget. */
export interface BudgetVerdict {
  readonly result: LayerResult;
  /** For this machine. Null: it has none. */
  readonly budget: Budget | null;
  /** What is over: null where nothing is, or where there is nothing to compare. */
  readonly over: 'time' | 'allocation' | 'both' | null;
}

/** No budget is kept more exactly than it can be measured. */
const RESOLUTION: Budget = { micros: 0.05, bytes: 128 };

/** Compares each with its budget, as large as it is on a machine as fast as this one has just been. */
export function judgeBudgets(
  results: readonly LayerResult[],
  table: Readonly<Record<string, Budget>> = budgets,
): BudgetVerdict[] {
  const slowness = slownessOf(results);
  return results.map((result) => {
    const known = table[result.name];
    if (known === undefined) return { result, budget: null, over: null };
    const budget = { micros: known.micros * slowness, bytes: known.bytes };
    return { result, budget, over: overOf(result, budget) };
  });
}

export function isOver({ over }: BudgetVerdict): boolean {
  return over !== null;
}

/** How much longer a bare request takes here than where the budgets were set; never less than 1. */
function slownessOf(results: readonly LayerResult[]): number {
  const bare = bareMicros(results);
  return bare === null ? 1 : Math.max(1, bare / REFERENCE_MICROS);
}

/** A request without any layer, in CPU-µs; null: nothing was measured. */
export function bareMicros(results: readonly LayerResult[]): number | null {
  const bare = results.flatMap(({ cost }) => (cost === null ? [] : [cost.bare]));
  return bare.length === 0 ? null : median(bare);
}

function overOf({ cost }: LayerResult, budget: Budget): BudgetVerdict['over'] {
  if (cost === null) return null;
  // the low end: what is over only perhaps is not over
  const time = cost.low > budget.micros / MARGIN + RESOLUTION.micros;
  const allocation = cost.bytes > budget.bytes / MARGIN + RESOLUTION.bytes;
  if (time && allocation) return 'both';
  return time ? 'time' : allocation ? 'allocation' : null;
}

export function budgetTable(verdicts: readonly BudgetVerdict[]): string {
  const lines = verdicts.map(({ result: { layer, mode, cost }, budget, over }) => {
    if (cost === null) return [layer, mode, 'not there', '', '', '', ''];
    const notes = [
      over === null ? '' : `**over in ${over === 'both' ? 'time and allocation' : over}**`,
      (cost.foreign ?? 0) > FOREIGN_LIMIT ? 'disturbed' : '',
    ];
    return [
      layer,
      mode,
      `${cost.micros.toFixed(2)} (${cost.low.toFixed(2)}–${cost.high.toFixed(2)})`,
      budget === null ? '–' : budget.micros.toFixed(2),
      figure(Math.round(cost.bytes)),
      budget === null ? '–' : figure(budget.bytes),
      notes.filter((note) => note !== '').join(', '),
    ];
  });
  return [
    ['layer', 'mode', 'CPU-µs (95 %)', 'budget', 'bytes', 'budget', ''],
    ['---', '---', '--:', '--:', '--:', '--:', '---'],
    ...lines,
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
