import { TIMED_PHASES, type TimedPhase } from '../messages/timings.ts';
import { milliseconds, shortened, wrapped } from './units.ts';
import {
  PHASE_NAMES,
  waterfallOf,
  type Explainable,
  type Row,
  type Waterfall,
} from './waterfall.ts';

export type { Explainable } from './waterfall.ts';

/** How a call is drawn. */
export interface ExplainOptions {
  /** Characters in a line, from 60. Default 80. */
  readonly width?: number | undefined;
  /** No characters but those of ASCII. Default false. */
  readonly ascii?: boolean | undefined;
  /** Colours, by ANSI escapes. Default false. */
  readonly color?: boolean | undefined;
}

const MIN_WIDTH = 60;

interface Style {
  readonly bars: Readonly<Record<TimedPhase, string>>;
  readonly broken: string;
  readonly none: string;
}

const UNICODE: Style = {
  bars: { queued: '·', dns: '░', connect: '▒', tls: '▓', sent: '▪', firstByte: '─', body: '█' },
  broken: '✗',
  none: '–',
};
const ASCII: Style = {
  bars: { queued: '.', dns: 'd', connect: 'c', tls: 't', sent: 's', firstByte: '-', body: '#' },
  broken: 'x',
  none: '-',
};
/** Of ANSI's sixteen, which every terminal has set so that they can be read. */
const COLORS: Readonly<Record<TimedPhase, number>> = {
  queued: 90,
  dns: 36,
  connect: 33,
  tls: 35,
  sent: 34,
  firstByte: 32,
  body: 94,
};
const RED = 31;
const BOLD = 1;

type Paint = (text: string, color: number) => string;

/**
 * Where the time of a call went, as text: a waterfall of its exchanges and their phases, what each took, and what the layers did.
 *
 *     const response = await client.get(url, { trace: true });
 *     console.log(explain(response));
 *
 * @throws TypeError where nothing was traced, and on options that are not what they have to be.
 */
export function explain(
  subject: Explainable,
  { width = 80, ascii = false, color = false }: ExplainOptions = {},
): string {
  if (!Number.isInteger(width) || width < MIN_WIDTH) {
    throw new TypeError(
      `explain: width: expected a whole number from ${MIN_WIDTH}, got ${String(width)}`,
    );
  }
  const waterfall = waterfallOf('explain', subject);
  const style = ascii ? ASCII : UNICODE;
  const paint: Paint = color ? (text, code) => `\x1b[${code}m${text}\x1b[0m` : (text) => text;
  const blocks = [
    [paint(titleOf(waterfall, width), BOLD)],
    drawn(waterfall, width, style, paint),
    figures(waterfall, style),
    waterfall.facts.flatMap((fact) => wrapped(fact, width - INDENT.length)),
  ];
  const text = blocks
    .filter((block) => block.length > 0)
    .map((block, at) => block.map((line) => (at === 0 ? line : INDENT + line).trimEnd()).join('\n'))
    .join('\n\n');
  return ascii ? toASCII(text) : text;
}

const INDENT = '  ';

/** What of the URL does not fit into the line is left out. */
function titleOf({ method, url, result }: Waterfall, width: number): string {
  const room = Math.max(20, width - method.length - result.length - ' '.length - ' → '.length);
  return `${method} ${shortened(url, room)} → ${result}`;
}

// ── the waterfall ───────────────────────────────────────────────────────────────────────────────

