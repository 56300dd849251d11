/**
 * What a body is: bytes, and what there is to know of them before they are read.
 *
 * Any object of this shape can be given as `body`. `contentLength` is in bytes; undefined where it is not known, and the body
 * is then sent chunked (RFC 9112 §7.1). `replayable` says whether `stream()` may be called again and gives the same bytes:
 * only then can a redirect, a retry or a stale connection send the body a second time.
 */
export interface Content {
  readonly contentType?: string | undefined;
  readonly contentLength?: number | undefined;
  /** What has been done to it, where that is to be undone: `gzip` (RFC 9110 §8.4). Sent as `Content-Encoding`. */
  readonly contentEncoding?: string | undefined;
  /** The name of the file that it is: a part of `multipart/form-data` has it. */
  readonly filename?: string | undefined;
  readonly replayable: boolean;
  stream(): AsyncIterable<Uint8Array>;
  /** The whole body, where it is in memory. */
  bytes?(): Uint8Array;
  /** The whole body as text, where it is in memory and every character is ASCII, so that the text is its own encoding. */
  readonly ascii?: string | undefined;
  /**
   * It will not be sent: gives up what it holds, such as a stream that is open. Must not throw; does nothing once `stream()` has been called.
   */
  discard?(): void;
  /** Fields to be sent after the body (RFC 9110 §6.5), asked for once the body is through; they make the body chunked. */
  trailers?(): Iterable<readonly [name: string, value: string]>;
}
