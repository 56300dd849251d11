import { LocalProtocolError, WriteError } from '../../errors.ts';
import type { Content } from '../../messages/content/content.ts';
import type { Call } from './call.ts';

/**
 * The body of a request, for code outside that asks for it piece by piece: nothing is read ahead. Where its source fails, or is not as
 * long as was announced, the call is ended.
 */
export class OutgoingBody implements AsyncIterableIterator<Uint8Array> {
  readonly #call: Call;
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #length: number | undefined;
  #bytes = 0;
  #over = false;

  constructor(call: Call, content: Content) {
    this.#call = call;
    this.#iterator = content.stream()[Symbol.asyncIterator]();
    this.#length = content.contentLength;
    call.cleanUp(() => void this.return());
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#over) return { done: true, value: undefined };
    this.#call.hold();
    let result: IteratorResult<Uint8Array>;
    try {
      result = await this.#iterator.next();
    } catch (cause) {
      this.#over = true;
      throw this.#failed(
        new WriteError('the source of the body failed', this.#call.describe('write', cause)),
      );
    } finally {
      this.#call.release();
    }
    if (result.done === true) {
      this.#over = true;
      if (this.#length !== undefined && this.#bytes !== this.#length) throw this.#wrongLength();
      return { done: true, value: undefined };
    }
    if (!(result.value instanceof Uint8Array))
      throw this.#wrong('a body whose stream gives something other than bytes');
    this.#bytes += result.value.byteLength;
    if (this.#length !== undefined && this.#bytes > this.#length) throw this.#wrongLength();
    return { done: false, value: result.value };
  }

  /** The source is told to end. It may never answer, and may fail: neither matters any more. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#over) {
      this.#over = true;
      this.#iterator.return?.()?.then(undefined, () => {});
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wrongLength(): Error {
    return this.#wrong(
      `a body of ${this.#bytes} bytes or more, where ${this.#length} were announced`,
    );
  }

  #wrong(what: string): Error {
    return this.#failed(new LocalProtocolError(`cut off: ${what}`, this.#call.describe('write')));
  }

  #failed(error: Error): Error {
    this.#call.end(error);
    return error;
  }
}
