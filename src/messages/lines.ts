import { byteBound } from './byte-lines.ts';
import type { Response } from './response.ts';
import { undecodable } from './undecodable.ts';
import { utf8Length } from './utf8-length.ts';

export interface LinesOptions {
  /** Bytes that one line may have, in UTF-8; `null`: no bound. Default 1 MiB. */
  maxLineSize?: number | null | undefined;
}

const MAX_LINE_SIZE = 1024 * 1024;

/**
 * The lines of a body's text, one by one as they come, without their ends: CRLF, LF or CR.
 * @throws DecodingError, which names the line's number, where one is too long.
 */
export function textLines(
  response: Response,
  { maxLineSize }: LinesOptions = {},
): AsyncGenerator<string> {
  const maxSize = byteBound('maxLineSize', maxLineSize, MAX_LINE_SIZE);
  return splitLines(response.iterText(), maxSize, (number) =>
    undecodable(
      response,
      `line ${number} of the body has more than ${maxSize} bytes (maxLineSize)`,
    ),
  );
}

/** Lines of a stream of text. A last line need not have an end. */
export async function* splitLines(
  pieces: AsyncIterable<string>,
  maxSize: number = Infinity,
  tooLong: (number: number) => Error = (number) => new RangeError(`line ${number} is too long`),
): AsyncGenerator<string> {
  let number = 1;
  /** What has come of the line that is not complete, and its size. */
  let rest: string[] = [];
  let size = 0;
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
      if (exceeds(line, maxSize - size)) throw tooLong(number);
      yield rest.length === 0 ? line : rest.join('') + line;
      rest = [];
      size = 0;
      number++;
    }
    if (last !== '') {
      if (exceeds(last, maxSize - size)) throw tooLong(number);
      rest.push(last);
      size += utf8Length(last);
    }
  }
  if (rest.length > 0) yield rest.join('');
}

/** No UTF-16 code unit takes more than three bytes: what is short need not be measured. */
function exceeds(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && utf8Length(text) > bytes;
}
