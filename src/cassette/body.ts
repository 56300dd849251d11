/**
 * A body as it stands in a cassette, for people to read and to edit: a JSON value, laid out in the file; text, by lines; else base64, by
 * lines. From each of them the same bytes come back.
 */
export type StoredBody =
  | {
      readonly json: unknown;
      /** What it was indented with, where it was; and what stood behind it. */
      readonly indent?: string | undefined;
      readonly end?: string | undefined;
    }
  | { readonly text: string | readonly string[] }
  | { readonly base64: string | readonly string[] };

/** A byte order mark is kept: it is part of the bytes. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Controls that text does not have in it. */
// oxlint-disable-next-line no-control-regex
const NOT_IN_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/;
/** base64, so many characters a line. */
const LINES = /.{1,76}/g;

/** The text that the bytes are the UTF-8 of; null where they are something else. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = UTF8.decode(bytes);
    return NOT_IN_TEXT.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** undefined: there is no body. */
export function storedBody(bytes: Uint8Array): StoredBody | undefined {
  if (bytes.byteLength === 0) return undefined;
  const text = textOf(bytes);
  if (text === null) {
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    return { base64: oneOrMore(base64.match(LINES) ?? []) };
  }
  return asJSON(text) ?? { text: oneOrMore(text.split('\n')) };
}

/** The bytes are the caller's. */
export function bytesOf(body: StoredBody | undefined): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  // Not a Buffer: what is not one of Node's pool may be kept and changed.
  if ('base64' in body) return new Uint8Array(Buffer.from(joined(body.base64, ''), 'base64'));
  const text =
    'text' in body
      ? joined(body.text, '\n')
      : JSON.stringify(body.json, null, body.indent) + (body.end ?? '');
  return new TextEncoder().encode(text);
}

/** Only where printing the value gives the same text again: not so with `1.0`, with a name that is there twice, with a layout of its own. */
function asJSON(text: string): StoredBody | null {
  const layout = /^[[{](?:\n([ \t]*))?/.exec(text);
  if (layout === null) return null;
  const indent = layout[1];
  const end = text.endsWith('\n') ? '\n' : undefined;
  try {
    const json = JSON.parse(text) as unknown;
    if (JSON.stringify(json, null, indent) + (end ?? '') !== text) return null;
    return {
      json,
      ...(indent === undefined ? {} : { indent }),
      ...(end === undefined ? {} : { end }),
    };
  } catch {
    return null;
  }
}

function oneOrMore(lines: readonly string[]): string | readonly string[] {
  return lines.length === 1 ? (lines[0] as string) : lines;
}

function joined(lines: string | readonly string[], between: string): string {
  return typeof lines === 'string' ? lines : lines.join(between);
}
