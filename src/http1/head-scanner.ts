import { TCHAR, TEXT } from './characters.ts';
import type { ParserLimits } from './limits.ts';
import { byte, Violation } from './violation.ts';

/*
 *   status-line = HTTP-version SP status-code SP [ reason-phrase ]      RFC 9112 §4; the last SP may be missing (llhttp)
 *   field-line  = field-name ":" OWS field-value OWS                    RFC 9112 §5
 *   obs-fold    = OWS CRLF 1*( SP / HTAB )                              RFC 9112 §5.2: a user agent replaces it by SP
 *
 * Bare LF ends no line here (RFC 9112 §2.2 allows either), bare CR is nowhere allowed, and names are tokens: no space before the colon.
 * Empty lines before the status line are skipped, as llhttp, hyper and the browsers do: what they say cannot be read in two ways.
 */

const HTAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;
const ZERO = 0x30;

/** Where in a head the scan stands. */
type Place =
  | 'status'
  | 'empty-lf'
  | 'status-lf'
  | 'line'
  | 'name'
  | 'value'
  | 'value-lf'
  | 'last-lf';

/** The fields that frame the message or govern its connection, as a set: which of them the head has. */
export const CONTENT_LENGTH = 1;
export const TRANSFER_ENCODING = 2;
export const CONNECTION = 4;
export const KEEP_ALIVE = 8;

// Names of this module's own: what is imported is looked up again for each byte.
const NAME = TCHAR;
const VALUE = TEXT;
const NOTHING = Buffer.alloc(0);
const VERSION = Buffer.from('HTTP/1.', 'latin1');
/** obs-fold, one or several. A run of white space is tried from its start only, or long ones would take quadratic time. */
const FOLDS = /(?<![\t ])[\t ]*(?:\r\n[\t ]+)+/g;

/**
 * Scans the status line and the field lines of a response, or a trailer section, byte by byte, in one pass that checks as it goes and
 * may be interrupted anywhere. What it keeps is text in wire form: `Headers` decodes it when asked.
 */
export class HeadScanner {
  /** HTTP/1.x */
  minorVersion = 1;
  status = 0;
  statusText = '';
  /** The field lines of the section, each with CRLF in front. */
  lines = '';
  /** Which of the fields above the head has. Trailers do not count: they frame nothing. */
  fields = 0;
  /** The value of Content-Length, where there is exactly one and it is digits; else -1. */
  contentLength = -1;
  /** Whether there is exactly one Transfer-Encoding and it says `chunked`. */
  chunked = false;

  readonly #limits: ParserLimits;
  #place: Place = 'status';
  #inTrailers = false;
  #count = 0;
  #folded = false;
  /** Places in the bytes scanned: of the line's start, of the first field's CRLF, of the values of Content-Length and Transfer-Encoding. */
  #lineStart = 0;
  #linesStart = 0;
  #lengthStart = -1;
  #codingStart = -1;
  /** Heads before this one that count against the same bound. */
  #spent = 0;
  /** A head that came in pieces is gathered here; else it is scanned where it lies. */
  #held: Buffer = NOTHING;
  #heldLength = 0;
  #heldAt = 0;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Whether some of a head has come, but not all. */
  get started(): boolean {
    return this.#heldLength > 0;
  }

  /** Makes ready for the head of the next response. */
  beginResponse(): void {
    this.#spent = 0;
    this.continueResponse();
  }

  /** Makes ready for another head of the same response, after an interim one. */
  continueResponse(): void {
    this.fields = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.#inTrailers = false;
    this.#begin('status');
  }

  beginTrailers(): void {
    this.#spent = 0;
    this.#inTrailers = true;
    this.#begin('line');
  }

  /**
   * Scans `bytes[from..to)`. Answers the place after the empty line that ends the section, or -1 where more is needed.
   * @throws Violation
   */
  scan(bytes: Buffer, from: number, to: number): number {
    if (this.#heldLength === 0) {
      this.#linesStart = from;
      this.#lineStart = from;
      const end = this.#run(bytes, from, from, to);
      if (end === -1) this.#hold(bytes, from, to, from);
      return end;
    }
    const before = this.#heldLength;
    this.#hold(bytes, from, to, 0);
    const end = this.#run(this.#held, 0, this.#heldAt, this.#heldLength);
    if (end === -1) {
      this.#heldAt = this.#heldLength;
      return -1;
    }
    this.#heldLength = 0;
    return from + (end - before);
  }

