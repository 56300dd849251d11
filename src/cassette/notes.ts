import type { BodySource } from '../messages/body-source.ts';
import type { Content } from '../messages/content/content.ts';
import { PassingContent } from '../messages/content/passing.ts';
import type { Headers } from '../messages/headers.ts';
import { InspectedSource, type BodyEnd } from '../messages/passing-source.ts';

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
export class NotedSource extends InspectedSource {
  readonly #notes: Notes;

  constructor(source: BodySource, notes: Notes) {
    super(source, source.inner && new NotedSource(source.inner, notes));
    this.#notes = notes;
  }

  protected override passed(piece: Uint8Array): void {
    this.#notes.add(piece);
  }

  protected override ended(end: BodyEnd): void {
    if (end.how === 'broken') this.#notes.end({ error: end.error });
    else if (end.how === 'whole') this.#notes.end('whole', this.trailers);
    else this.#notes.end('cut');
  }
}

/** The body of a request that is not in memory, noted down as it is sent. Sent again, it is noted down again. */
export class NotedContent extends PassingContent {
  readonly #notes: Notes;

  constructor(content: Content, notes: Notes) {
    super(content);
    this.#notes = notes;
  }

  stream(): AsyncIterable<Uint8Array> {
    this.#notes.restart();
    return noted(this.content.stream(), this.#notes);
  }
}

async function* noted(pieces: AsyncIterable<Uint8Array>, notes: Notes): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    notes.add(piece);
    yield piece;
  }
}
