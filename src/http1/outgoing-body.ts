import { LocalProtocolError, WriteError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { NetworkStream } from '../network/stream.ts';
import { Headers } from '../messages/headers.ts';
import type { RequestHead } from './request-head.ts';

/** Bodies in memory up to this leave with the head. */
const ONE_WRITE = 64 * 1024;
/** Larger pieces are cut: how far a write has come is known at its end only, and TLS encrypts all of it at once. */
const MAX_WRITE = 256 * 1024;

/**
 * Sends the body of a request piece by piece, as fast as the peer takes it. It is stopped from outside: by a response that came early,
 * by an abort, by the end of the connection.
 */
export class OutgoingBody {
  readonly #stream: NetworkStream;
  readonly #exchange: Exchange;
  readonly #head: RequestHead;
  #iterator: AsyncIterator<Uint8Array> | null = null;
  #stopped = false;
  #drained: (() => void) | null = null;
  /** Bytes of the body. */
  bytesSent = 0;
  /** The same with what frames them. */
  bytesWritten = 0;

  /**
   * Sends head and body at once, where the body is in memory and small, or there is none: in one write if it can be.
   * False where it is not, and nothing has been written. @throws LocalProtocolError on a body that is not as long as was announced.
   */
  static sendWhole(stream: NetworkStream, exchange: Exchange, head: RequestHead): boolean {
    const { content } = exchange.request;
    if (head.framing === 'none') {
      stream.write(head.text);
      return true;
    }
    if (content === null) {
      stream.write(`${head.text}0\r\n\r\n`);
      return true;
    }
    if (head.framing !== 'length' || head.length > ONE_WRITE || head.expectContinue) return false;
    const { ascii } = content;
    if (ascii !== undefined) {
      if (ascii.length !== head.length) throw wrongLength(exchange, ascii.length, head);
      stream.write(head.text + ascii);
      return true;
    }
    if (content.bytes === undefined) return false;
    const bytes = content.bytes();
    if (bytes.byteLength !== head.length) throw wrongLength(exchange, bytes.byteLength, head);
    stream.cork();
    stream.write(head.text);
    stream.write(bytes);
    stream.uncork();
    return true;
  }

  constructor(stream: NetworkStream, exchange: Exchange, head: RequestHead) {
    this.#stream = stream;
    this.#exchange = exchange;
    this.#head = head;
  }

  /** Whether it waits for the peer to take what has been written. */
  get blocked(): boolean {
    return this.#drained !== null;
  }

  /** The peer has taken it. */
  onDrain(): void {
    const drained = this.#drained;
    this.#drained = null;
    drained?.();
  }

  /** Sends no more; the source is told to end. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.onDrain();
    // The source may never answer, and may fail: neither matters any more.
    this.#iterator?.return?.()?.then(undefined, () => {});
  }

  /**
   * Sends all of it. True where it is through, false where it was stopped.
   * @throws LocalProtocolError where the source gives more or less than was announced. @throws WriteError where it fails.
   */
  async send(): Promise<boolean> {
    const { content } = this.#exchange.request;
    if (content !== null) {
      const iterator = content.stream()[Symbol.asyncIterator]();
      this.#iterator = iterator;
      for (;;) {
        const { done, value } = await this.#next(iterator);
        if (this.#stopped) return false;
        if (done === true) break;
        if (!(value instanceof Uint8Array))
          throw wrong(this.#exchange, 'a body whose stream gives something other than bytes');
        for (let at = 0; at < value.byteLength; at += MAX_WRITE) {
          if (
            this.#write(
              at === 0 && value.byteLength <= MAX_WRITE
                ? value
                : value.subarray(at, at + MAX_WRITE),
            )
          )
            continue;
          await new Promise<void>((resolve) => (this.#drained = resolve));
          if (this.#stopped) return false;
        }
      }
    }
    this.#end();
    this.#exchange.timeline?.sent();
    return true;
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await iterator.next();
    } catch (cause) {
      throw new WriteError(
        'the source of the body failed',
        this.#exchange.describe('write', { cause }),
      );
    }
  }

  #write(bytes: Uint8Array): boolean {
    const { framing, length } = this.#head;
    this.bytesSent += bytes.byteLength;
    this.bytesWritten += bytes.byteLength;
    this.#exchange.timeline?.wrote(this.bytesSent);
    if (framing === 'chunked') {
      const size = `${bytes.byteLength.toString(16)}\r\n`;
      this.bytesWritten += size.length + 2;
      this.#stream.cork();
      this.#stream.write(size);
      this.#stream.write(bytes);
      const more = this.#stream.write('\r\n');
      this.#stream.uncork();
      return more;
    }
    if (this.bytesSent > length)
      throw wrong(
        this.#exchange,
        `a body of at least ${this.bytesSent} bytes, where ${length} were announced`,
      );
    return this.#stream.write(bytes);
  }

  #end(): void {
    const { framing, length } = this.#head;
    if (framing === 'length' && this.bytesSent !== length)
      throw wrongLength(this.#exchange, this.bytesSent, this.#head);
    if (framing !== 'chunked') return;
    const trailers = this.#exchange.request.content?.trailers?.();
    const lines = trailers === undefined ? '' : new Headers(trailers).toString();
    const last = `0${lines}\r\n\r\n`;
    this.bytesWritten += last.length;
    this.#stream.write(last);
  }
}

function wrongLength(
  exchange: Exchange,
  bytes: number,
  { length }: RequestHead,
): LocalProtocolError {
  return wrong(exchange, `a body of ${bytes} bytes, where ${length} were announced`);
}

function wrong(exchange: Exchange, what: string): LocalProtocolError {
  return new LocalProtocolError(`cut off: ${what}`, exchange.describe('write'));
}
