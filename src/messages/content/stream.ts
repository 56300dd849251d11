import type { Readable } from 'node:stream';
import { StreamConsumedError } from '../../errors.ts';
import type { Content } from './content.ts';
import { OCTETS } from './media-type.ts';
import { TextContent } from './memory.ts';
import { normalized, PartsContent, type Part } from './parts.ts';

/** Pieces of a body: bytes, or text to be sent as UTF-8. */
export type Piece = Uint8Array | string;

type Source = AsyncIterable<Piece> | Iterable<Piece> | ReadableStream<Piece>;

/** A body that comes piece by piece and can be read once: an iterable, sync or async, a Node `Readable`, a web stream. */
export class StreamContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly replayable = false;
  #source: Source | undefined;

  constructor(
    source: Source,
    options: { contentType?: string | undefined; contentLength?: number | undefined } = {},
  ) {
    this.#source = source;
    this.contentType = options.contentType;
    this.contentLength = options.contentLength;
  }

  stream(): AsyncIterable<Uint8Array> {
    const source = this.#source;
    if (source === undefined) {
      throw new StreamConsumedError(
        'the body was a stream, which can be sent once, and it has been',
      );
    }
    this.#source = undefined;
    return encoded(iterable(source));
  }

  /** Destroys a Node stream, and cancels a web stream: nobody else has a reason to. What else is iterable has not begun. */
  discard(): void {
    const source = this.#source as Partial<Readable & ReadableStream> | undefined;
    this.#source = undefined;
    if (typeof source?.destroy === 'function') source.destroy();
    else if (typeof source?.cancel === 'function') source.cancel().catch(() => {});
  }
}

/** A `Blob` or `File`: of known size and type, and replayable. */
export class BlobContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number;
  readonly replayable = true;
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
    this.contentType = blob.type === '' ? undefined : blob.type;
    this.contentLength = blob.size;
  }

  stream(): AsyncIterable<Uint8Array> {
    return encoded(iterable(this.#blob.stream() as ReadableStream<Uint8Array>));
  }
}

/** The platform's `FormData`, as it is when this is made, as `multipart/form-data`. Files are read when they are sent. */
export class FormDataContent extends PartsContent {
  constructor(form: FormData) {
    super(partsOf(form));
  }
}

/** Values and line ends as WHATWG HTML §4.10.21.8 says. */
function* partsOf(form: FormData): Iterable<Part> {
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      yield { name, filename: null, content: new TextContent(normalized(value)) };
    } else {
      const headers = { 'Content-Type': value.type || OCTETS };
      yield { name, filename: value.name, headers, content: new BlobContent(value) };
    }
  }
}

const encoder = new TextEncoder();

function iterable<T>(
  source: AsyncIterable<T> | Iterable<T> | ReadableStream<T>,
): AsyncIterable<T> | Iterable<T> {
  if (Symbol.asyncIterator in source || Symbol.iterator in source)
    return source as AsyncIterable<T>;
  return fromReader(source);
}

/** Where web streams are not async iterable (older browsers). */
async function* fromReader<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if ((ended = done)) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

async function* encoded(
  source: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    if (piece instanceof Uint8Array) yield piece;
    else if (typeof piece === 'string') yield encoder.encode(piece);
    else if (piece instanceof ArrayBuffer) yield new Uint8Array(piece);
    else if (ArrayBuffer.isView(piece))
      yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    else
      throw new TypeError(
        `body: expected pieces of bytes or text, got ${piece === null ? 'null' : typeof piece}`,
      );
  }
}
