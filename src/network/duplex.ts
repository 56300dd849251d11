import { Duplex } from 'node:stream';
import type { NetworkStream } from './stream.ts';

type Done = (error?: Error | null) => void;

/**
 * A network stream as a Node stream: what `upgrade` and CONNECT hand to their callers. `head`, the bytes that came behind the
 * response, is read first. Attaches itself to the stream, which belongs to the Duplex from then on.
 *
 * Each direction ends by itself (`allowHalfOpen`): after 'end' it can be written to until `end()`. It is read as fast as it is
 * consumed, and a write is done when the stream takes more. What destroys the stream destroys the Duplex, with the same error.
 * Like a socket it keeps the process alive, and has `ref()` and `unref()`.
 */
export function toDuplex(stream: NetworkStream, head: Uint8Array): Duplex {
  return new NetworkDuplex(stream, head);
}

class NetworkDuplex extends Duplex {
  readonly #stream: NetworkStream;
  /** Whether more was asked for since the last `push`. */
  #asked = false;
  /** The write that waits for the stream to drain. */
  #writing: Done | undefined;
  /** The destruction that waits for the stream to close. */
  #destroying: (() => void) | undefined;
  #endReceived = false;
  #closed = false;

  constructor(stream: NetworkStream, head: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    if (head.length > 0) this.push(head);
    stream.ref();
    stream.attach({
      onBytes: (buffer, length) => {
        this.#asked = false;
        // A copy: the memory is borrowed, and a Readable keeps what it is given.
        const more = this.push(Buffer.from(buffer.subarray(0, length)));
        return more || this.#asked;
      },
      nextBuffer: () => undefined,
      onDrain: () => this.#written(null),
      onEnd: () => {
        this.#endReceived = true;
        this.push(null);
      },
      onClose: (error) => this.#onClose(error),
    });
  }

  ref(): this {
    this.#stream.ref();
    return this;
  }

  unref(): this {
    this.#stream.unref();
    return this;
  }

  override _read(): void {
    this.#asked = true;
    this.#stream.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#writing = done;
    if (this.#stream.write(chunk)) this.#written(null);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    this.#writing = done;
    let more = true;
    this.#stream.cork();
    for (const { chunk } of chunks) more = this.#stream.write(chunk);
    this.#stream.uncork();
    if (more) this.#written(null);
  }

  override _final(done: Done): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.#closed) return done(error);
    this.#destroying = () => done(error);
    this.#stream.destroy();
  }

  #written(error: Error | null): void {
    const done = this.#writing;
    this.#writing = undefined;
    done?.(error);
  }

  #onClose(error: Error | undefined): void {
    this.#closed = true;
    if (this.#destroying !== undefined) this.#destroying();
    else if (error !== undefined) this.destroy(error);
    // What was received before the end may still be waiting to be read: then 'end' comes first.
    else if (this.readableEnded || !this.#endReceived) this.destroy();
    else this.once('end', () => this.destroy());
    this.#written(error ?? new Error('the stream was closed before this was written'));
  }
}
