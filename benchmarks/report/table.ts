import type { Spread } from '../statistics.ts';
import type { Row, Summary } from '../summary.ts';
import type { Workload } from '../workloads/workload.ts';
import { figure, percent } from './figures.ts';

/** A workload's results as Markdown that is also readable in a terminal. */
export function table({ workload, rows, warning }: Summary): string {
  const head = [
    'peer',
    `${workload.unit} (min–max)`,
    `× ${workload.baseline} (min–max)`,
    rateUnit(workload),
    'client busy',
    'server busy',
    'foreign',
    'notes',
  ];
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const [first = '', ...others] = lines.map((line) => row(line, widths));
  const rule = `|${widths.map((width, i) => (isText(i) ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [
    `### ${workload.name}: ${workload.title}`,
    ...(warning === null ? [] : ['', `**Warning**: ${warning}`]),
    '',
    first,
    rule,
    ...others,
  ].join('\n');
}

function cells(row: Row): string[] {
  if (row.missing !== null) {
    const [reason = ''] = row.missing.reason.split('\n', 1);
    return [row.label, '–', '–', '–', '–', '–', '–', `${row.missing.kind}: ${reason}`];
  }
  const extra = Object.entries(row.extra).map(([name, value]) => `${name} ${figure(value)}`);
  return [
    row.label,
    spreadOf(row.cost),
    spreadOf(row.ratio),
    row.rate === null ? '–' : figure(row.rate),
    percent(row.clientBusy),
    percent(row.serverBusy),
    percent(row.foreign),
    [...extra, ...row.doubts].join(', '),
  ];
}

function spreadOf({ median, min, max }: Spread): string {
  if (!Number.isFinite(median)) return '–';
  return `${figure(median)} (${figure(min)}–${figure(max)})`;
}

function rateUnit({ shape }: Workload): string {
  return shape === 'transfer' ? 'MiB/s' : 'req/s';
}

/** The peer and the notes are text, all between are numbers. */
function isText(column: number): boolean {
  return column === 0 || column === 7;
}

function row(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, i) =>
    isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
  );
  return `| ${padded.join(' | ')} |`;
}
