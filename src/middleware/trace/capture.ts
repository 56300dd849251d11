import type { BodySource } from '../../messages/body-source.ts';
import type { Content } from '../../messages/content/content.ts';
import { PassingContent } from '../../messages/content/passing.ts';
import { InspectedSource } from '../../messages/passing-source.ts';
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

/** A body that leaves its beginning in a capture as it is sent. */
export class CapturedContent extends PassingContent {
  readonly #capture: Capture;

  constructor(content: Content, capture: Capture) {
    super(content);
    this.#capture = capture;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    this.#capture.begin();
    for await (const piece of this.content.stream()) {
      this.#capture.add(piece);
      yield piece;
    }
  }
}

/** The body of a response that leaves its beginning in a capture as it is read. */
export class CapturedSource extends InspectedSource {
  readonly #capture: Capture;

  constructor(source: BodySource, capture: Capture) {
    super(source, source.inner && new CapturedSource(source.inner, capture));
    this.#capture = capture;
  }

  protected override passed(piece: Uint8Array): void {
    this.#capture.add(piece);
  }
}
