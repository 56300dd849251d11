import type { Duplex } from 'node:stream';
import { ClosedError, StreamConsumedError } from '../errors.ts';
import type { BodySink, BodySource } from './body-source.ts';
import type { Headers } from './headers.ts';
import { allOf, consumed, once, Pieces } from './pieces.ts';

/**
 * How far the body has been used. 'kept' is where it is whole and in memory: it can be had as often as one likes.
 *
 *     open ─▶ reading ─▶ kept
 *       ├───▶ iterated
 *       ├───▶ moved
 *       └───▶ closed        as may one that is being read or iterated; what was being read becomes kept all the same, if it comes to its end
 */
type Use = 'open' | 'kept' | 'reading' | 'iterated' | 'moved' | 'closed';

/** Why there is no source to be had. */
const CONSUMED: Readonly<Record<Exclude<Use, 'open' | 'closed'>, string>> = {
  kept: 'the body has been decoded and kept: what came over the wire is gone',
  reading: 'the body is being read by bytes(), text() or json(): it is there when they are done',
  iterated:
    'the body has been read already, piece by piece: it can be had once that way, or be kept by bytes(), text() or json()',
  moved: 'the body has been handed on to another response',
};

const EMPTY = new Uint8Array(0);

/** The body of a response: a source that can be used once, in one of some ways, or bytes. */
export class ResponseBody {
  /** Of a body that is kept, too: it tells how that came. */
  readonly #source: BodySource | null;
  #use: Use;
  #bytes: Uint8Array;
  #reading: Promise<Uint8Array> | null = null;

  constructor(body: BodySource | Uint8Array) {
    const isKept = body instanceof Uint8Array;
    this.#source = isKept ? null : body;
    this.#bytes = isKept ? body : EMPTY;
    this.#use = isKept ? 'kept' : 'open';
  }

  get isKept(): boolean {
    return this.#use === 'kept';
  }

  /** The bytes of one that is kept; before that, none. */
  get keptBytes(): Uint8Array {
    return this.#bytes;
  }

  get bytesDownloaded(): number {
    return this.#source === null ? this.#bytes.byteLength : innermost(this.#source).bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source?.trailers ?? null;
  }

  bytes(): Promise<Uint8Array> {
    if (this.#use === 'kept') return Promise.resolve(this.#bytes);
    return (this.#reading ??= this.#readAll());
  }

  pieces(): AsyncIterableIterator<Uint8Array> {
    return this.#use === 'kept' ? once(this.#bytes) : new Pieces(this.#claim());
  }

  /** As it came over the wire. */
  rawPieces(): AsyncIterableIterator<Uint8Array> {
    if (this.#use === 'kept' && this.#source?.inner === undefined) return once(this.#bytes);
    return new Pieces(innermost(this.#claim()));
  }

  /** Lends it to `sink`, piece by piece. Resolves to how many bytes it was. */
  consume(sink: BodySink): Promise<number> {
    return consumed(this.#use === 'kept' ? this.#bytes : this.#claim(), sink);
  }

  /** For another response: this one has none any more, unless it is kept. */
  handOver(): ResponseBody {
    return this.#use === 'kept' ? this : new ResponseBody(this.detach());
  }

  detach(): BodySource | Uint8Array {
    if (this.#use === 'kept') return this.#bytes;
    const source = this.#claim();
    this.#use = 'moved';
    return source;
  }

  /** The connection; null where it stays with HTTP. */
  upgrade(): Duplex | null {
    if (this.#source?.upgrade === undefined) return null;
    const duplex = this.#claim().upgrade?.() as Duplex;
    this.#use = 'moved';
    return duplex;
  }

  async close(): Promise<void> {
    if (this.#use === 'kept' || this.#use === 'moved' || this.#use === 'closed') return;
    this.#use = 'closed';
    await this.#source?.cancel();
  }

  async #readAll(): Promise<Uint8Array> {
    const source = this.#claim();
    this.#use = 'reading';
    const bytes = await allOf(source);
    this.#bytes = bytes;
    // Whoever closed it meanwhile has it whole all the same.
    this.#use = 'kept';
    return bytes;
  }

  /** The source, for the one use there is of it. */
  #claim(): BodySource {
    if (this.#use === 'open') {
      this.#use = 'iterated';
      return this.#source as BodySource;
    }
    if (this.#use === 'closed') {
      throw new ClosedError('the response was closed before its body was read');
    }
    throw new StreamConsumedError(CONSUMED[this.#use]);
  }
}

/** The one that has what came over the wire. */
function innermost(source: BodySource): BodySource {
  let innermost = source;
  while (innermost.inner !== undefined) innermost = innermost.inner;
  return innermost;
}
