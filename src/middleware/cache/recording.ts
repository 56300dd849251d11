import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Landing } from './flights.ts';
import type { GuardedWriter } from './guarded-store.ts';

/** How much is read ahead of the reader, for those who wait for the stored response. Where there is more, they no longer wait. */
const READ_AHEAD = 1024 * 1024;

export interface RecordingOptions {
  /** Bytes: a body that is larger is not stored. */
  readonly maxSize: number;
  /** What Content-Length promises. */
  readonly expected: number | null;
  /** Hears, once, how it ended. */
  readonly onEnd: (landing: Landing) => void;
}

/** 'recording' until the body has ended, or is not to be stored after all. */
type State = 'recording' | 'stored' | 'dropped';

/**
 * A body that is stored while it is read: each piece goes to the store, then to the reader, so that neither is ahead of the other and nothing
 * is buffered. What fails, is cut short, grows too large or is left by its reader is not stored, and the reader never notices.
 */
export class Recording implements BodySource {
  readonly #source: BodySource;
  readonly #writer: GuardedWriter;
  readonly #options: RecordingOptions;
  #state: State = 'recording';
  #written = 0;
  /** Pieces that were read ahead. */
  readonly #ahead: Uint8Array[] = [];
  #bytesAhead = 0;
  #ended = false;
  #error: { readonly reason: unknown } | null = null;
  /** The piece that is on its way: sources are asked for one at a time. */
  #step: Promise<void> | null = null;

  constructor(source: BodySource, writer: GuardedWriter, options: RecordingOptions) {
    this.#source = source;
    this.#writer = writer;
    this.#options = options;
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }

  /** Whether it is, or may yet be, stored. */
  get isKept(): boolean {
    return this.#state !== 'dropped';
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#ahead.shift();
      if (piece !== undefined) {
        this.#bytesAhead -= piece.byteLength;
        return piece;
      }
      if (this.#error !== null) throw this.#error.reason;
      if (this.#ended) return null;
      await this.#advance();
    }
  }

  async cancel(): Promise<void> {
    // Its reader may stop where Content-Length is reached, and has it whole.
    if (this.#written === this.#options.expected && this.#step === null) await this.#store();
    else await this.#drop('again');
    this.#ahead.length = 0;
    await this.#source.cancel();
  }

  /** Reads ahead, so that those who wait for what is stored do not wait for the reader. false where that is too much. */
  async hurry(): Promise<boolean> {
    while (this.#state === 'recording') {
      if (this.#bytesAhead >= READ_AHEAD) return false;
      await this.#advance();
    }
    return true;
  }

  /** What it would store is known to be out of date. */
  async discard(): Promise<void> {
    await this.#drop('alone');
  }

  #advance(): Promise<void> {
    return (this.#step ??= this.#take().finally(() => {
      this.#step = null;
    }));
  }

  async #take(): Promise<void> {
    let piece: Uint8Array | null;
    try {
      piece = await this.#source.pull();
    } catch (reason) {
      this.#error = { reason };
      await this.#drop('alone');
      return;
    }
    if (piece === null) {
      await (this.#isWhole() ? this.#store() : this.#drop('alone'));
      this.#ended = true;
      return;
    }
    this.#written += piece.byteLength;
    if (this.#state === 'recording') {
      const fits = this.#written <= this.#options.maxSize;
      if (!fits || !(await this.#writer.write(piece))) await this.#drop('alone');
    }
    this.#ahead.push(piece);
    this.#bytesAhead += piece.byteLength;
  }

  #isWhole(): boolean {
    const { expected } = this.#options;
    return expected === null || expected === this.#written;
  }

  async #store(): Promise<void> {
    if (this.#state !== 'recording') return;
    this.#state = 'stored';
    this.#options.onEnd((await this.#writer.commit()) ? 'stored' : 'alone');
  }

  async #drop(landing: Landing): Promise<void> {
    if (this.#state !== 'recording') return;
    this.#state = 'dropped';
    await this.#writer.abort();
    this.#options.onEnd(landing);
  }
}

/** Stores a body that is in memory already, if it is whole. */
export async function storeBytes(
  bytes: Uint8Array,
  writer: GuardedWriter,
  { maxSize, expected, onEnd }: RecordingOptions,
): Promise<void> {
  const size = bytes.byteLength;
  const isWhole = expected === null || expected === size;
  const isTaken = isWhole && size <= maxSize && (await writer.write(bytes));
  if (!isTaken) await writer.abort();
  onEnd(isTaken && (await writer.commit()) ? 'stored' : 'alone');
}
