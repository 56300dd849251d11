import { ClosedError } from '../../errors.ts';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';

/** How far readers may be apart, in bytes, and how long the slowest may hold up the others, in milliseconds. */
export interface TeeBounds {
  readonly maxBuffer: number;
  readonly maxStall: number;
}

/** A piece that has come, and how many readers have not taken it yet. */
interface Piece {
  readonly bytes: Uint8Array;
  pending: number;
}

/** A reader: what it takes next, and its pull where that waits for a piece. */
interface Reader {
  readonly place: number;
  next: number;
  waiting: {
    resolve(piece: Uint8Array | null): void;
    reject(error: unknown): void;
  } | null;
}

type State =
  | { readonly name: 'open' }
  | { readonly name: 'pulling' }
  | { readonly name: 'ended' }
  | { readonly name: 'failed'; readonly error: unknown };

const OPEN: State = { name: 'open' };

/**
 * One body for several readers, each at its own pace: pieces are kept until the slowest has taken them. The source is asked for more only when
 * a reader has all that came and wants the next piece, and not while more is kept than `maxBuffer`. A reader that holds the others up
 * in this way for `maxStall` is reported to `onStalled`, which is to cancel its branch.
 *
 *     open ⇄ pulling ─┬─▶ ended
 *                     └─▶ failed
 */
export class Tee {
  readonly branches: readonly BodySource[];
  readonly source: BodySource;
  readonly #bounds: TeeBounds;
  readonly #onStalled: (place: number) => void;
  readonly #readers = new Set<Reader>();
  #state: State = OPEN;
  #pieces: Piece[] = [];
  /** The number of the first of `#pieces`. */
  #first = 0;
  #kept = 0;
  /** Runs while somebody is held up. */
  #stall: ReturnType<typeof setTimeout> | null = null;

  constructor(
    source: BodySource,
    count: number,
    bounds: TeeBounds,
    onStalled: (place: number) => void,
  ) {
    this.source = source;
    this.#bounds = bounds;
    this.#onStalled = onStalled;
    this.branches = Array.from({ length: count }, (_, place) => {
      const reader: Reader = { place, next: 0, waiting: null };
      this.#readers.add(reader);
      return new Branch(this, reader);
    });
  }

  pull(reader: Reader): Promise<Uint8Array | null> {
    if (!this.#readers.has(reader)) return Promise.reject(new ClosedError(CLOSED));
    if (reader.next < this.#first + this.#pieces.length) {
      const piece = this.#take(reader);
      this.#pump();
      return Promise.resolve(piece);
    }
    if (this.#state.name === 'ended') return Promise.resolve(null);
    if (this.#state.name === 'failed') return Promise.reject(this.#state.error);
    return new Promise((resolve, reject) => {
      reader.waiting = { resolve, reject };
      this.#pump();
    });
  }

  /** Nothing is kept for this reader any more. The source is cancelled with the last one. */
  async cancel(reader: Reader): Promise<void> {
    if (!this.#readers.delete(reader)) return;
    reader.waiting?.reject(new ClosedError(CLOSED));
    for (const piece of this.#pieces.slice(reader.next - this.#first)) piece.pending--;
    this.#drop();
    if (this.#readers.size > 0) {
      this.#pump();
      return;
    }
    this.#endStall();
    await this.source.cancel();
  }

  get ended(): boolean {
    return this.#state.name === 'ended';
  }

  /** The reader's next piece, which has come. It is the reader's own: all but the last one get a copy. */
  #take(reader: Reader): Uint8Array {
    const piece = this.#pieces[reader.next++ - this.#first] as Piece;
    piece.pending--;
    if (piece.pending > 0) return new Uint8Array(piece.bytes);
    this.#drop();
    return piece.bytes;
  }

  /** What all have taken is kept no more. */
  #drop(): void {
    const kept = this.#pieces.findIndex(({ pending }) => pending > 0);
    const dropped = this.#pieces.splice(0, kept === -1 ? this.#pieces.length : kept);
    if (dropped.length === 0) return;
    this.#first += dropped.length;
    for (const { bytes } of dropped) this.#kept -= bytes.byteLength;
    this.#endStall();
  }

  /** Asks for a piece, where one is wanted and may be kept. */
  #pump(): void {
    if (this.#state.name !== 'open') return;
    if (!Array.from(this.#readers).some(({ waiting }) => waiting !== null)) {
      this.#endStall();
      return;
    }
    if (this.#kept >= this.#bounds.maxBuffer) {
      this.#beginStall();
      return;
    }
    this.#state = { name: 'pulling' };
    this.source.pull().then(
      (bytes) => this.#arrived(bytes),
      (error: unknown) => this.#failed(error),
    );
  }

  #arrived(bytes: Uint8Array | null): void {
    this.#state = bytes === null ? { name: 'ended' } : OPEN;
    if (bytes !== null && this.#readers.size > 0) {
      this.#pieces.push({ bytes, pending: this.#readers.size });
      this.#kept += bytes.byteLength;
    }
    for (const reader of this.#readers) {
      const { waiting } = reader;
      reader.waiting = null;
      waiting?.resolve(bytes === null ? null : this.#take(reader));
    }
  }

  #failed(error: unknown): void {
    this.#state = { name: 'failed', error };
    for (const reader of this.#readers) {
      const { waiting } = reader;
      reader.waiting = null;
      waiting?.reject(error);
    }
  }

  #beginStall(): void {
    const { maxStall } = this.#bounds;
    if (maxStall === Infinity) return;
    this.#stall ??= setTimeout(() => this.#stalled(), Math.min(maxStall, MAX_WAIT));
  }

  #endStall(): void {
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
  }

  /** Those that have not taken the first piece are the slowest. */
  #stalled(): void {
    this.#stall = null;
    for (const reader of Array.from(this.#readers))
      if (reader.next === this.#first) this.#onStalled(reader.place);
  }
}

/** One reader's end of a tee. */
class Branch implements BodySource {
  bytesReceived = 0;
  readonly #tee: Tee;
  readonly #reader: Reader;

  constructor(tee: Tee, reader: Reader) {
    this.#tee = tee;
    this.#reader = reader;
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#tee.pull(this.#reader);
    if (piece !== null) this.bytesReceived += piece.byteLength;
    return piece;
  }

  cancel(): Promise<void> {
    return this.#tee.cancel(this.#reader);
  }

  get trailers(): Headers | null {
    return this.#tee.ended ? this.#tee.source.trailers : null;
  }
}

const CLOSED = 'the response was closed before its body was read';
/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
