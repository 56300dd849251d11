/** How much of a response's framing is taken from a peer. Beyond it the response is refused and its connection closed. */
export interface ParserLimits {
  /** Bytes of a response's heads (interim ones included) and, again, of its trailer section. Default 64 KiB. */
  readonly maxHeadBytes: number;
  /** Field lines of one head or trailer section. Default 200. */
  readonly maxFields: number;
  /** Bytes of one chunk's size line, extensions included. Default 4 KiB. */
  readonly maxChunkLine: number;
}

/** Node takes 16 KiB, OkHttp 256 KiB: cookies and tokens of real services exceed the one, and nothing honest the other. */
const MAX_HEAD_BYTES = 64 * 1024;
/** hyper takes 100, Node 2,000. */
const MAX_FIELDS = 200;
/** Nobody reads chunk extensions; Go allows 4 KiB a line. */
const MAX_CHUNK_LINE = 4 * 1024;

export const DEFAULT_LIMITS: ParserLimits = {
  maxHeadBytes: MAX_HEAD_BYTES,
  maxFields: MAX_FIELDS,
  maxChunkLine: MAX_CHUNK_LINE,
};
