import { LocalProtocolError, WriteError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { NetworkStream } from '../network/stream.ts';
import { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { RequestHead } from './request-head.ts';

/** Bodies in memory up to this leave with the head. */
const ONE_WRITE = 64 * 1024;

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
  bytesSent = 0;

  /**
   * Sends head and body at once, where the body is in memory and small, or there is none: in one write if it can be.
   * False where it is not, and nothing has been written.
   */
  static sendWhole(stream: NetworkStream, { content }: Request, head: RequestHead): boolean {
    if (head.framing === 'none') {
      stream.write(head.text);
      return true;
    }
    if (content === null) {
      stream.write(`${head.text}0\r\n\r\n`);
      return true;
    }
    if (head.framing !== 'length' || head.length > ONE_WRITE || head.expectContinue) return false;
    if (content.ascii !== undefined) {
      stream.write(head.text + content.ascii);
      return true;
    }
    if (content.bytes === undefined) return false;
    stream.cork();
    stream.write(head.text);
    stream.write(content.bytes());
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
          throw this.#wrong('a body whose stream gives something other than bytes');
        if (value.byteLength > 0 && !this.#write(value)) {
          await new Promise<void>((resolve) => (this.#drained = resolve));
          if (this.#stopped) return false;
        }
      }
    }
    this.#end();
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
    if (framing === 'chunked') {
      this.#stream.cork();
      this.#stream.write(`${bytes.byteLength.toString(16)}\r\n`);
      this.#stream.write(bytes);
      const more = this.#stream.write('\r\n');
      this.#stream.uncork();
      return more;
    }
    if (this.bytesSent > length)
      throw this.#wrong(
        `a body of at least ${this.bytesSent} bytes, where ${length} were announced`,
      );
    return this.#stream.write(bytes);
  }

  #end(): void {
    const { framing, length } = this.#head;
    if (framing === 'length' && this.bytesSent !== length) {
      throw this.#wrong(`a body of ${this.bytesSent} bytes, where ${length} were announced`);
    }
    if (framing !== 'chunked') return;
    const trailers = this.#exchange.request.content?.trailers?.();
    const lines = trailers === undefined ? '' : new Headers(trailers).toString();
    this.#stream.write(`0${lines}\r\n\r\n`);
  }

  #wrong(what: string): LocalProtocolError {
    return new LocalProtocolError(`cut off: ${what}`, this.#exchange.describe('write'));
  }
}
