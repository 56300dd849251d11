import type { Saved } from '../../results.ts';
import { TWIN_SUFFIX } from '../../rounds.ts';
import type { Row, Summary } from '../../summary.ts';
import { figure } from '../figures.ts';
import { markdownTable } from '../markdown.ts';
import { labelOf } from '../peer-labels.ts';
import { measuredOn } from './machine.ts';

const COLUMNS = [
  ['get200-c50', 'GET 200 B'],
  ['get200-headers-c50', 'with 6 request headers'],
  ['get64k-c50', 'GET 64 KiB'],
] as const;

/** The table of the README: what a request costs, beside the others. */
export function summarySection({ environment, content }: Saved<readonly Summary[]>): string {
  const rowsOf = (name: string) =>
    content.find(({ workload }) => workload.name === name)?.rows.filter(isShown) ?? [];
  const columns = COLUMNS.map(([name]) => rowsOf(name));
  const peers = [...new Set(columns.flat().map(({ label }) => label))].toSorted(
    (a, b) => costIn(columns, a) - costIn(columns, b),
  );
  const lines = peers.map((peer) => [
    labelOf(peer),
    ...columns.map((rows) => cell(rows.find(({ label }) => label === peer))),
  ]);
  return `CPU time of the client in µs per request, kernel included, and how many times cheaper than \`undici.request\` in the same round. Every client validates, reads a header and reads the body to bytes. ${measuredOn(environment)}

${markdownTable(['50 requests at a time', ...COLUMNS.map(([, title]) => title)], lines)}

${noise(content)}`;
}

function isShown({ label, missing }: Row): boolean {
  return missing === null && !label.endsWith(TWIN_SUFFIX);
}

/** In the first of the columns that has it. */
function costIn(columns: readonly (readonly Row[])[], peer: string): number {
  for (const rows of columns) {
    const row = rows.find(({ label }) => label === peer);
    if (row !== undefined) return row.cost.median;
  }
  return Number.POSITIVE_INFINITY;
}

function cell(row: Row | undefined): string {
  return row === undefined ? '–' : `${figure(row.cost.median)} · ×${figure(row.ratio.median)}`;
}

function noise(summaries: readonly Summary[]): string {
  const ratios = summaries
    .filter(({ workload }) => COLUMNS.some(([name]) => name === workload.name))
    .flatMap(({ rows }) => rows.filter(({ label }) => label.endsWith(TWIN_SUFFIX)))
    .map(({ ratio }) => ratio.median);
  if (ratios.length === 0) return '';
  return `The same client measured against itself came out between ×${figure(Math.min(...ratios))} and ×${figure(Math.max(...ratios))}: differences of that size mean nothing here.`;
}
