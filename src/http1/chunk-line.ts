import { TCHAR, TEXT } from './characters.ts';
import type { ParserLimits } from './limits.ts';
import { byte, Violation } from './violation.ts';

/*
 *   chunk       = chunk-size [ chunk-ext ] CRLF chunk-data CRLF         RFC 9112 §7.1
 *   chunk-ext   = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *   chunk-ext-val = [ token / quoted-string ]                           an empty one is taken, as all take it (llhttp, Go, hyper, curl)
 *
 * Extensions are read for their grammar's sake only: no bytes that could pass for another line's end get through. White space at the end
 * of the line is none of the grammar's, and is refused, as by llhttp.
 */

const HTAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Where in a chunk's size line the scan stands. */
type Place =
  | 'size'
  | 'before-ext'
  | 'ext-start'
  | 'ext-name'
  | 'after-name'
  | 'value-start'
  | 'ext-value'
  | 'quoted'
  | 'quoted-pair'
  | 'after-quoted'
  | 'lf';

/** The value of a hexadecimal digit, or 255. */
const HEX = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 255 : digit;
});

/** Reads a chunk's size line, at whichever bytes it is interrupted. */
export class ChunkLine {
  /** The chunk's length, once the line is complete. */
  size = 0;
  readonly #limits: ParserLimits;
  #place: Place = 'size';
  #digits = 0;
  /** Bytes of the line but for the digits. */
  #others = 0;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  begin(): void {
    this.#place = 'size';
    this.#digits = 0;
    this.#others = 0;
    this.size = 0;
  }

  /** Answers the place after the line's CRLF, or -1 where more is needed. @throws Violation */
  scan(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    // The common line is a size and CRLF, at once.
    if (this.#place === 'size') {
      while (at < to) {
        const digit = HEX[bytes[at]!]!;
        if (digit === 255) break;
        this.#digit(digit);
        at++;
      }
      if (at + 1 < to && bytes[at] === CR && bytes[at + 1] === LF && this.#digits > 0)
        return at + 2;
    }
    while (at < to) {
      const code = bytes[at++]!;
      if (this.#digits + ++this.#others > this.#limits.maxChunkLine) {
        throw new Violation(
          `more than ${this.#limits.maxChunkLine} bytes of chunk size line (maxChunkLine)`,
        );
      }
      if (this.#step(code)) return at;
    }
    return -1;
  }

  /** Takes one byte; true where it ended the line. */
  #step(code: number): boolean {
    if (code === LF && this.#place !== 'lf') throw new Violation('a bare LF in a chunk size line');
    const isBlank = code === SP || code === HTAB;
    switch (this.#place) {
      case 'size':
        if (this.#digits === 0)
          throw new Violation(`${byte(code)} where a chunk size was expected`);
        this.#afterPart(code, 'a chunk size');
        return false;
      case 'before-ext':
        if (code === SEMICOLON) this.#place = 'ext-start';
        else if (!isBlank) throw afterBlank(code);
        return false;
      case 'ext-start':
        if (TCHAR[code] === 1) this.#place = 'ext-name';
        else if (!isBlank)
          throw new Violation(`${byte(code)} where the name of a chunk extension was expected`);
        return false;
      case 'ext-name':
        if (code === EQUALS) this.#place = 'value-start';
        else if (isBlank) this.#place = 'after-name';
        else if (TCHAR[code] !== 1) this.#afterPart(code, 'the name of a chunk extension');
        return false;
      case 'after-name':
        if (code === EQUALS) this.#place = 'value-start';
        else if (code === SEMICOLON) this.#place = 'ext-start';
        else if (!isBlank) throw afterBlank(code);
        return false;
      case 'value-start':
        if (code === QUOTE) this.#place = 'quoted';
        else if (TCHAR[code] === 1) this.#place = 'ext-value';
        else if (!isBlank) this.#afterPart(code, 'the value of a chunk extension');
        return false;
      case 'ext-value':
        if (TCHAR[code] !== 1) this.#afterPart(code, 'the value of a chunk extension');
        return false;
      case 'quoted':
        if (code === QUOTE) this.#place = 'after-quoted';
        else if (code === BACKSLASH) this.#place = 'quoted-pair';
        else if (TEXT[code] !== 1) throw inQuoted(code);
        return false;
      case 'quoted-pair':
        if (TEXT[code] !== 1) throw inQuoted(code);
        this.#place = 'quoted';
        return false;
      case 'after-quoted':
        this.#afterPart(code, 'the value of a chunk extension');
        return false;
      case 'lf':
        if (code !== LF) throw new Violation('a bare CR in a chunk size line');
        return true;
    }
  }

  /** The byte after a size, a name or a value. */
  #afterPart(code: number, part: string): void {
    if (code === CR) this.#place = 'lf';
    else if (code === SEMICOLON) this.#place = 'ext-start';
    else if (code === SP || code === HTAB) this.#place = 'before-ext';
    else throw new Violation(`${byte(code)} in or after ${part}`);
  }

  #digit(digit: number): void {
    this.size = this.size * 16 + digit;
    // As many digits as a length can have, leading zeros included.
    if (++this.#digits > 16 || this.size > Number.MAX_SAFE_INTEGER)
      throw new Violation('a chunk size that is too large');
  }
}

function afterBlank(code: number): Violation {
  return new Violation(
    code === CR
      ? 'white space at the end of a chunk size line'
      : `${byte(code)} after white space in a chunk size line`,
  );
}

function inQuoted(code: number): Violation {
  return new Violation(`${byte(code)} in the quoted value of a chunk extension`);
}
