import type { Duplex } from 'node:stream';
import type { BodySource } from '../messages/body-source.ts';
import type { Headers } from '../messages/headers.ts';
import type { IncomingBody } from './incoming-body.ts';

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
  rest?: () => Promise<Uint8Array>;

  constructor(body: IncomingBody, onDropped: () => void) {
    this.#body = body;
    if (body.isWhole) this.rest = ScopedBody.#rest;
    dropped.register(this, { body, onDropped }, this);
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#body.pull();
    // `this` is held until here, so that a body that is being read is not taken for a dropped one.
    if (piece === null) dropped.unregister(this);
    return piece;
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

  static async #rest(this: ScopedBody): Promise<Uint8Array> {
    const body = this.#body;
    const bytes = body.isWhole ? await body.rest() : EMPTY;
    dropped.unregister(this);
    return bytes;
  }
}

const EMPTY = new Uint8Array(0);

/** The body of a 101, or of a 2xx to CONNECT: there is none, there is the connection. */
export class UpgradedBody implements BodySource {
  readonly bytesReceived = 0;
  readonly trailers = null;
  readonly #take: () => Duplex;
  readonly #close: () => void;
  #taken = false;

  constructor(take: () => Duplex, close: () => void) {
    this.#take = take;
    this.#close = close;
  }

  async pull(): Promise<Uint8Array | null> {
    await this.cancel();
    return null;
  }

  upgrade(): Duplex {
    this.#taken = true;
    return this.#take();
  }

  async cancel(): Promise<void> {
    if (!this.#taken) this.#close();
  }
}
