import { contentOf, type BodyInit } from '../body.ts';
import type { Content } from './content.ts';

/** Another body, compressed while it is sent, with `Content-Encoding: gzip`. The server has to be one that takes that. */
export class GzipContent implements Content {
  readonly contentType: string | undefined;
  readonly contentEncoding: string;
  readonly filename: string | undefined;
  readonly replayable: boolean;
  readonly #content: Content;

  /** @throws TypeError on what is no body. */
  constructor(body: BodyInit) {
    const content = contentOf(body);
    this.#content = content;
    this.contentType = content.contentType;
    this.contentEncoding =
      content.contentEncoding === undefined ? 'gzip' : `${content.contentEncoding}, gzip`;
    this.filename = content.filename;
    this.replayable = content.replayable;
  }

  stream(): AsyncIterable<Uint8Array> {
    // At once, as it is with others: a stream that has been sent already says so here.
    return compressed(this.#content.stream());
  }

  discard(): void {
    this.#content.discard?.();
  }
}

async function* compressed(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new CompressionStream('gzip');
  const reader = readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const feeding = feed(pieces, writable.getWriter());
  // It is looked at when the reading has ended.
  feeding.catch(() => {});
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    ended = true;
    await feeding;
  } catch (error) {
    ended = true;
    // What the source failed with says more than that the compressor was given up.
    throw await feeding.then(
      () => error,
      (reason: unknown) => reason,
    );
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
  }
}

/** No piece is asked for before the compressor has room for it. */
async function feed(
  pieces: AsyncIterable<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      await writer.ready;
      await writer.write(piece);
    }
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
  await writer.close();
}