  #begin(place: Place): void {
    this.#place = place;
    this.#count = 0;
    this.#folded = false;
    this.#lengthStart = -1;
    this.#codingStart = -1;
    this.#heldLength = 0;
    this.lines = '';
  }

  /** Keeps bytes for the next call; `base` is where the places that were noted count from. */
  #hold(bytes: Buffer, from: number, to: number, base: number): void {
    const length = Math.min(to - from, this.#limits.maxHeadBytes + 1 - this.#heldLength);
    const needed = this.#heldLength + length;
    if (this.#held.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, needed * 2));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldLength, from, from + length);
    if (this.#heldLength === 0) {
      this.#lineStart -= base;
      this.#linesStart -= base;
      if (this.#lengthStart !== -1) this.#lengthStart -= base;
      if (this.#codingStart !== -1) this.#codingStart -= base;
      this.#heldAt = length;
    }
    this.#heldLength = needed;
  }

  /** The scan itself: from `start` the section goes, from `at` it has not been looked at. */
  #run(bytes: Buffer, start: number, at: number, to: number): number {
    const budget = this.#limits.maxHeadBytes - this.#spent;
    // No byte beyond the bound is looked at, so that a peer cannot have more memory or time than that.
    const end = to - start > budget ? start + budget : to;
    let place = this.#place;
    while (at < end) {
      switch (place) {
        case 'name': {
          while (at < end && NAME[bytes[at]!] === 1) at++;
          if (at === end) break;
          if (bytes[at] !== COLON) throw nameViolation(bytes, this.#lineStart, at);
          if (at === this.#lineStart) throw new Violation('a field line without a name');
          this.#recognise(bytes, this.#lineStart, at);
          at++;
          place = 'value';
          break;
        }
        case 'value': {
          while (at < end && VALUE[bytes[at]!] === 1) at++;
          if (at === end) break;
          if (bytes[at] !== CR) throw lineViolation('field value', bytes[at]!);
          at++;
          place = 'value-lf';
          break;
        }
        case 'value-lf': {
          if (bytes[at] !== LF) throw new Violation('a bare CR in a field value');
          at++;
          place = 'line';
          break;
        }
        case 'line': {
          const first = bytes[at]!;
          this.#lineStart = at;
          if (first === CR) {
            at++;
            place = 'last-lf';
          } else if (first === SP || first === HTAB) {
            if (this.#count === 0) throw new Violation('white space before the first field line');
            this.#folded = true;
            place = 'value';
          } else {
            if (++this.#count > this.#limits.maxFields) {
              throw new Violation(`more than ${this.#limits.maxFields} field lines (maxFields)`);
            }
            place = 'name';
          }
          break;
        }
        case 'last-lf': {
          if (bytes[at] !== LF) throw new Violation('a bare CR at the end of the head');
          at++;
          this.#place = place;
          this.#finish(bytes, start, at);
          return at;
        }
        case 'status': {
          while (at < end && VALUE[bytes[at]!] === 1) at++;
          if (at === end) break;
          if (bytes[at] !== CR) {
            checkVersion(bytes, this.#lineStart, at + 1);
            throw lineViolation('status line', bytes[at]!);
          }
          if (at === this.#lineStart) place = 'empty-lf';
          else {
            this.#statusLine(bytes, this.#lineStart, at);
            this.#linesStart = at;
            place = 'status-lf';
          }
          at++;
          break;
        }
        case 'empty-lf': {
          if (bytes[at] !== LF) throw new Violation('a bare CR before the status line');
          at++;
          this.#lineStart = at;
          place = 'status';
          break;
        }
        case 'status-lf': {
          if (bytes[at] !== LF) throw new Violation('a bare CR in the status line');
          at++;
          place = 'line';
          break;
        }
      }
    }
    this.#place = place;
    if (end < to)
      throw new Violation(`more than ${this.#limits.maxHeadBytes} bytes of head (maxHeadBytes)`);
    // An answer in another protocol is known by its first bytes: it may never send a CRLF.
    if (place === 'status') checkVersion(bytes, this.#lineStart, at);
    return -1;
  }

  #finish(bytes: Buffer, start: number, end: number): void {
    this.#spent += end - start;
    if (this.#count === 0) return;
    // From the CRLF before the first field to the CRLF before the empty line. A trailer section has no CRLF before its first field.
    const text = bytes.toString('latin1', this.#linesStart, end - 4);
    this.lines = this.#inTrailers ? `\r\n${text}` : text;
    if (this.#folded) this.lines = this.lines.replace(FOLDS, ' ');
    else {
      if (this.#lengthStart !== -1) this.contentLength = digits(bytes, this.#lengthStart);
      if (this.#codingStart !== -1) this.chunked = isChunked(bytes, this.#codingStart);
    }
  }

  #statusLine(bytes: Buffer, start: number, end: number): void {
    checkVersion(bytes, start, end);
    const minor = bytes[start + 7]! - ZERO;
    if (end - start < 12 || minor < 0 || minor > 9 || bytes[start + 8] !== SP)
      throw statusViolation(bytes, start, end);
    const hundreds = bytes[start + 9]! - ZERO;
    const tens = bytes[start + 10]! - ZERO;
    const ones = bytes[start + 11]! - ZERO;
    if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) {
      throw statusViolation(bytes, start, end);
    }
    if (end - start > 12 && bytes[start + 12] !== SP) throw statusViolation(bytes, start, end);
    this.minorVersion = minor;
    this.status = hundreds * 100 + tens * 10 + ones;
    // Nearly every one says OK: no string is made for that.
    const isOK = end - start === 15 && bytes[start + 13] === 0x4f && bytes[start + 14] === 0x4b;
    this.statusText = isOK ? 'OK' : bytes.toString('latin1', start + 13, end);
  }

  #recognise(bytes: Buffer, start: number, end: number): void {
    if (this.#inTrailers) return;
    switch (end - start) {
      case 10:
        if (isNamed(bytes, start, 'connection')) this.fields |= CONNECTION;
        else if (isNamed(bytes, start, 'keep-alive')) this.fields |= KEEP_ALIVE;
        break;
      case 14:
        if (isNamed(bytes, start, 'content-length')) {
          this.#lengthStart = (this.fields & CONTENT_LENGTH) === 0 ? end + 1 : -1;
          this.fields |= CONTENT_LENGTH;
        }
        break;
      case 17:
        if (isNamed(bytes, start, 'transfer-encoding')) {
          this.#codingStart = (this.fields & TRANSFER_ENCODING) === 0 ? end + 1 : -1;
          this.fields |= TRANSFER_ENCODING;
        }
        break;
    }
  }
}

function isNamed(bytes: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    // 0x20 is the bit that tells cases apart; `-` has it too, and nothing but `-` and CR becomes `-`, and CR is no tchar.
    if ((bytes[start + i]! | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** OWS "chunked" OWS, up to the CR. */
function isChunked(bytes: Buffer, at: number): boolean {
  at = skipBlank(bytes, at);
  return isNamed(bytes, at, 'chunked') && bytes[skipBlank(bytes, at + 7)] === CR;
}

/** OWS 1*DIGIT OWS, up to the CR; -1 for anything else. */
function digits(bytes: Buffer, at: number): number {
  at = skipBlank(bytes, at);
  let value = 0;
  const start = at;
  for (; bytes[at]! >= ZERO && bytes[at]! <= 0x39; at++) {
    value = value * 10 + (bytes[at]! - ZERO);
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return at > start && bytes[skipBlank(bytes, at)] === CR ? value : -1;
}

function skipBlank(bytes: Buffer, at: number): number {
  while (bytes[at] === SP || bytes[at] === HTAB) at++;
  return at;
}

function checkVersion(bytes: Buffer, start: number, end: number): void {
  const length = Math.min(end - start, VERSION.length);
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== VERSION[i]) throw statusViolation(bytes, start, end);
  }
}

function statusViolation(bytes: Buffer, start: number, end: number): Violation {
  const line = bytes.toString('latin1', start, Math.min(end, start + 60));
  return new Violation(
    `expected a status line, HTTP/1.x and a status of three digits, got ${JSON.stringify(line)}`,
  );
}

function nameViolation(bytes: Buffer, start: number, at: number): Violation {
  const name = bytes.toString('latin1', start, Math.min(at, start + 60));
  const code = bytes[at]!;
  if (code === SP || code === HTAB)
    return new Violation(`white space in or after a field name, ${JSON.stringify(name)}`);
  if (code === CR || code === LF)
    return new Violation(`a field line without a colon, ${JSON.stringify(name)}`);
  return new Violation(`${byte(code)} in a field name, after ${JSON.stringify(name)}`);
}

function lineViolation(where: string, code: number): Violation {
  return new Violation(code === LF ? `a bare LF in a ${where}` : `${byte(code)} in a ${where}`);
}
