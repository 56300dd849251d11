/** What no shell sees more in than text. */
const PLAIN = /^[\w./:@%+,=-]+$/;

/**
 * What must not stand in a line that somebody pastes: control characters, which a terminal acts upon (a tab completes, a CR runs the line,
 * an ESC does anything), but for the line feed; and the marks that turn the direction of text.
 */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const PERCENT = 0x25;
const QUOTE = 0x27;
const HYPHEN = 0x2d;
const BACKSLASH = 0x5c;

const encoder = new TextEncoder();

/** One word for a POSIX shell (XCU 2.2), whatever is in it but NUL. */
export function quoted(text: string): string {
  if (PLAIN.test(text)) return text;
  if (!UNPRINTABLE.test(text)) return single(text);
  // A command substitution loses the line feeds at its end.
  const end = /\n*$/.exec(text)?.[0] ?? '';
  const start = text.slice(0, text.length - end.length);
  return `"$(printf ${printfOf(encoder.encode(start))})"${end === '' ? '' : single(end)}`;
}

/** The format for `printf` (XCU) that prints these bytes. */
export function printfOf(bytes: Uint8Array): string {
  let format = '';
  for (const byte of bytes) {
    // A hyphen in front would make an option of it.
    const plain =
      byte >= 0x20 &&
      byte <= 0x7e &&
      byte !== QUOTE &&
      byte !== BACKSLASH &&
      !(byte === HYPHEN && format === '');
    if (byte === PERCENT) format += '%%';
    else if (plain) format += String.fromCharCode(byte);
    else format += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `'${format}'`;
}

/** The text that these bytes are, where they are UTF-8 and can be an argument. */
export function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
