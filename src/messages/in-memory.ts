import type { Content } from './content/content.ts';
import { BytesContent } from './content/memory.ts';
import type { Request } from './request.ts';

/**
 * The request with its body in memory: itself where it is, or has none. A body that is read to its end for it stays what it is in all
 * else that it says of itself. `pieces`: its stream, where that is to be read in a way of its own.
 */
export async function inMemory(
  request: Request,
  pieces?: AsyncIterable<Uint8Array>,
): Promise<Request> {
  const { content } = request;
  if (content === null || content.bytes !== undefined) return request;
  const read: Uint8Array<ArrayBuffer>[] = [];
  // Copies: whoever makes the pieces may make the next one in the same memory.
  for await (const piece of pieces ?? content.stream()) read.push(new Uint8Array(piece));
  const bytes = new Uint8Array(await new Blob(read).arrayBuffer());
  return request.with({ body: new ReadContent(content, bytes) });
}

class ReadContent extends BytesContent {
  readonly contentEncoding: string | undefined;
  readonly filename: string | undefined;
  readonly trailers?: () => Iterable<readonly [name: string, value: string]>;

  constructor(content: Content, bytes: Uint8Array) {
    super(bytes, content.contentType);
    this.contentEncoding = content.contentEncoding;
    this.filename = content.filename;
    if (content.trailers !== undefined) this.trailers = content.trailers.bind(content);
  }
}
