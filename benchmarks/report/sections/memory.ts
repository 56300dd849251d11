import type { Saved } from '../../results.ts';
import { TWIN_SUFFIX } from '../../rounds.ts';
import type { Summary } from '../../summary.ts';
import { figure } from '../figures.ts';
import { markdownTable } from '../markdown.ts';
import { measuredOn } from './machine.ts';

/** What is held in memory while it waits, a line for each kind. */
export function memorySection({ environment, content }: Saved<readonly Summary[]>): string {
  const measured = content.filter(({ workload }) => workload.shape === 'memory');
  const peers = [
    ...new Set(
      measured.flatMap(({ rows }) =>
        rows
          .filter(({ label, missing }) => missing === null && !label.endsWith(TWIN_SUFFIX))
          .map(({ label }) => label),
      ),
    ),
  ];
  const lines = measured.map(({ workload, rows }) => [
    workload.title,
    ...peers.map((peer) => {
      const row = rows.find(({ label }) => label === peer);
      if (row === undefined) return '–';
      const outside = Math.round(row.extra['external bytes'] ?? 0);
      return `${figure(row.cost.median)}${outside > 64 ? ` + ${figure(outside)}` : ''}`;
    }),
  ]);
  return `${measuredOn(environment)} Bytes of V8's heap for each, + bytes of buffers outside of it.

${markdownTable(['', ...peers], lines)}`;
}
