import { figure, quantity } from '../report/figures.ts';
import { bendOf } from './bend.ts';
import type { CurveResult, Series } from './curve.ts';

/** A curve's numbers as Markdown, a line for each x, and below in words where it bends. */
export function curveTable(result: CurveResult): string {
  const { axis, series } = result;
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted(
    (a, b) => a - b,
  );
  const lines = xs.map((x) => [quantity(axis, x), ...series.map((one) => cell(one, x))]);
  return [[axis, ...series.map(({ peer }) => peer)], ['--:', ...series.map(() => '--:')], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .concat('', ...series.map((one) => `- ${inWords(result, one)}`))
    .join('\n');
}

function cell({ points }: Series, at: number): string {
  const point = points.find(({ x }) => x === at);
  if (point === undefined) return '–';
  const ratio = point.ratio === null ? '' : ` · ×${figure(point.ratio)}`;
  const mark = point.doubts.includes('disturbed') ? ' (disturbed)' : '';
  return `${figure(point.cost.median)}${ratio}${mark}`;
}

function inWords({ axis, course }: CurveResult, { peer, points }: Series): string {
  const bend = bendOf(course, points);
  const slope = course === 'straight' ? perUnit(axis, points) : '';
  return bend === null
    ? `${peer}: no bend${slope}`
    : `${peer}: bends up at ${quantity(axis, bend.x)}, to ×${figure(bend.times)} of its course${slope}`;
}

/** What one more costs, from the first point to the last. */
function perUnit(axis: string, points: Series['points']): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || last.x === first.x) return '';
  const micros = (last.cost.median - first.cost.median) / (last.x - first.x);
  return axis.startsWith('bytes')
    ? `; ${figure(micros * 1000)} CPU-ns a byte`
    : `; ${figure(micros)} CPU-µs for each`;
}
