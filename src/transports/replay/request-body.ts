import { WriteError } from '../../errors.ts';
import type { Content } from '../../messages/content/content.ts';
import type { Request } from '../../messages/request.ts';
import type { Call } from '../foreign/call.ts';

/** The body of the request, read to its end; null where there is none. */
export async function bodyInMemory(call: Call): Promise<Uint8Array | null> {
  const { content } = call.request;
  if (content === null) return null;
  if (content.bytes !== undefined) return content.bytes();
  const pieces: Uint8Array[] = [];
  const iterator = content.stream()[Symbol.asyncIterator]();
  call.cleanUp(() => void iterator.return?.()?.then(undefined, () => {}));
  for (;;) {
    let result: IteratorResult<Uint8Array>;
    try {
      result = await call.wait(iterator.next());
    } catch (cause) {
      if (call.failure !== null) throw cause;
      throw new WriteError('the source of the body failed', call.describe('write', cause));
    }
    if (result.done === true) return new Uint8Array(Buffer.concat(pieces));
    pieces.push(result.value.slice());
  }
}

/** A body that was read to be compared, and is to be sent all the same: as it would have been. */
export class KeptContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly contentEncoding: string | undefined;
  readonly replayable = true;
  readonly trailers?: () => Iterable<readonly [name: string, value: string]>;
  readonly #bytes: Uint8Array;

  /** What is in memory anyhow stays as it is. */
  static of({ content }: Request, bytes: Uint8Array): Content {
    return content?.bytes === undefined ? new KeptContent(content as Content, bytes) : content;
  }

  private constructor(content: Content, bytes: Uint8Array) {
    this.contentType = content.contentType;
    this.contentLength = content.contentLength;
    this.contentEncoding = content.contentEncoding;
    if (content.trailers !== undefined) this.trailers = content.trailers.bind(content);
    this.#bytes = bytes;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    if (this.#bytes.byteLength > 0) yield this.#bytes;
  }
}
