import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import type { Framing } from '../../src/http1/framing.ts';
import { DEFAULT_LIMITS, type ParserLimits } from '../../src/http1/limits.ts';
import { ResponseParser, type ParserEvents, type ParserState } from '../../src/http1/parser.ts';
import { Violation } from '../../src/http1/violation.ts';
import type { Headers } from '../../src/messages/headers.ts';

/** What the parser is told besides the bytes. */
export interface FeedOptions {
  /** Of the request. Default GET. */
  readonly method?: string;
  /** The request asked for an upgrade. */
  readonly upgrade?: boolean;
  readonly limits?: Partial<ParserLimits>;
  /** The connection ends after the bytes. */
  readonly close?: boolean;
}

export type Field = [name: string, value: string];

export interface Head {
  status: number;
  statusText: string;
  minor: number;
  fields: Field[];
}

/** What came out of the parser, bodies joined (latin1). */
export interface Reading {
  interim: Omit<Head, 'minor'>[];
  head: (Head & { framing: Framing }) | null;
  body: string;
  complete: boolean;
  trailers: Field[] | null;
  /** Bytes taken: what lies beyond is not part of the response. */
  taken: number;
  state: ParserState;
  /** The message of the violation that ended it. */
  violation: string | null;
}

type EventName = 'informational' | 'head' | 'body' | 'complete';

/** Stands around the bytes pushed in: it must not be read, and must not be changed. */
const MARGIN = 8;

/** One parser, and a record of what it says and when. */
export class Feeder implements ParserEvents {
  readonly parser: ResponseParser;
  readonly reading: Reading = {
    interim: [],
    head: null,
    body: '',
    complete: false,
    trailers: null,
    taken: 0,
    state: 'head',
    violation: null,
  };
  /** Every event, and how many bytes had been given when it came. */
  readonly log: { event: EventName; given: number; bytes: string }[] = [];
  /** What went wrong with the parser's dealings in memory. */
  readonly faults: string[] = [];
  #given = 0;

  constructor({ method = 'GET', upgrade = false, limits }: FeedOptions = {}) {
    this.parser = new ResponseParser(this, { ...DEFAULT_LIMITS, ...limits });
    this.parser.begin(method, upgrade);
  }

  /** Pushes `input[from..to)`, from a place in memory where other bytes stand before it and `after` behind it. */
  push(input: Buffer, from: number, to: number, after: Uint8Array): boolean {
    const length = to - from;
    const memory = Buffer.concat([Buffer.alloc(MARGIN, 0xee), input.subarray(from, to), after]);
    const behind = MARGIN + length;
    this.#given += length;
    let end: number;
    try {
      end = this.parser.push(memory, MARGIN, behind);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.reading.violation = error.message;
      end = behind;
    }
    this.reading.taken += end - MARGIN;
    this.reading.state = this.parser.state;
    if (end < MARGIN || end > behind) this.faults.push(`answered ${end - MARGIN} of ${length}`);
    if (!memory.subarray(0, MARGIN).equals(Buffer.alloc(MARGIN, 0xee)))
      this.faults.push('wrote in front of the bytes');
    if (!memory.subarray(behind).equals(after)) this.faults.push('wrote behind the bytes');
    if (!memory.subarray(end, behind).equals(input.subarray(to - (behind - end), to)))
      this.faults.push('changed bytes that are not part of the response');
    return this.reading.violation === null && end === behind;
  }

  finish(): void {
    try {
      this.parser.finish();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.reading.violation = error.message;
    }
    this.reading.state = this.parser.state;
  }

  onInformational(status: number, statusText: string, headers: Headers): void {
    this.#note('informational');
    this.reading.interim.push({ status, statusText, fields: [...headers] });
  }

  onHead({ head, headers, framing }: ResponseParser): void {
    this.#note('head');
    const { status, statusText, minorVersion: minor } = head;
    this.reading.head = { status, statusText, minor, fields: [...headers], framing };
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    const text = bytes.toString('latin1', from, to);
    this.#note('body', text);
    this.reading.body += text;
  }

