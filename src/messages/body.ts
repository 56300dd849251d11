import type { Content } from './content/content.ts';
import { BytesContent, FormContent, TextContent } from './content/memory.ts';
import { BlobContent, FormDataContent, StreamContent, type Piece } from './content/stream.ts';

/**
 * What can be given as `body`. A string is sent as UTF-8 text, `URLSearchParams` as a form, `FormData` as multipart, a `Blob`
 * with its own type; bytes and streams have no type unless a header gives it. Streams and iterables can be sent once.
 */
export type BodyInit =
  | string
  | Uint8Array
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | URLSearchParams
  | FormData
  | ReadableStream<Piece>
  | AsyncIterable<Piece>
  | Iterable<Piece>
  | Content;

/** The content that `body` stands for. @throws TypeError, which names `option`, where it stands for none. */
export function contentOf(body: BodyInit, option: string = 'body'): Content {
  if (typeof body === 'string') return new TextContent(body);
  if (body instanceof Uint8Array) return new BytesContent(body);
  if (typeof body === 'object' && body !== null) {
    if (isContent(body)) return body;
    if (body instanceof ArrayBuffer) return new BytesContent(new Uint8Array(body));
    if (ArrayBuffer.isView(body)) {
      return new BytesContent(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
    }
    if (body instanceof URLSearchParams) return new FormContent(body);
    if (body instanceof Blob) return new BlobContent(body);
    if (body instanceof FormData) return new FormDataContent(body);
    if (Symbol.asyncIterator in body || Symbol.iterator in body || 'getReader' in body)
      return new StreamContent(body);
  }
  throw new TypeError(
    `${option}: expected a string, bytes, Blob, URLSearchParams, FormData, stream, iterable or Content, ` +
      `got ${body === null ? 'null' : Object.prototype.toString.call(body).slice(8, -1)}`,
  );
}

function isContent(body: object): body is Content {
  return 'replayable' in body && typeof (body as Content).stream === 'function';
}
