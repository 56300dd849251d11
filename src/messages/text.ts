/** A label that `TextDecoder` knows, or a function that finds one by looking at the bytes. */
export type DefaultEncoding = string | ((bytes: Uint8Array) => string);

const UTF8 = new TextDecoder();

/** One parameter (RFC 9110 §5.6.6). A quoted string that nobody closes goes to the end. */
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s;"]*))/gs;

/** The charset parameter of a Content-Type (RFC 9110 §8.3.2), in lower case, where it names an encoding that is known; else null. */
export function charsetOf(contentType: string | null): string | null {
  if (contentType === null || !contentType.includes(';')) return null;
  for (const [, name, quoted, token] of contentType.matchAll(PARAMETER)) {
    if (name?.toLowerCase() !== 'charset') continue;
    const label = (quoted ?? token ?? '').toLowerCase();
    return isKnown(label) ? label : null;
  }
  return null;
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
  for await (const piece of pieces) {
    decoder ??= new TextDecoder(encodingFor(piece));
    const text = decoder.decode(piece, { stream: true });
    if (text !== '') yield text;
  }
  const last = decoder?.decode() ?? '';
  if (last !== '') yield last;
}

/** Lines of a stream of text, without their ends: CRLF, LF or CR. A last line need not have one. */
export async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest: string[] = [];
  let afterCR = false;
  for await (let piece of pieces) {
    // A CR at the end of a piece has ended its line already: an LF that follows belongs to it.
    if (afterCR && piece.startsWith('\n')) {
      piece = piece.slice(1);
      afterCR = false;
    }
    if (piece === '') continue;
    afterCR = piece.endsWith('\r');
    const lines = piece.split(/\r\n|\n|\r/);
    const last = lines.pop() as string;
    for (const line of lines) {
      yield rest.length === 0 ? line : rest.join('') + line;
      rest = [];
    }
    if (last !== '') rest.push(last);
  }
  if (rest.length > 0) yield rest.join('');
}
