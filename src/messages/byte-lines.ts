const LF = 0x0a;
const CR = 0x0d;

/** Cuts bytes into lines as they come, without their ends. UTF-8 has no byte of a line's end inside of a character. */
export class ByteLines {
  readonly #endsWithCR: boolean;
  #parts: Uint8Array[] = [];
  #afterCR = false;
  /** Bytes of the line that has not ended yet. */
  pending = 0;

  /** 'any': LF, CRLF or CR. 'lf': LF; a CR in front of it is part of the line. */
  constructor(ends: 'lf' | 'any') {
    this.#endsWithCR = ends === 'any';
  }

  /** The lines that end in this piece. All of them are to be taken before the next piece. */
  *cut(piece: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    if (this.#afterCR && piece.byteLength > 0) {
      // That CR has ended its line already: the LF belongs to it.
      this.#afterCR = false;
      if (piece[0] === LF) at = 1;
    }
    let lf = piece.indexOf(LF, at);
    let cr = this.#endsWithCR ? piece.indexOf(CR, at) : -1;
    while (lf !== -1 || cr !== -1) {
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      yield this.#take(piece.subarray(at, end));
      at = end + 1;
      if (end === cr) {
        if (at === lf) at++;
        else if (at === piece.byteLength) this.#afterCR = true;
        cr = piece.indexOf(CR, at);
      }
      if (lf !== -1 && lf < at) lf = piece.indexOf(LF, at);
    }
    if (at < piece.byteLength) {
      this.#parts.push(piece.subarray(at));
      this.pending += piece.byteLength - at;
    }
  }

  /** The last line, where it has no end; null where there is none. */
  rest(): Uint8Array | null {
    return this.pending === 0 ? null : this.#take(new Uint8Array(0));
  }

  #take(end: Uint8Array): Uint8Array {
    if (this.pending === 0) return end;
    const line = new Uint8Array(this.pending + end.byteLength);
    let at = 0;
    for (const part of this.#parts) {
      line.set(part, at);
      at += part.byteLength;
    }
    line.set(end, at);
    this.#parts = [];
    this.pending = 0;
    return line;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Lines as text. What is not UTF-8 becomes U+FFFD; a byte order mark at the start of the first line is dropped. */
export function lineText(line: Uint8Array, isFirst: boolean): string {
  const text = decoder.decode(line);
  return isFirst && text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** A bound in bytes, from an option. @throws TypeError where it is none. */
export function byteBound(
  option: string,
  given: number | null | undefined,
  byDefault: number,
): number {
  if (given === undefined) return byDefault;
  if (given === null) return Infinity;
  if (Number.isInteger(given) && given > 0) return given;
  throw new TypeError(
    `${option}: expected a number of bytes above 0, or null, got ${String(given)}`,
  );
}