/** A row for each exchange: what it was, what came of it, and its phases as a bar on the time axis of the call. */
function drawn({ rows, from, to }: Waterfall, width: number, style: Style, paint: Paint): string[] {
  if (rows.length === 0) return [];
  const number = String(rows.length).length;
  const why = Math.max(...rows.map((row) => row.why.length));
  const answer = Math.max(...rows.map((row) => row.answer.length));
  const took = Math.max(2, ...rows.map((row) => milliseconds(row.to - row.from).length));
  const gaps = 1 + (why === 0 ? 0 : 1) + 1 + 2 + 2;
  const rest = width - INDENT.length - number - why - answer - took - gaps;
  // The bars get as much as the labels leave, and half of it at least.
  const label = Math.min(Math.max(...rows.map((row) => row.label.length)), Math.floor(rest / 2));
  const bar = rest - label;
  const axis = [
    '#'.padStart(number),
    ...(why === 0 ? [] : [' '.repeat(why)]),
    'request'.padEnd(label),
    ' '.repeat(answer),
    'ms'.padStart(took + 1),
    ` 0${milliseconds(to - from).padStart(bar - 1)}`,
  ].join(' ');
  const lines = rows.map((row, at) => {
    const columns = [
      String(at + 1).padStart(number),
      ...(why === 0 ? [] : [row.why.padEnd(why)]),
      shortened(row.label, label).padEnd(label),
      row.failed ? paint(row.answer.padEnd(answer), RED) : row.answer.padEnd(answer),
      milliseconds(row.to - row.from).padStart(took + 1),
      ` ${barOf(row, from, to, bar, style, paint)}`,
    ];
    return columns.join(' ');
  });
  return [axis, ...lines, '', legend(rows, style, paint)];
}

function barOf(
  row: Row,
  from: number,
  to: number,
  width: number,
  style: Style,
  paint: Paint,
): string {
  const cells = width - (row.failed ? 1 : 0);
  const step = Math.max(to - from, Number.EPSILON) / cells;
  const cell = (time: number): number =>
    Math.min(cells - 1, Math.max(0, Math.floor((time - from) / step)));
  const first = cell(row.from);
  const last = Math.max(first, Math.min(cells, Math.ceil((row.to - from) / step)) - 1);
  let bar = ' '.repeat(first);
  for (let at = first; at <= last; at++) {
    const phase = dominant(row, from + at * step, from + (at + 1) * step);
    if (phase !== null) bar += paint(style.bars[phase], COLORS[phase]);
  }
  return row.failed ? bar + paint(style.broken, RED) : bar;
}

/** What most of this time went to. */
function dominant({ spans }: Row, from: number, to: number): TimedPhase | null {
  let most = -1;
  let phase: TimedPhase | null = null;
  for (const span of spans) {
    const shared = Math.min(span.to, to) - Math.max(span.from, from);
    if (shared > most && shared >= 0) {
      most = shared;
      phase = span.phase;
    }
  }
  return phase;
}

function legend(rows: readonly Row[], style: Style, paint: Paint): string {
  return phasesIn(rows)
    .map((phase) => `${paint(style.bars[phase], COLORS[phase])} ${PHASE_NAMES[phase]}`)
    .join('  ');
}

/** Those that took place, in their order. */
function phasesIn(rows: readonly Row[]): TimedPhase[] {
  return TIMED_PHASES.filter((phase) =>
    rows.some(({ exchange }) => exchange.timings[phase] !== null),
  );
}

// ── the figures ─────────────────────────────────────────────────────────────────────────────────

/** What each phase took, in milliseconds. */
function figures({ rows }: Waterfall, { none }: Style): string[] {
  if (rows.length === 0) return [];
  const phases = phasesIn(rows);
  const table = [
    ['#', ...phases.map((phase) => PHASE_NAMES[phase]), 'total', 'ms'],
    ...rows.map(({ exchange: { timings } }, at) => [
      String(at + 1),
      ...[...phases, 'total' as const].map((name) => {
        const value = timings[name];
        return value === null ? none : milliseconds(value);
      }),
      '',
    ]),
  ];
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((line) => (line[column] as string).length)),
  );
  return table.map((line) =>
    line
      .map((text, column) => text.padStart((widths[column] as number) + (column === 0 ? 0 : 1)))
      .join(' '),
  );
}

// ── text ────────────────────────────────────────────────────────────────────────────────────────

function toASCII(text: string): string {
  return text
    .replaceAll('→', '->')
    .replaceAll('…', '~')
    .replace(/[\u0080-\u{10ffff}]/gu, '?');
}
