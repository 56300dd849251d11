import type { Duplex } from 'node:stream';
import type { BodySink, BodySource } from '../messages/body-source.ts';
import type { Headers } from '../messages/headers.ts';
import type { NetworkStream } from '../network/stream.ts';
import type { IncomingBody } from './incoming-body.ts';
import type { Http1Options } from './options.ts';

/** Called when a response has been dropped: nobody holds it, its iterators or its stream any more, and the body is still open. */
const dropped = new FinalizationRegistry<{
  readonly body: IncomingBody;
  readonly onDropped: () => void;
}>(({ body, onDropped }) => {
  if (body.open) onDropped();
});

/**
 * The reader's end of an `IncomingBody`. The connection holds the body, the reader holds this: so that a reader that goes away without
 * a word is noticed, when its end is garbage.
 */
export class ScopedBody implements BodySource {
  readonly #body: IncomingBody;

  /** `onDropped` is null for a body that comes to its end by itself: being told that it was dropped costs as much as a small one. */
  static of(body: IncomingBody, onDropped: (() => void) | null): ScopedBody {
    return body.isWhole ? new WholeBody(body, onDropped) : new ScopedBody(body, onDropped);
  }

  constructor(body: IncomingBody, onDropped: (() => void) | null) {
    this.#body = body;
    if (onDropped !== null) dropped.register(this, { body, onDropped }, this);
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#body.pull();
    // `this` is held until here, so that a body that is being read is not taken for a dropped one.
    if (piece === null) dropped.unregister(this);
    return piece;
  }

  async consume(sink: BodySink): Promise<void> {
    try {
      await this.#body.consume(sink);
    } catch (error) {
      // It may be the sink's.
      await this.cancel();
      throw error;
    }
    dropped.unregister(this);
  }

  async cancel(): Promise<void> {
    dropped.unregister(this);
    if (this.#body.open) await this.#body.flow.abandon();
  }

  get bytesReceived(): number {
    return this.#body.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#body.trailers;
  }

  protected async takeRest(): Promise<Uint8Array> {
    const bytes = await this.#body.rest();
    dropped.unregister(this);
    return bytes;
  }
}

/** Of a body that is read into one buffer. */
class WholeBody extends ScopedBody {
  rest(): Promise<Uint8Array> {
    return this.takeRest();
  }
}

/** Called when nobody has taken the connection and nobody can any more. */
const unclaimed = new FinalizationRegistry<NetworkStream>((stream) => stream.destroy());

/** The body of a 101, or of a 2xx to CONNECT: there is none, there is the connection. */
export class UpgradedBody implements BodySource {
  readonly bytesReceived = 0;
  readonly trailers = null;
  readonly #stream: NetworkStream;
  readonly #toDuplex: Http1Options['toDuplex'];
  /** Bytes that came behind the head. */
  #early: Buffer | null;

  constructor(stream: NetworkStream, toDuplex: Http1Options['toDuplex'], early: Buffer) {
    this.#stream = stream;
    this.#toDuplex = toDuplex;
    this.#early = early;
    unclaimed.register(this, stream, this);
  }

  async pull(): Promise<Uint8Array | null> {
    await this.cancel();
    return null;
  }

  upgrade(): Duplex {
    const early = this.#early as Buffer;
    this.#early = null;
    unclaimed.unregister(this);
    return this.#toDuplex(this.#stream, early);
  }

  async cancel(): Promise<void> {
    if (this.#early === null) return;
    unclaimed.unregister(this);
    this.#stream.destroy();
  }
}
