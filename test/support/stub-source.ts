import type { BodySource } from '../../src/messages/body-source.ts';
import type { Headers } from '../../src/messages/headers.ts';

/** What a source gives: bytes, text as UTF-8, an error, or whatever a promise brings. */
export type Given = string | Uint8Array | Error;

/** The source of a response's body that gives what it is told, and notes what is asked of it. */
export class StubSource implements BodySource {
  pulls = 0;
  cancels = 0;
  bytesReceived = 0;
  trailers: Headers | null = null;
  readonly inner?: BodySource;
  #pulling = false;
  readonly #pieces: (Given | PromiseLike<Given>)[];

  constructor(...pieces: (Given | PromiseLike<Given>)[]) {
    this.#pieces = pieces;
  }

  /** A source around another one: as layers make it that change bodies. */
  static around(inner: BodySource, ...pieces: Given[]): StubSource {
    return Object.assign(new StubSource(...pieces), { inner });
  }

  async pull(): Promise<Uint8Array | null> {
    this.pulls++;
    if (this.#pulling) throw new Error('pull() was called again before it had settled');
    this.#pulling = true;
    const piece = await this.#pieces.shift();
    this.#pulling = false;
    if (piece === undefined) return null;
    if (piece instanceof Error) throw piece;
    const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
    this.bytesReceived += bytes.byteLength;
    return bytes;
  }

  async cancel(): Promise<void> {
    this.cancels++;
    this.#pieces.length = 0;
  }
}
