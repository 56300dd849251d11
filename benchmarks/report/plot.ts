import { figure, quantity } from './figures.ts';

/** Lines over two logarithmic axes. The same input gives the same bytes; colours suit light and dark pages. */

export interface Plot {
  readonly title: string;
  /** What grows. */
  readonly axis: string;
  /** What is measured. */
  readonly unit: string;
  readonly lines: readonly { readonly label: string; readonly points: readonly PlotPoint[] }[];
}

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
}

const WIDTH = 720;
const HEIGHT = 320;
const LEFT = 64;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 48;
const COLOURS = ['#2a9d8f', '#e07a3f', '#7c8db5', '#b5838d'];
/** Two labels nearer than this would lie on each other. */
const LABEL_HEIGHT = 16;

/** Where a value lies on an axis of so many pixels. */
type Scale = (value: number) => number;

export function plot({ title, axis, unit, lines }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map(({ x }) => x))].toSorted((a, b) => a - b);
  const x = xScale(xs);
  const ticks = yTicks(points.map((point) => point.y));
  const y = yScale(ticks);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
<style>text{font:12px system-ui,sans-serif;fill:#888}.title{font-weight:600;font-size:13px}.grid{stroke:#888;stroke-opacity:.25}.line{fill:none;stroke-width:2;stroke-linejoin:round}</style>
<text class="title" x="0" y="14">${escape(title)}</text>
<text x="0" y="30">${escape(unit)}</text>
${ticks.map((tick) => horizontal(tick, y(tick))).join('\n')}
${xs.map((value) => vertical(quantity(axis, value), x(value))).join('\n')}
<text x="${LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escape(axis)}</text>
${lines.map((line, i) => path(line.points, COLOURS[i % COLOURS.length] ?? '', x, y)).join('\n')}
${labels(lines, y)}
</svg>
`;
}

/** Logarithmic; 0, which has no logarithm, stands a step left of the least. */
function xScale(xs: readonly number[]): Scale {
  const positive = xs.filter((value) => value > 0);
  const least = Math.log10(positive[0] ?? 1);
  const most = Math.log10(positive.at(-1) ?? 10);
  const step = (most - least) / Math.max(1, positive.length - 1);
  const start = xs[0] === 0 ? least - step : least;
  const width = WIDTH - LEFT - RIGHT;
  return (value) => {
    const at = value === 0 ? start : Math.log10(value);
    return Math.round(LEFT + (width * (at - start)) / (most - start || 1));
  };
}

/** 1, 2 and 5 times powers of ten around all values; of a wide range only the powers. */
function yTicks(values: readonly number[]): number[] {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const steps = high - low > 3 ? [1] : [1, 2, 5];
  const all = Array.from({ length: high - low + 1 }, (_, i) => low + i).flatMap((power) =>
    steps.map((step) => step * 10 ** power),
  );
  const below = all.filter((tick) => tick <= Math.min(...values)).at(-1) ?? 10 ** low;
  const above = all.find((tick) => tick >= Math.max(...values)) ?? 10 ** high;
  return all.filter((tick) => tick >= below && tick <= above);
}

function yScale(ticks: readonly number[]): Scale {
  const low = Math.log10(ticks[0] ?? 1);
  const high = Math.log10(ticks.at(-1) ?? 10);
  const height = HEIGHT - TOP - BOTTOM;
  return (value) =>
    Math.round(HEIGHT - BOTTOM - (height * (Math.log10(value) - low)) / (high - low || 1));
}

function horizontal(tick: number, y: number): string {
  return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${shown(tick)}</text>`;
}

function vertical(label: string, x: number): string {
  return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text x="${x}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label}</text>`;
}

function path(points: readonly PlotPoint[], colour: string, x: Scale, y: Scale): string {
  const places = points.map((point) => `${x(point.x)},${y(point.y)}`);
  const dots = points.map(
    (point) => `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3" fill="${colour}"/>`,
  );
  return `<polyline class="line" stroke="${colour}" points="${places.join(' ')}"/>${dots.join('')}`;
}

/** Each line's name at its end, moved down where it would lie on the one above. */
function labels(lines: Plot['lines'], y: Scale): string {
  const ends = lines
    .flatMap(({ label, points }, i) => {
      const last = points.at(-1);
      return last === undefined
        ? []
        : [{ label, at: y(last.y), colour: COLOURS[i % COLOURS.length] ?? '' }];
    })
    .toSorted((a, b) => a.at - b.at);
  let lowest = 0;
  return ends
    .map(({ label, at, colour }) => {
      lowest = Math.max(at, lowest + LABEL_HEIGHT);
      return `<text x="${WIDTH - RIGHT + 10}" y="${lowest + 4}" style="fill:${colour}">${escape(label)}</text>`;
    })
    .join('\n');
}

function shown(tick: number): string {
  return tick >= 1 ? tick.toLocaleString('en') : figure(tick);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
