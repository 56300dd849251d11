import type { LayerResult } from '../../layers/measure.ts';
import { bareMicros, budgetTable, judgeBudgets } from '../../layers/verdict.ts';
import type { Saved } from '../../results.ts';
import { figure } from '../figures.ts';
import { measuredOn } from './machine.ts';

export function layersSection({ environment, content }: Saved<readonly LayerResult[]>): string {
  return `${measuredOn(environment)} A request without any layer takes ${figure(bareMicros(content) ?? Number.NaN)} CPU-µs over the network in memory.

${budgetTable(judgeBudgets(content))}`;
}
