import type { BodySource } from '../../messages/body-source.ts';
import { concatenated } from '../../messages/pieces.ts';
import { fetchError } from './failures.ts';

/** The body of a response on its way to whoever called fetch. It is read once: piece by piece, or all of it. */
export interface Delivery {
  /** The next piece; null at the end. Not called again before it has settled. */
  pull(): Promise<Uint8Array | null>;
  /** All that is left. */
  rest(): Promise<Uint8Array>;
  /** Gives up what is left. Nothing, once `rest` has been asked for. */
  cancel(): Promise<void>;
}

const EMPTY = new Uint8Array(0);
/** How much is read ahead, in bytes. */
const AHEAD = 64 * 1024;

/** A body that is whole and in memory. */
export class WholeBody implements Delivery {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  async pull(): Promise<Uint8Array | null> {
    const bytes = await this.rest();
    return bytes.byteLength === 0 ? null : bytes;
  }

  async rest(): Promise<Uint8Array> {
    const bytes = this.#bytes;
    this.#bytes = EMPTY;
    return bytes;
  }

  async cancel(): Promise<void> {
    this.#bytes = EMPTY;
  }
}

/** A body that nobody can read any more gives its connection back. */
const dropped = new FinalizationRegistry<OpenBody>((body) => void body.cancel());

/**
 * A body that is still coming. Where nobody has begun to read it by the next turn of the event loop, up to 64 KiB are read ahead: a client
 * that looks at the status and drops the response, as many do before they try again, then holds no connection.
 *
 *     untouched ──▶ ahead            it is being read, or has been, without anybody having asked for it
 *         └───────────┴──▶ pieces    somebody reads it piece by piece
 *                     └──▶ whole     somebody waits for all of it
 *                     └──▶ cancelled
 */
export class OpenBody implements Delivery {
  readonly #source: BodySource;
  #state: 'untouched' | 'ahead' | 'pieces' | 'whole' | 'cancelled' = 'untouched';
  /** What was read ahead: pieces, then the end or a failure if it came to that. */
  readonly #held: Uint8Array[] = [];
  #ended = false;
  #failure: { readonly reason: unknown } | null = null;
  #reading: Promise<void> | null = null;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(source: BodySource) {
    this.#source = source;
    this.#timer = setTimeout(() => this.#begin(), 0);
  }

  /** `stream` is what it is read through from now on. This must not hold it, or it would never be garbage. */
  watch(stream: object): void {
    dropped.unregister(this);
    dropped.register(stream, this, this);
  }

  async pull(): Promise<Uint8Array | null> {
    await this.#use('pieces');
    const held = this.#held.shift();
    if (held !== undefined) return held;
    if (this.#failure !== null) throw this.#failure.reason;
    if (this.#ended) return null;
    let piece: Uint8Array | null = null;
    try {
      piece = await this.#source.pull();
    } catch (error) {
      throw fetchError('terminated', error);
    } finally {
      // A failure is the end as well.
      if (piece === null) this.#end();
    }
    return piece;
  }

  async rest(): Promise<Uint8Array> {
    await this.#use('whole');
    if (this.#failure !== null) throw this.#failure.reason;
    const pieces = this.#held.splice(0);
    try {
      if (!this.#ended) pieces.push(await (this.#source.rest?.() ?? concatenated(this.#source)));
    } catch (error) {
      throw fetchError('terminated', error);
    } finally {
      this.#end();
    }
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : joined(pieces);
  }

  async cancel(): Promise<void> {
    if (this.#ended || this.#state === 'whole') return;
    void this.#use('cancelled');
    this.#end();
    this.#held.length = 0;
    await this.#source.cancel();
  }

  /** Nothing is read ahead any more. The piece that is being read is waited for: a source gives one at a time. */
  #use(state: 'pieces' | 'whole' | 'cancelled'): Promise<void> | null {
    if (this.#state === 'untouched') clearTimeout(this.#timer);
    this.#state = state;
    if (state !== 'pieces') dropped.unregister(this);
    return this.#reading;
  }

  #end(): void {
    this.#ended = true;
    dropped.unregister(this);
  }

  #begin(): void {
    this.#state = 'ahead';
    this.#reading = this.#readAhead();
  }

  async #readAhead(): Promise<void> {
    try {
      for (let bytes = 0; bytes < AHEAD && this.#state === 'ahead';) {
        const piece = await this.#source.pull();
        if (piece === null) return this.#end();
        this.#held.push(piece);
        bytes += piece.byteLength;
      }
    } catch (error) {
      this.#failure = { reason: fetchError('terminated', error) };
      this.#end();
    } finally {
      this.#reading = null;
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
