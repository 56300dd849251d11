import t from 'tap';
import { budgets, REFERENCE_MICROS } from '../../../benchmarks/layers/budgets.ts';
import type { LayerResult } from '../../../benchmarks/layers/measure.ts';
import { layers, variantName } from '../../../benchmarks/layers/variants.ts';
import { budgetTable, judgeBudgets } from '../../../benchmarks/layers/verdict.ts';

const result = (micros: number, bytes: number, bare = REFERENCE_MICROS): LayerResult => ({
  name: 'x: idle',
  layer: 'x',
  mode: 'idle',
  cost: { micros, low: micros, high: micros, bytes, bare, pairs: 10, foreign: 0 },
});
const table = { 'x: idle': { micros: 1, bytes: 1000 } };
const over = (...results: LayerResult[]) => judgeBudgets(results, table).map((one) => one.over);

t.test('every layer in every mode has a budget, and no budget is without its layer', (t) => {
  const names = layers.flatMap(({ name, modes }) =>
    Object.keys(modes).map((mode) => variantName(name, mode)),
  );
  t.strictSame(Object.keys(budgets).toSorted(), names.toSorted());
  t.end();
});

t.test('what is over by more than the margin is named by what it is over in', (t) => {
  t.strictSame(over(result(1.2, 1200)), [null]);
  t.strictSame(over(result(1.5, 1200)), ['time']);
  t.strictSame(over(result(1.2, 1500)), ['allocation']);
  t.strictSame(over(result(1.5, 1500)), ['both']);
  t.end();
});

t.test('on a slower machine time budgets grow, those of allocation do not', (t) => {
  t.strictSame(over(result(2.4, 1500, 2 * REFERENCE_MICROS)), ['allocation']);
  t.strictSame(over(result(2.8, 1000, 2 * REFERENCE_MICROS)), ['time']);
  t.strictSame(over(result(1.5, 1000, REFERENCE_MICROS / 2)), ['time']);
  t.end();
});

t.test('what is not there, or has no budget, is not over', (t) => {
  const absent: LayerResult = { ...result(0, 0), cost: null };
  const unknown: LayerResult = { ...result(100, 100_000), name: 'y: idle' };
  t.strictSame(over(absent, unknown), [null, null]);
  t.match(budgetTable(judgeBudgets([absent], table)), /\| x \| idle \| not there \|/);
  t.end();
});

t.test('the table names what is over', (t) => {
  const text = budgetTable(judgeBudgets([result(9, 9000)], table));
  t.match(text, /\| x \| idle \| 9\.00 \(9\.00–9\.00\) \| 1\.00 \| 9,000 \| 1,000 \| \*\*over/);
  t.end();
});
