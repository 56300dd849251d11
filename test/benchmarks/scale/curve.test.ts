import t from 'tap';
import { type Curve, curveResult } from '../../../benchmarks/scale/curve.ts';
import { curves } from '../../../benchmarks/scale/curves.ts';
import { curveTable } from '../../../benchmarks/scale/table.ts';
import type { Row, Summary } from '../../../benchmarks/summary.ts';
import type { Workload } from '../../../benchmarks/workloads/workload.ts';

const row = (label: string, cost: number, ratio: number, more: Partial<Row> = {}): Row => ({
  label,
  missing: null,
  cost: { median: cost, min: cost, max: cost },
  ratio: { median: ratio, min: ratio, max: ratio },
  rate: null,
  clientBusy: null,
  serverBusy: null,
  foreign: null,
  extra: {},
  doubts: [],
  costs: [cost],
  ...more,
});

const bodies = curves.find(({ name }) => name === 'bodies') as Curve;
const [first, last] = [bodies.points.at(0), bodies.points.at(-1)] as Curve['points'];
const two: Curve = { ...bodies, points: [first, last] as Curve['points'] };
const summary = (workload: Workload, ...rows: Row[]): Summary => ({
  workload,
  rows,
  warning: null,
});

t.test('every workload of the curves has a name of its own', (t) => {
  const names = curves.flatMap(({ points }) => points.map(({ workload }) => workload.name));
  t.equal(new Set(names).size, names.length);
  t.end();
});

t.test('a cost by the gibibyte becomes one of the request', (t) => {
  const result = curveResult(two, [
    summary(first?.workload as Workload, row('strata-pool', 20, 2)),
    summary(last?.workload as Workload, row('strata-pool', 300, 3)),
  ]);
  t.strictSame(
    result.series.map(({ points }) => points.map(({ x, cost }) => [x, cost.median])),
    [
      [
        [0, 20],
        [2 ** 30, 300_000],
      ],
    ],
  );
  t.end();
});

t.test('who cannot do it has no line, and a ratio that is none is left out', (t) => {
  const missing = { kind: 'absent', reason: 'no' } as const;
  const result = curveResult(two, [
    summary(
      first?.workload as Workload,
      row('strata-pool', 20, Number.NaN),
      row('undici-request', Number.NaN, Number.NaN, { missing }),
    ),
  ]);
  t.strictSame(
    result.series.map(({ peer, points }) => [peer, points.map(({ ratio }) => ratio)]),
    [['strata-pool', [null]]],
  );
  t.end();
});

t.test('the table has a line for each x, and says in words where a curve bends', (t) => {
  const point = (x: number, micros: number, doubts: string[] = []) => ({
    x,
    cost: { median: micros, min: micros, max: micros },
    ratio: 2,
    doubts,
  });
  const table = curveTable({
    name: 'c',
    title: 'T',
    axis: 'requests at once',
    course: 'level',
    series: [
      { peer: 'a', points: [point(1, 10), point(1000, 20, ['disturbed'])] },
      { peer: 'b', points: [point(1, 10)] },
    ],
  });
  t.equal(
    table,
    `| requests at once | a | b |
| --: | --: | --: |
| 1 | 10.0 · ×2.00 | 10.0 · ×2.00 |
| 1,000 | 20.0 · ×2.00 (disturbed) | – |

- a: bends up at 1,000, to ×2.00 of its course
- b: no bend`,
  );
  t.end();
});
