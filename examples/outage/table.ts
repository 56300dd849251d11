import { SLICE, type Outcome } from './simulation.ts';

const HEADINGS = [
  '',
  'requests in the outage',
  'at most, a second',
  'calls that failed',
  'last one, after the end',
];

/** The outcomes as a table, as Markdown has it. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.name,
    number(outcome.during),
    number(perSecond(Math.max(...outcome.load))),
    number(outcome.failed),
    `${(outcome.recovery / 1000).toFixed(1)} s`,
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => `${'-'.repeat(width - 1)}${column === 0 ? '-' : ':'}`).join(' | ')} |`;
  return [line(HEADINGS), rule, ...rows.map(line)].join('\n');
}

/** Of requests in a slice. */
export function perSecond(requests: number): number {
  return (requests * 1000) / SLICE;
}

function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
