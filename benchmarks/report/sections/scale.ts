import type { Saved } from '../../results.ts';
import type { CurveResult } from '../../scale/curve.ts';
import { curves } from '../../scale/curves.ts';
import { curveTable } from '../../scale/table.ts';
import { plot } from '../plot.ts';
import { measuredOn } from './machine.ts';

/** Each curve as a picture and a table. */
export function scaleSection({ environment, content }: Saved<readonly CurveResult[]>): string {
  const places = curves.map(({ name }) => name);
  const inOrder = content.toSorted((a, b) => places.indexOf(a.name) - places.indexOf(b.name));
  const parts = inOrder.map(
    (curve) => `### ${curve.title}

![${curve.title}](${fileOf(curve)})

${curveTable(curve)}`,
  );
  return [
    `${measuredOn(environment)} CPU-µs a request, and how many times cheaper than \`undici.request\` at the same point.`,
    ...parts,
  ].join('\n\n');
}

/** The pictures by file name, to be beside the document. */
export function scalePlots(results: readonly CurveResult[]): Map<string, string> {
  return new Map(
    results.map((curve) => [
      fileOf(curve),
      plot({
        title: curve.title,
        axis: curve.axis,
        unit: 'CPU-µs a request',
        lines: curve.series.map(({ peer, points }) => ({
          label: peer,
          points: points.map(({ x, cost }) => ({ x, y: cost.median })),
        })),
      }),
    ]),
  );
}

function fileOf({ name }: CurveResult): string {
  return `scale-${name}.svg`;
}
