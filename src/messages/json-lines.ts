import { byteBound, ByteLines, lineText } from './byte-lines.ts';
import type { Response } from './response.ts';
import { undecodable } from './undecodable.ts';

export interface JSONLinesOptions {
  /** Bytes that one line may have; `null`: no bound. Default 16 MiB. */
  maxLineSize?: number | null | undefined;
}

const MAX_LINE_SIZE = 16 * 1024 * 1024;

/**
 * The values of newline-delimited JSON (NDJSON, JSON Lines), one by one as they come. It is UTF-8 (RFC 8259 §8.1); lines that are blank
 * are left out, and the last one need not end.
 *
 * @throws DecodingError, which names the line's number, where one is not JSON or is too long.
 */
export function jsonLines<T>(
  response: Response,
  { maxLineSize }: JSONLinesOptions = {},
): AsyncGenerator<T> {
  return values<T>(response, byteBound('maxLineSize', maxLineSize, MAX_LINE_SIZE));
}

async function* values<T>(response: Response, maxSize: number): AsyncGenerator<T> {
  const lines = new ByteLines('lf');
  let number = 0;
  const parsed = (line: Uint8Array): T | undefined => {
    number++;
    if (line.byteLength > maxSize) throw tooLong(response, number, maxSize);
    const text = lineText(line, number === 1);
    return text.trim() === '' ? undefined : parse<T>(response, text, number, line.byteLength);
  };
  for await (const piece of response) {
    for (const line of lines.cut(piece)) {
      const value = parsed(line);
      if (value !== undefined) yield value;
    }
    if (lines.pending > maxSize) throw tooLong(response, number + 1, maxSize);
  }
  const last = lines.rest();
  const value = last === null ? undefined : parsed(last);
  if (value !== undefined) yield value;
}

function parse<T>(response: Response, text: string, number: number, size: number): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    // The parser's own message quotes the line: it is the cause only.
    throw undecodable(response, `line ${number} of the body is not JSON: ${size} bytes`, cause);
  }
}

function tooLong(response: Response, number: number, maxSize: number): Error {
  return undecodable(
    response,
    `line ${number} of the body has more than ${maxSize} bytes (maxLineSize)`,
  );
}
