import { Duplex } from 'node:stream';
import { explainConnectFailure } from '../network/failure-text.ts';
import type { NetworkStream } from '../network/stream.ts';

/**
 * An open stream as the `socks` package wants it, for as long as the handshake takes: it looks at 'data' and writes. Nothing is buffered,
 * so that afterwards the stream is as good as new, and the bytes that came behind the handshake are known.
 */
export class SocksPort extends Duplex {
  readonly #stream: NetworkStream;
  readonly #onGone: (why: string) => void;
  /** Once the handshake is done: what came behind it. */
  #early: Buffer[] | null = null;

  /** To be made in the turn in which the stream was opened. `onGone`: it was closed, or `listen` threw. */
  constructor(stream: NetworkStream, onGone: (why: string) => void) {
    super({ emitClose: false });
    this.#stream = stream;
    this.#onGone = onGone;
    stream.ref();
    stream.attach({
      onBytes: (buffer, length) => this.#take(Buffer.from(buffer.subarray(0, length))),
      nextBuffer: () => undefined,
      onDrain: () => {},
      onEnd: () => onGone('it closed the connection'),
      onClose: (error) =>
        onGone(error === undefined ? 'the connection was closed' : explainConnectFailure(error)),
    });
  }

  /** The handshake is done, but for what the package has read too much, which it emits again. */
  collect(): void {
    this.#early = [];
    this.on('data', (bytes: Buffer) => this.#early?.unshift(bytes));
  }

  /** Lets go of the stream. */
  release(): Uint8Array {
    const early = Buffer.concat(this.#early ?? []);
    this.removeAllListeners();
    return early;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#stream.write(chunk);
    done();
  }

  #take(bytes: Buffer): boolean {
    try {
      if (this.#early === null) this.emit('data', bytes);
      else this.#early.push(bytes);
    } catch (error) {
      this.#onGone(`what it answered is not SOCKS: ${(error as Error).message}`);
    }
    return true;
  }
}
