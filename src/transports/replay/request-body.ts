import type { Content } from '../../messages/content/content.ts';
import { PassingContent } from '../../messages/content/passing.ts';
import { inMemory } from '../../messages/in-memory.ts';
import type { Request } from '../../messages/request.ts';
import { awaitedBody } from '../foreign/awaited-body.ts';
import type { Call } from '../foreign/call.ts';

/** The body of the request, read to its end; null where there is none. */
export async function bodyInMemory(call: Call): Promise<Uint8Array | null> {
  const { content } = await inMemory(call.request, awaitedBody(call));
  return content?.bytes?.() ?? null;
}

/** A body that was read to be compared, and is to be sent all the same: as it would have been. */
export class KeptContent extends PassingContent {
  override readonly replayable = true;
  readonly #bytes: Uint8Array;

  /** What is in memory anyhow stays as it is. */
  static of({ content }: Request, bytes: Uint8Array): Content {
    return content?.bytes === undefined ? new KeptContent(content as Content, bytes) : content;
  }

  private constructor(content: Content, bytes: Uint8Array) {
    super(content);
    this.#bytes = bytes;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    if (this.#bytes.byteLength > 0) yield this.#bytes;
  }
}
