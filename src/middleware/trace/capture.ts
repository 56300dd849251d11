import type { Duplex } from 'node:stream';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Content } from '../../messages/content/content.ts';
import type { TracedBody } from './traced-exchange.ts';

/** Keeps the beginning of a body, up to a limit in bytes. */
export class Capture {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #truncated = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The body begins: perhaps once more. */
  begin(): void {
    this.#pieces = [];
    this.#size = 0;
    this.#truncated = false;
  }

  add(piece: Uint8Array): void {
    const room = this.#limit - this.#size;
    if (piece.byteLength > room) this.#truncated = true;
    if (room <= 0 || piece.byteLength === 0) return;
    // A copy: the piece is its reader's, who may change it.
    const kept = piece.slice(0, Math.min(room, piece.byteLength));
    this.#pieces.push(kept);
    this.#size += kept.byteLength;
  }

  get body(): TracedBody {
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
    return { bytes, truncated: this.#truncated };
  }
}

/** A body that leaves its beginning in a capture as it is sent. It is never taken as a whole. */
export class CapturedContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly contentEncoding: string | undefined;
  readonly filename: string | undefined;
  readonly replayable: boolean;
  readonly trailers?: () => Iterable<readonly [name: string, value: string]>;
  readonly #content: Content;
  readonly #capture: Capture;

  constructor(content: Content, capture: Capture) {
    this.contentType = content.contentType;
    this.contentLength = content.contentLength;
    this.contentEncoding = content.contentEncoding;
    this.filename = content.filename;
    this.replayable = content.replayable;
    if (content.trailers !== undefined) this.trailers = content.trailers.bind(content);
    this.#content = content;
    this.#capture = capture;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    this.#capture.begin();
    for await (const piece of this.#content.stream()) {
      this.#capture.add(piece);
      yield piece;
    }
  }
}

/** The body of a response that leaves its beginning in a capture as it is read. */
export class CapturedSource implements BodySource {
  readonly inner?: BodySource;
  readonly upgrade?: () => Duplex;
  readonly #source: BodySource;
  readonly #capture: Capture;

  constructor(source: BodySource, capture: Capture) {
    if (source.inner !== undefined) this.inner = source.inner;
    if (source.upgrade !== undefined) this.upgrade = source.upgrade.bind(source);
    this.#source = source;
    this.#capture = capture;
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#source.pull();
    if (piece !== null) this.#capture.add(piece);
    return piece;
  }

  cancel(): Promise<void> {
    return this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }
}
