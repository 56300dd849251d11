import t from 'tap';
import { bendOf } from '../../../benchmarks/scale/bend.ts';
import type { CurvePoint } from '../../../benchmarks/scale/curve.ts';

const points = (...costs: [x: number, micros: number][]): CurvePoint[] =>
  costs.map(([x, micros]) => ({
    x,
    cost: { median: micros, min: micros, max: micros },
    ratio: null,
    doubts: [],
  }));

t.test('a level curve bends where it costs a quarter more than its cheapest point before', (t) => {
  t.equal(bendOf('level', points([1, 35], [10, 8], [100, 8.5], [1000, 9.9])), null);
  t.match(bendOf('level', points([1, 35], [10, 8], [100, 12], [1000, 30])), { x: 100, times: 1.5 });
  t.end();
});

t.test('a straight curve may grow with x, and bends where it grows faster', (t) => {
  t.equal(bendOf('straight', points([0, 10], [10, 12], [100, 30], [1000, 210])), null);
  t.match(bendOf('straight', points([0, 10], [10, 12], [100, 60], [1000, 460])), {
    x: 100,
    times: 2,
  });
  t.end();
});

t.test('growth too small to be seen says nothing about a slope', (t) => {
  t.equal(bendOf('straight', points([0, 10], [1, 9.8], [10, 15])), null);
  t.match(bendOf('straight', points([0, 10], [1, 9.8], [2, 20])), { x: 2 });
  t.end();
});

t.test('one point has no bend', (t) => {
  t.equal(bendOf('level', points([1, 10])), null);
  t.equal(bendOf('straight', []), null);
  t.end();
});
