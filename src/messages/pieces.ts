import type { BodySink, BodySource } from './body-source.ts';

/**
 * A source's pieces, one pull at a time however they are asked for. No generator: an early `return` while a piece is awaited must not
 * wait for it.
 */
export class Pieces implements AsyncIterableIterator<Uint8Array> {
  readonly #source: BodySource;
  #pulling: Promise<Uint8Array | null> | null = null;
  #ended = false;

  constructor(source: BodySource) {
    this.#source = source;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#pulling !== null) await this.#pulling.catch(() => {});
    if (this.#ended) return { done: true, value: undefined };
    let piece: Uint8Array | null;
    try {
      this.#pulling = this.#source.pull();
      piece = await this.#pulling;
    } catch (error) {
      this.#ended = true;
      throw error;
    } finally {
      this.#pulling = null;
    }
    if (piece !== null) return { done: false, value: piece };
    this.#ended = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#ended) {
      this.#ended = true;
      await this.#source.cancel();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Bytes that are in memory, in the way in which others come piece by piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

/** All that is left of a source, in one piece, in the way that is best for it. */
export function allOf(source: BodySource): Promise<Uint8Array> {
  return source.rest?.() ?? concatenated(source);
}

/** The same, by pulling. */
export async function concatenated(source: BodySource): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await source.pull(); piece !== null; piece = await source.pull()) {
    pieces.push(piece);
    length += piece.byteLength;
  }
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** Lends all of a body to `sink`, piece by piece, and counts its bytes. What `sink` throws ends the body. */
export async function consumed(body: BodySource | Uint8Array, sink: BodySink): Promise<number> {
  let bytes = 0;
  const take = (piece: Uint8Array): void => {
    const { byteLength } = piece;
    if (byteLength === 0) return;
    const result: unknown = sink(piece);
    if (isPromise(result)) throw notAwaited(result);
    bytes += byteLength;
  };
  if (typeof sink !== 'function') {
    if (!(body instanceof Uint8Array)) await body.cancel();
    throw new TypeError(`consume: expected a function that takes bytes, got ${typeof sink}`);
  }
  if (body instanceof Uint8Array) take(body);
  else await lend(body, take);
  return bytes;
}

/** Lends all that is left of a source, in the way that is best for it. */
export function lend(source: BodySource, sink: BodySink): Promise<void> {
  return source.consume?.(sink) ?? lendPulled(source, sink);
}

async function lendPulled(source: BodySource, sink: BodySink): Promise<void> {
  for (let piece = await source.pull(); piece !== null; piece = await source.pull()) {
    try {
      sink(piece);
    } catch (error) {
      await source.cancel();
      throw error;
    }
  }
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return (
    typeof result === 'object' &&
    result !== null &&
    typeof (result as PromiseLike<unknown>).then === 'function'
  );
}

/** By the time that it is done, the bytes that it was given would be others. */
function notAwaited(result: PromiseLike<unknown>): TypeError {
  result.then(undefined, () => {});
  return new TypeError(
    'consume: expected a function that is done with the bytes when it returns, got one that returns a promise; `for await` waits for what is done with a piece',
  );
}

/** A web stream that asks for a piece when it is read from, and not ahead. */
export function streamOf(pieces: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
