/** A message out of its lines, CRLF between them; an empty line ends the head. */
export function lines(...all: string[]): string {
  return all.join('\r\n');
}

/** `200 OK` with this body (latin1) and its length, for tests that are about something else. */
export function ok(body = '', ...fields: string[]): string {
  return lines('HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields, '', body);
}

/** A body in chunked coding, one chunk a piece (latin1), with trailer lines if there are any. */
export function chunked(pieces: readonly string[], ...trailers: string[]): string {
  const chunks = pieces.map((piece) => lines(piece.length.toString(16), piece, ''));
  return chunks.join('') + lines('0', ...trailers, '', '');
}
