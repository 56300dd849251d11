import { ClosedError } from '../../errors.ts';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Call } from './call.ts';

/** A body as the code outside gives it. */
export interface Incoming {
  /** The next piece; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** No more of it is wanted. Must not throw. */
  cancel(): void;
  /** What came after the end. */
  trailers?(): Headers | null;
}

/** A response that is given up is read to its end, for the connection's sake, up to this much and this long (DESIGN §4). */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_TIME = 100;

/** The body of a response that is still on its way through the code outside. The call lasts as long as it does. */
export class IncomingBody implements BodySource {
  bytesReceived = 0;
  readonly #call: Call;
  readonly #incoming: Incoming;
  /** What an error of the code outside is for the caller. */
  readonly #failure: (cause: unknown) => unknown;
  #trailers: Headers | null = null;
  #pulling = false;
  #over = false;

  constructor(call: Call, incoming: Incoming, failure: (cause: unknown) => unknown) {
    this.#call = call;
    this.#incoming = incoming;
    this.#failure = failure;
    call.cleanUp(() => call.failure !== null && incoming.cancel());
    dropped.register(this, call);
  }

  get trailers(): Headers | null {
    return this.#trailers;
  }

  async pull(): Promise<Uint8Array | null> {
    this.#pulling = true;
    let piece: Uint8Array | null;
    try {
      piece = await this.#call.wait(this.#incoming.read(), this.#call.timeouts.read);
    } catch (error) {
      this.#over = true;
      // What ended the call counts, however it made the code outside fail.
      if (this.#call.failure !== null) throw this.#call.failure.reason;
      const failure = this.#failure(error);
      this.#call.end(failure);
      throw failure;
    } finally {
      this.#pulling = false;
    }
    if (piece === null) this.#finish();
    else this.bytesReceived += piece.byteLength;
    return piece;
  }

  async cancel(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const drained =
      !this.#pulling &&
      (await this.#call.wait(this.#drain(), DRAIN_TIME).catch(() => false as const));
    if (drained) this.#call.finish();
    else this.#call.end(new ClosedError('the response was closed while its body was being read'));
  }

  async #drain(): Promise<boolean> {
    let bytes = 0;
    while (bytes <= DRAIN_BYTES) {
      const piece = await this.#incoming.read();
      if (piece === null) return true;
      bytes += piece.byteLength;
      this.bytesReceived += piece.byteLength;
    }
    return false;
  }

  #finish(): void {
    this.#over = true;
    this.#trailers = this.#incoming.trailers?.() ?? null;
    this.#call.finish();
  }
}

/** A response that nobody has read or closed: nothing else would end its call. */
const dropped = new FinalizationRegistry<Call>((call) => {
  call.end(new Error('the response was dropped, neither read to its end nor closed'));
});
