import type { BodySource } from '../messages/body-source.ts';
import type { Content } from '../messages/content/content.ts';
import type { Headers } from '../messages/headers.ts';

/** How a body ended, as far as it has. */
type Ending = 'open' | 'whole' | 'cut' | { readonly error: unknown };

/** A body, noted down while it passes. */
export class Notes {
  readonly pieces: Uint8Array[] = [];
  /** When each piece came, in milliseconds of the `performance.now()` clock. */
  readonly times: number[] = [];
  ending: Ending = 'open';
  trailers: Headers | null = null;

  /** A copy: who gets the piece may change it. */
  add(piece: Uint8Array): void {
    this.pieces.push(piece.slice());
    this.times.push(performance.now());
  }

  end(ending: Exclude<Ending, 'open'>, trailers: Headers | null = null): void {
    if (this.ending !== 'open') return;
    this.ending = ending;
    this.trailers = trailers;
  }

  restart(): void {
    this.pieces.length = 0;
    this.times.length = 0;
    this.ending = 'open';
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.pieces));
  }
}

/** The body of a response, noted down as it is read. */
export class NotedSource implements BodySource {
  readonly inner?: BodySource;
  readonly #source: BodySource;
  readonly #notes: Notes;

  constructor(source: BodySource, notes: Notes) {
    if (source.inner !== undefined) this.inner = source.inner;
    this.#source = source;
    this.#notes = notes;
  }

  async pull(): Promise<Uint8Array | null> {
    let piece: Uint8Array | null;
    try {
      piece = await this.#source.pull();
    } catch (error) {
      this.#notes.end({ error });
      throw error;
    }
    if (piece === null) this.#notes.end('whole', this.#source.trailers);
    else this.#notes.add(piece);
    return piece;
  }

  cancel(): Promise<void> {
    this.#notes.end('cut');
    return this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }
}

/** The body of a request that is not in memory, noted down as it is sent. Sent again, it is noted down again. */
export class NotedContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly contentEncoding: string | undefined;
  readonly filename: string | undefined;
  readonly replayable: boolean;
  readonly trailers?: () => Iterable<readonly [name: string, value: string]>;
  readonly #content: Content;
  readonly #notes: Notes;

  constructor(content: Content, notes: Notes) {
    this.contentType = content.contentType;
    this.contentLength = content.contentLength;
    this.contentEncoding = content.contentEncoding;
    this.filename = content.filename;
    this.replayable = content.replayable;
    if (content.trailers !== undefined) this.trailers = content.trailers.bind(content);
    this.#content = content;
    this.#notes = notes;
  }

  stream(): AsyncIterable<Uint8Array> {
    this.#notes.restart();
    return noted(this.#content.stream(), this.#notes);
  }
}

async function* noted(pieces: AsyncIterable<Uint8Array>, notes: Notes): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    notes.add(piece);
    yield piece;
  }
}
