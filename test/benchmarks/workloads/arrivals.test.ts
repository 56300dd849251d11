import t from 'tap';
import { percentile } from '../../../benchmarks/statistics.ts';
import { arrivalTimes } from '../../../benchmarks/workloads/arrivals.ts';

t.test('as many come as asked for, in order and within the time', (t) => {
  const times = arrivalTimes(5_000, 2_000, 1);
  t.ok(Math.abs(times.length - 10_000) < 300, `${times.length}`);
  t.ok(times.every((time, i) => time >= (times[i - 1] ?? 0) && time < 2_000));
  t.end();
});

t.test('they come at random: a third of the gaps is longer than the mean', (t) => {
  const times = arrivalTimes(1_000, 10_000, 1);
  const gaps = Array.from(times.subarray(1), (time, i) => time - (times[i] ?? 0));
  const long = gaps.filter((gap) => gap > 1).length / gaps.length;
  t.ok(Math.abs(long - Math.exp(-1)) < 0.03, `${long}`);
  t.end();
});

t.test('the same seed gives the same times, another one others', (t) => {
  t.strictSame(arrivalTimes(100, 1_000, 7), arrivalTimes(100, 1_000, 7));
  t.notSame(arrivalTimes(100, 1_000, 7), arrivalTimes(100, 1_000, 8));
  t.end();
});

t.test('somebody comes, however low the rate', (t) => {
  t.equal(arrivalTimes(0.001, 1, 1).length, 1);
  t.end();
});

t.test('a percentile is the least value that so many do not exceed', (t) => {
  const sorted = Float64Array.from({ length: 1000 }, (_, i) => i + 1);
  t.strictSame(
    [0, 0.5, 0.9, 0.99, 0.999, 1].map((share) => percentile(sorted, share)),
    [1, 500, 900, 990, 999, 1000],
  );
  t.equal(percentile([3], 0.5), 3);
  t.end();
});
