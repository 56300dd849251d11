import type { HeadersInit } from '../headers.ts';
import { Headers } from '../headers.ts';
import type { Content } from './content.ts';

/** One part of a form: its name, the name of its file if it is one, its other header fields, and what is in it. */
export interface Part {
  readonly name: string;
  readonly filename: string | null;
  readonly headers?: HeadersInit | undefined;
  readonly content: Content;
}

/** Small pieces leave together. */
const GATHERED = 16 * 1024;

/** boundary (RFC 2046 §5.1.1) */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
/** Of those, what need not be quoted as a parameter (RFC 9110 §5.6.6). */
const TOKEN = /^[0-9A-Za-z'+_\-.]+$/;

const encoder = new TextEncoder();

/**
 * Parts as `multipart/form-data` (RFC 7578). The length is known, and the body replayable, where that holds for every part; one part
 * after the other is read, when it is its turn.
 */
export class PartsContent implements Content {
  readonly parts: readonly Part[];
  readonly contentType: string;
  readonly contentLength: number | undefined;
  readonly replayable: boolean;
  /** Where all parts are in memory. */
  readonly bytes?: () => Uint8Array;
  /** What frames the parts, and what is in them, in turn. */
  readonly #segments: readonly (Uint8Array | Content)[];

  /** @throws TypeError on a boundary that is none. */
  constructor(parts: Iterable<Part>, boundary: string = `----strata-${crypto.randomUUID()}`) {
    if (typeof boundary !== 'string' || !BOUNDARY.test(boundary)) {
      throw new TypeError(
        `boundary: expected 1 to 70 of the characters of RFC 2046 §5.1.1, got ${typeof boundary === 'string' ? JSON.stringify(boundary) : typeof boundary}`,
      );
    }
    this.parts = [...parts];
    this.contentType = `multipart/form-data; boundary=${TOKEN.test(boundary) ? boundary : `"${boundary}"`}`;
    const segments: (Uint8Array | Content)[] = [];
    let length: number | undefined = 0;
    let replayable = true;
    let inMemory = true;
    let between = '';
    for (const part of this.parts) {
      const { content } = part;
      const head = encoder.encode(`${between}--${boundary}${headOf(part)}\r\n\r\n`);
      segments.push(head, content);
      between = '\r\n';
      length =
        length === undefined || content.contentLength === undefined
          ? undefined
          : length + head.byteLength + content.contentLength;
      replayable &&= content.replayable;
      inMemory &&= content.bytes !== undefined;
    }
    const end = encoder.encode(`${between}--${boundary}--\r\n`);
    segments.push(end);
    this.#segments = segments;
    this.contentLength = length === undefined ? undefined : length + end.byteLength;
    this.replayable = replayable;
    if (inMemory) this.bytes = () => joined(segments.map((each) => inHand(each) as Uint8Array));
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#pieces();
    } finally {
      // Where it ends early, the parts behind have not had their turn.
      this.discard();
    }
  }

  discard(): void {
    for (const segment of this.#segments) if (!(segment instanceof Uint8Array)) segment.discard?.();
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    let held: Uint8Array[] = [];
    let size = 0;
    for (const segment of this.#segments) {
      const bytes = inHand(segment);
      if (bytes !== undefined && size + bytes.byteLength <= GATHERED) {
        held.push(bytes);
        size += bytes.byteLength;
        continue;
      }
      if (size > 0) yield joined(held);
      held = [];
      size = 0;
      if (bytes === undefined) yield* (segment as Content).stream();
      else yield bytes;
    }
    if (size > 0) yield joined(held);
  }
}

/** Lines end with CRLF (WHATWG HTML §4.10.21.8, "construct the entry list"). */
export function normalized(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}

/** The header fields of a part, each with its line break in front. */
function headOf({ name, filename, headers }: Part): string {
  const file = filename === null ? '' : `; filename="${escaped(filename)}"`;
  const disposition = `form-data; name="${escaped(normalized(name))}"${file}`;
  return `\r\nContent-Disposition: ${disposition}${Headers.from(headers).toString()}`;
}

/** As WHATWG HTML §4.10.21.8 says, and RFC 7578 does not. */
function escaped(name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}

function inHand(segment: Uint8Array | Content): Uint8Array | undefined {
  return segment instanceof Uint8Array ? segment : segment.bytes?.();
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const whole = new Uint8Array(pieces.reduce((total, piece) => total + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
