import { TIMED_PHASES, type TimedPhase } from '../messages/timings.ts';
import { milliseconds, shortened, wrapped } from './units.ts';
import {
  PHASE_NAMES,
  waterfallOf,
  type Explainable,
  type Row,
  type Waterfall,
} from './waterfall.ts';

/** How a call is drawn. */
export interface ExplainSVGOptions {
  /** Units of the picture, from 480. Default 960. It scales. */
  readonly width?: number | undefined;
}

const MIN_WIDTH = 480;
const PADDING = 16;
const LINE = 20;
const ROW = 24;
const BAR = 14;
/** Of a character, at the size of the labels. */
const CHARACTER = 7.25;
/** About so many lines on the time axis. */
const TICKS = 6;
const INK = {
  ground: ['#ffffff', '#0d1117'],
  ink: ['#1f2328', '#e6edf3'],
  title: ['#1f2328', '#e6edf3'],
  faint: ['#656d76', '#8d96a0'],
  bad: ['#c22f2f', '#ff7b72'],
} as const;

/** Fills: for a light and for a dark ground. The phases differ in lightness too, for those who do not see all colours. */
const FILLS: Readonly<Record<TimedPhase | keyof typeof INK, readonly [string, string]>> = {
  queued: ['#b6bdc6', '#565f6b'],
  dns: ['#1a9a8a', '#2cc4b0'],
  connect: ['#e08a00', '#f0a83a'],
  tls: ['#a24bc4', '#c587e0'],
  sent: ['#1f3fae', '#5f83f5'],
  firstByte: ['#7fb8e6', '#3d79a8'],
  body: ['#2f7fd1', '#7cc0ff'],
  ...INK,
};

/** No custom properties: they are not known everywhere. */
const STYLE = `
.strata text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
.strata .title { font-weight: 600 }
.strata line { stroke: #8d96a0; stroke-opacity: 0.35 }
${fills(0)}
@media (prefers-color-scheme: dark) {
${fills(1)}
}
`;

function fills(ground: 0 | 1): string {
  return Object.entries(FILLS)
    .map(([name, fill]) => `.strata .${name} { fill: ${fill[ground]} }`)
    .join('\n');
}

/**
 * The same as `explain`, as a picture: a whole SVG document that needs nothing else, and suits a light and a dark ground. What a phase took
 * shows where the pointer rests on it.
 *
 * @throws TypeError where nothing was traced, and on options that are not what they have to be.
 */
export function explainSVG(subject: Explainable, { width = 960 }: ExplainSVGOptions = {}): string {
  if (!Number.isFinite(width) || width < MIN_WIDTH) {
    throw new TypeError(
      `explainSVG: width: expected a number from ${MIN_WIDTH}, got ${String(width)}`,
    );
  }
  const waterfall = waterfallOf('explainSVG', subject);
  const { method, url, result, rows, facts } = waterfall;
  const fitting = Math.floor((width - 2 * PADDING) / CHARACTER);
  const title = `${method} ${shortened(url, fitting - method.length - result.length - 4)} → ${result}`;
  const chartTop = PADDING + 2 * LINE;
  const chartBottom = chartTop + rows.length * ROW;
  const factsTop = rows.length === 0 ? chartTop : chartBottom + 2 * LINE;
  const lines = facts.flatMap((fact) => wrapped(fact, fitting));
  const height = factsTop + lines.length * LINE + PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="strata" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(facts.join(' '))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    text(PADDING, PADDING + 12, title, 'title'),
    ...(rows.length === 0 ? [] : chart(waterfall, width, chartTop, chartBottom)),
    ...lines.map((line, at) => text(PADDING, factsTop + at * LINE + 12, line, 'faint')),
    '</svg>',
  ].join('\n');
}

function chart(
  { rows, from, to }: Waterfall,
  width: number,
  top: number,
  bottom: number,
): string[] {
  const labels = rows.map(
    (row, at) => `${at + 1} ${row.why === '' ? '' : `${row.why}: `}${row.label}`,
  );
  const room = Math.floor((width * 0.45) / CHARACTER);
  const label = Math.min(room, Math.max(...labels.map(({ length }) => length))) * CHARACTER;
  const ends = rows.map((row) => `${row.answer} · ${milliseconds(row.to - row.from)} ms`);
  const end = Math.max(...ends.map(({ length }) => length)) * CHARACTER;
  const left = PADDING + label + PADDING;
  const right = width - PADDING - end - PADDING / 2;
  const scale = (right - left) / Math.max(to - from, Number.EPSILON);
  const x = (time: number): number => round(left + (time - from) * scale);
  return [
    ...ticks(to - from).flatMap((tick) => [
      `<line x1="${x(from + tick)}" y1="${top - 4}" x2="${x(from + tick)}" y2="${bottom}"/>`,
      text(
        x(from + tick),
        top - 8,
        tick === 0 ? '0' : `${Number(tick.toPrecision(2))} ms`,
        'faint',
        'middle',
      ),
    ]),
    ...rows.flatMap((row, at) => {
      const y = top + at * ROW;
      return [
        text(PADDING, y + 16, shortened(labels[at] as string, room)),
        ...bars(row, x, y + (ROW - BAR) / 2),
        text(width - PADDING, y + 16, ends[at] as string, row.failed ? 'bad' : 'ink', 'end'),
      ];
    }),
    ...legend(rows, bottom + LINE),
  ];
}

function bars(row: Row, x: (time: number) => number, y: number): string[] {
  const drawn = row.spans
    .filter((span) => span.to > span.from)
    .map(({ phase, from, to }) => {
      // What is too short to be seen is there all the same.
      const width = Math.max(1, round(x(to) - x(from)));
      const title = `${PHASE_NAMES[phase]}: ${milliseconds(to - from)} ms`;
      return `<rect class="${phase}" x="${x(from)}" y="${y}" width="${width}" height="${BAR}"><title>${title}</title></rect>`;
    });
  return row.failed ? [...drawn, text(x(row.to) + 4, y + 11, '✗', 'bad')] : drawn;
}

/** Round numbers up to the end. */
function ticks(length: number): number[] {
  if (length <= 0) return [0];
  const least = length / TICKS;
  const unit = 10 ** Math.floor(Math.log10(least));
  const step = unit * ([1, 2, 5, 10].find((each) => each * unit >= least) ?? 10);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, at) => at * step);
}

function legend(rows: readonly Row[], y: number): string[] {
  let x = PADDING;
  return TIMED_PHASES.filter((phase) =>
    rows.some(({ exchange }) => exchange.timings[phase] !== null),
  ).flatMap((phase) => {
    const name = PHASE_NAMES[phase];
    const key = `<rect class="${phase}" x="${round(x)}" y="${y - 10}" width="10" height="10"/>`;
    const named = text(round(x + 15), y, name, 'faint');
    x += 15 + (name.length + 2) * CHARACTER;
    return [key, named];
  });
}

type Kind = 'ink' | 'title' | 'faint' | 'bad';

function text(x: number, y: number, content: string, kind: Kind = 'ink', anchor = ''): string {
  const anchored = anchor === '' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" class="${kind}"${anchored}>${escaped(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