  onComplete(trailers: Headers | null): void {
    this.#note('complete');
    if (this.reading.complete) this.faults.push('complete twice');
    this.reading.complete = true;
    this.reading.trailers = trailers === null ? null : [...trailers];
  }

  #note(event: EventName, bytes = ''): void {
    this.log.push({ event, given: this.#given, bytes });
  }
}

export function bytesOf(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}

/** Feeds `input`, cut at these places, each piece with `after` (or, by default, what really follows) behind it. */
export function feed(
  input: string | Buffer,
  options: FeedOptions = {},
  cuts: readonly number[] = [],
  after?: Uint8Array,
): Feeder {
  const bytes = bytesOf(input);
  const feeder = new Feeder(options);
  let from = 0;
  let goesOn = true;
  for (const to of [...cuts, bytes.length]) {
    if (goesOn) goesOn = feeder.push(bytes, from, to, after ?? bytes.subarray(to));
    from = to;
  }
  if (goesOn && options.close === true) feeder.finish();
  return feeder;
}

/** What stands behind a complete response: it could be taken for more of it. */
const TRAILING = Buffer.from('\r\n0\r\n\r\nHTTP/1.1 500 Trailing\r\n\r\n', 'latin1');
/** Behind a piece that is not all: it would spoil whatever it is taken for. */
const POISON = Buffer.alloc(MARGIN, 0x00);
/** And this would end nearly anything too early. */
const TEMPTATION = Buffer.from('\r\n\r\n0\r\n\r\n', 'latin1');

/** What an accept vector has to give. Left out: not looked at, but for the body and the trailers, which are none. */
export interface Expected {
  readonly interim?: readonly { status: number; statusText?: string; fields?: Field[] }[];
  readonly status?: number;
  readonly statusText?: string;
  readonly minor?: number;
  readonly fields?: readonly Field[];
  readonly framing?: Framing;
  readonly body?: string;
  readonly trailers?: readonly Field[] | null;
}

/**
 * An accept vector: `input` is exactly one response. It is read whole, one byte at a time, cut at every place, and with bytes behind it
 * that are not its own; what comes out is the same each time, and nothing comes before the byte that completes it.
 */
export function accepts(
  t: Test,
  name: string,
  input: string | Buffer,
  expected: Expected,
  options: FeedOptions = {},
): void {
  const bytes = bytesOf(input);
  const whole = feed(bytes, options);
  const { reading } = whole;
  const problems: string[] = [];
  if (!matches(reading, expected)) problems.push('whole: not what was expected');
  if (!reading.complete && reading.state !== 'tunnel') problems.push('whole: not complete');
  if (reading.taken !== bytes.length) problems.push(`whole: ${reading.taken} bytes taken`);
  const compare = (how: string, other: Feeder): void => {
    if (!isDeepStrictEqual(other.reading, reading))
      problems.push(`${how}: ${JSON.stringify(other.reading)}`);
    problems.push(...other.faults.map((fault) => `${how}: ${fault}`));
  };
  compare('whole', whole);
  compare('whole, again', feed(bytes, options, [], POISON));
  const single = feed(bytes, options, everyPlace(bytes));
  compare('one byte at a time', single);
  problems.push(...untimely(single, bytes));
  for (const cut of somePlaces(bytes)) {
    compare(`cut at ${cut}`, feed(bytes, options, [cut], POISON));
    compare(`cut at ${cut}, again`, feed(bytes, options, [cut], TEMPTATION));
  }
  // What is read until the close has nothing behind it.
  if (options.close !== true) {
    const more = Buffer.concat([bytes, TRAILING]);
    compare('with more behind it', feed(more, options));
    for (const cut of somePlaces(bytes))
      compare(`cut at ${cut}, with more behind it`, feed(more, options, [cut]));
  }
  t.same(problems.slice(0, 5), [], name, { input: show(bytes), reading, expected });
}

/**
 * A reject vector: however `input` is cut, it ends in a violation that names `offence`; what is good of the body comes out before it.
 * With `close`, it is the end of the connection that is the offence.
 */
export function rejects(
  t: Test,
  name: string,
  input: string | Buffer,
  offence: string | RegExp,
  options: FeedOptions = {},
): void {
  const bytes = bytesOf(input);
  const whole = feed(bytes, options);
  const problems: string[] = [];
  const compare = (how: string, { reading, faults, log }: Feeder): void => {
    const { violation, body } = reading;
    if (violation === null) problems.push(`${how}: no violation, ${JSON.stringify(reading)}`);
    else if (!says(violation, offence)) problems.push(`${how}: the violation is ${violation}`);
    if (reading.state !== 'failed') problems.push(`${how}: in state ${reading.state}`);
    if (reading.complete) problems.push(`${how}: complete`);
    if (body !== whole.reading.body) problems.push(`${how}: body ${JSON.stringify(body)}`);
    if (log.filter(({ event }) => event === 'head').length > 1) problems.push(`${how}: two heads`);
    problems.push(...faults.map((fault) => `${how}: ${fault}`));
  };
  compare('whole', whole);
  compare('whole, again', feed(bytes, options, [], POISON));
  compare('one byte at a time', feed(bytes, options, everyPlace(bytes)));
  for (const cut of somePlaces(bytes))
    compare(`cut at ${cut}`, feed(bytes, options, [cut], TEMPTATION));
  if (options.close !== true)
    compare('with more behind it', feed(Buffer.concat([bytes, TRAILING]), options));
  t.same(problems.slice(0, 5), [], name, {
    input: show(bytes),
    violation: whole.reading.violation,
  });
}

/** The violation that `input` ends in, or null. */
export function violationOf(input: string | Buffer, options: FeedOptions = {}): string | null {
  return feed(input, options).reading.violation;
}

/** An event comes with the very byte that completes it: an empty line, the byte of the body itself, the last byte of all. */
function untimely({ log, reading }: Feeder, bytes: Buffer): string[] {
  const problems: string[] = [];
  for (const { event, given, bytes: text } of log) {
    const last = bytes.toString('latin1', given - 1, given);
    const isEarlyOrLate =
      event === 'body'
        ? text !== last
        : event === 'complete'
          ? given !== bytes.length
          : bytes.toString('latin1', given - 4, given) !== '\r\n\r\n';
    if (isEarlyOrLate) problems.push(`${event} with byte ${given}, ${JSON.stringify(last)}`);
  }
  if (reading.head === null) problems.push('no head');
  return problems;
}

function matches({ interim, head, body, trailers }: Reading, expected: Expected): boolean {
  if (head === null || body !== (expected.body ?? '')) return false;
  if (!isDeepStrictEqual(trailers, expected.trailers ?? null)) return false;
  if (expected.interim !== undefined) {
    const { length } = expected.interim;
    if (interim.length !== length) return false;
    if (expected.interim.some((each, i) => !has(interim[i], each))) return false;
  }
  return has(head, {
    status: expected.status,
    statusText: expected.statusText,
    minor: expected.minor,
    fields: expected.fields,
    framing: expected.framing,
  });
}

/** Whether `actual` has every part that `expected` names. */
function has(actual: object | undefined, expected: object): boolean {
  return Object.entries(expected).every(
    ([name, value]) =>
      value === undefined || isDeepStrictEqual((actual as Record<string, unknown>)[name], value),
  );
}

function says(message: string, offence: string | RegExp): boolean {
  return typeof offence === 'string' ? message.includes(offence) : offence.test(message);
}

function everyPlace(bytes: Buffer): number[] {
  return Array.from({ length: Math.max(0, bytes.length - 1) }, (_, i) => i + 1);
}

/** Every place; of a long input, those near its ends and some between. */
function somePlaces(bytes: Buffer): number[] {
  const all = everyPlace(bytes);
  const { length } = all;
  if (length <= 600) return all;
  return all.filter((place) => place < 100 || place > length - 100 || place % 997 === 0);
}

function show(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text;
}
