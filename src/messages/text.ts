/** A label that `TextDecoder` knows, or a function that finds one by looking at the bytes; what it does not find is UTF-8. */
export type DefaultEncoding = string | ((bytes: Uint8Array) => string | null | undefined);

const UTF8 = new TextDecoder();

/** One parameter (RFC 9110 §5.6.6). A quoted string that nobody closes goes to the end. */
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s;"]*))/gs;

/** The charset parameter of a Content-Type (RFC 9110 §8.3.2), in lower case, where it names an encoding that is known; else null. */
export function charsetOf(contentType: string | null): string | null {
  const label = parameterOf(contentType, 'charset')?.toLowerCase();
  return label !== undefined && isKnown(label) ? label : null;
}

/** The boundary parameter of a multipart Content-Type (RFC 2046 §5.1.1). */
export function boundaryOf(contentType: string): string | null {
  return parameterOf(contentType, 'boundary') ?? null;
}

/** Of several of the same name, the first. */
function parameterOf(contentType: string | null, wanted: string): string | undefined {
  if (contentType === null || !contentType.includes(';')) return undefined;
  for (const [, name, quoted, token] of contentType.matchAll(PARAMETER)) {
    if (name?.toLowerCase() === wanted) return quoted?.replace(/\\(.)/gs, '$1') ?? token;
  }
  return undefined;
}

/**
 * The encoding that a byte order mark at the start tells, null where there is none. It counts more than what the headers say
 * (WHATWG Encoding §6, "decode").
 */
export function markedEncoding(bytes: Uint8Array): string | null {
  const first = bytes[0];
  if (first === undefined || first < 0xef) return null;
  if (first === 0xef) return bytes[1] === 0xbb && bytes[2] === 0xbf ? 'utf-8' : null;
  if (first === 0xfe) return bytes[1] === 0xff ? 'utf-16be' : null;
  return first === 0xff && bytes[1] === 0xfe ? 'utf-16le' : null;
}

/** Whether more bytes could make a byte order mark of these. */
function mayBecomeMark([first, second, third]: Uint8Array): boolean {
  if (first === 0xef) return second === undefined || (second === 0xbb && third === undefined);
  return first === undefined || ((first === 0xfe || first === 0xff) && second === undefined);
}

/** Text of bytes; what is not valid becomes U+FFFD, and a byte order mark is dropped (WHATWG Encoding §6). */
export function decode(bytes: Uint8Array, encoding: string): string {
  return encoding === 'utf-8' ? UTF8.decode(bytes) : new TextDecoder(encoding).decode(bytes);
}

/** @throws RangeError where the encoding is not one that `TextDecoder` knows. */
export function checkEncoding(label: string): string {
  if (!isKnown(label))
    throw new RangeError(`encoding: there is none called ${JSON.stringify(label)}`);
  return label;
}

function isKnown(label: string): boolean {
  if (label === 'utf-8') return true;
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

/** Text of a stream of bytes; no character is split between two pieces. The encoding is decided by the first bytes. */
export async function* decodeStream(
  pieces: AsyncIterable<Uint8Array>,
  encodingFor: (first: Uint8Array) => string,
): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let start: Uint8Array = new Uint8Array(0);
  for await (let piece of pieces) {
    if (decoder === undefined) {
      if (start.byteLength > 0) piece = joined(start, piece);
      if (mayBecomeMark(piece)) {
        start = piece;
        continue;
      }
      decoder = new TextDecoder(encodingFor(piece));
    }
    const text = decoder.decode(piece, { stream: true });
    if (text !== '') yield text;
  }
  const last =
    decoder !== undefined
      ? decoder.decode()
      : start.byteLength > 0
        ? decode(start, encodingFor(start))
        : '';
  if (last !== '') yield last;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.byteLength + second.byteLength);
  whole.set(first);
  whole.set(second, first.byteLength);
  return whole;
}
