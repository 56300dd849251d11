import { SLICE, type Outcome, type Scenario } from './simulation.ts';
import { perSecond } from './table.ts';

const WIDTH = 760;
const HEIGHT = 340;
const LEFT = 56;
const RIGHT = 16;
const TOP = 40;
const BOTTOM = 40;

/** Readable on white and on black. */
const COLOURS = ['#8b949e', '#d9622b', '#9a6dd7', '#2f8f5b'];

/** The load on the server over time, a line for each outcome. */
export function plotOf(outcomes: readonly Outcome[], scenario: Scenario): string {
  const top = Math.ceil(perSecond(Math.max(...outcomes.flatMap(({ load }) => load))) / 400) * 400;
  const x = (time: number): number => LEFT + (time / scenario.until) * (WIDTH - LEFT - RIGHT);
  const y = (load: number): number => HEIGHT - BOTTOM - (load / top) * (HEIGHT - TOP - BOTTOM);
  const [from, to] = scenario.outage;
  const base = y(0);

  const outage =
    `<rect class="outage" x="${fixed(x(from))}" y="${TOP}" width="${fixed(x(to) - x(from))}" height="${fixed(base - TOP)}"/>` +
    text(x((from + to) / 2), TOP + 14, 'the server fails', 'middle');
  const levels = steps(top, 400).map(
    (load) =>
      `<line class="grid" x1="${LEFT}" y1="${fixed(y(load))}" x2="${WIDTH - RIGHT}" y2="${fixed(y(load))}"/>` +
      text(LEFT - 8, y(load) + 4, String(load), 'end'),
  );
  const seconds = steps(scenario.until, 5000).map((time) =>
    text(x(time), HEIGHT - BOTTOM + 18, `${time / 1000} s`, 'middle'),
  );
  const lines = outcomes.map(({ load }, place) => {
    const points = load.map(
      (requests, slice) => `${fixed(x((slice + 0.5) * SLICE))},${fixed(y(perSecond(requests)))}`,
    );
    return `<polyline stroke="${COLOURS[place]}" points="${points.join(' ')}"/>`;
  });
  const legend = outcomes.map(
    ({ name }, place) =>
      `<line stroke="${COLOURS[place]}" stroke-width="3" x1="${LEFT + place * 170}" y1="16" x2="${LEFT + place * 170 + 22}" y2="16"/>` +
      text(LEFT + place * 170 + 28, 20, name, 'start'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    '<title>Requests a second that come to a server that fails for ten seconds</title>',
    '<style>text{font:12px system-ui,sans-serif;fill:#57606a}.grid{stroke:#57606a;stroke-opacity:.25}.outage{fill:#d9622b;fill-opacity:.1}',
    'polyline{fill:none;stroke-width:2;stroke-linejoin:round}@media(prefers-color-scheme:dark){text{fill:#adbac7}.grid{stroke:#adbac7}}</style>',
    outage,
    ...levels,
    ...seconds,
    ...lines,
    ...legend,
    text(LEFT, HEIGHT - 6, 'requests a second, in slices of 250 ms', 'start'),
    '</svg>',
    '',
  ].join('\n');
}

function steps(end: number, step: number): number[] {
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, place) => place * step);
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${words}</text>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
