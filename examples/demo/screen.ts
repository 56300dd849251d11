import { styleText } from 'node:util';

/** Fits the narrowest terminal that is still common. */
export const WIDTH = 80;

const coloured = process.stdout.isTTY && process.stdout.hasColors();

type Style = Parameters<typeof styleText>[0];

/** Where colours are wanted (a terminal, and NO_COLOR is not set). */
export function paint(style: Style, text: string): string {
  return coloured ? styleText(style, text) : text;
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** At most so many characters: what is too long is cut in the middle, since both ends of a URL tell something. */
export function fit(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.floor((width - 1) / 3);
  return `${text.slice(0, width - 1 - end)}…${text.slice(text.length - end)}`;
}

/** `0.41 ms`, `12.3 ms`, `412 ms`, `1.24 s` */
export function duration(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)} ms`;
}

/** `512 B`, `1.9 kB`, `50.0 MB`, `4.2 GB` */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  if (bytes < 999_950_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** `8 requests`, `1 request` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A title, and why it is there, with a rule in between. */
export function heading(title: string, why: string): void {
  const fitted = fit(title, WIDTH - why.length - 4);
  const rule = '─'.repeat(WIDTH - fitted.length - why.length - 2);
  print(`\n${paint('bold', fitted)} ${paint('dim', rule)} ${why}`);
}

/** Where a row's second column begins, and how wide it is. The third is for a time, up to the edge. */
const TEXT_AT = 26;
const TIME_WIDTH = 10;
const TEXT_WIDTH = WIDTH - TEXT_AT - TIME_WIDTH;

/** A name, what there is to say of it (a line each), and a time in milliseconds beside the first of them. */
export function row(name: string, texts: readonly string[], ms?: number): void {
  const [first = '', ...more] = texts;
  const named = paint('cyan', name.padEnd(TEXT_AT));
  if (ms === undefined) print(named + fit(first, WIDTH - TEXT_AT));
  else {
    const time = paint('yellow', duration(ms).padStart(TIME_WIDTH));
    print(named + fit(first, TEXT_WIDTH).padEnd(TEXT_WIDTH) + time);
  }
  for (const text of more) print(' '.repeat(TEXT_AT) + fit(text, WIDTH - TEXT_AT));
}

/** A line in the margin. */
export function note(text: string): void {
  print(paint('dim', `  ${text}`));
}

/** Words, as many as there is room for on each line. */
export function paragraph(words: readonly string[]): void {
  let line = '   ';
  for (const word of words) {
    if (line.length + 1 + word.length > WIDTH) {
      print(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  print(line);
}
