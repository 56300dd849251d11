import { ClosedError, ReadError } from '../../errors.ts';
import { IterableSource, type BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import { LinkedSignal } from '../../messages/linked-signal.ts';
import { once } from '../../messages/pieces.ts';
import type { Response } from '../../messages/response.ts';
import { partOf, sizeByPart, type Whole } from './part.ts';
import type { Tries } from './tries.ts';

/**
 * A body that goes on where it broke off: with another request, for the rest of it, on condition that it is still the same (RFC 9110
 * §13.1.5, §14.2). What has been handed out cannot be taken back, so all else that is answered is an error.
 */
export class ResumedSource implements BodySource {
  readonly #tries: Tries;
  #whole: Whole;
  #source: BodySource;
  /** Bytes handed out. */
  #given = 0;
  /** Those of them that came before the source there is now. */
  #before = 0;
  /** Ends what is under way between two parts. Nothing is, before the first break. */
  #signal: LinkedSignal | null = null;
  #closed = false;

  constructor(source: BodySource, whole: Whole, tries: Tries) {
    this.#source = source;
    this.#whole = whole;
    this.#tries = tries;
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      try {
        const piece = await this.#source.pull();
        if (piece === null) this.#checkEnd();
        else this.#given += piece.byteLength;
        return piece;
      } catch (error) {
        if (this.#closed || this.#tries.request.signal?.aborted === true) throw error;
        await this.#resume(error);
      }
    }
  }

  async cancel(): Promise<void> {
    this.#closed = true;
    this.#signal?.abort(new ClosedError('the response was closed before its body was read'));
    await this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#before + this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }

  /** Puts a source of the rest in the place of the one that broke. @throws what it broke with, or what stands in the way. */
  async #resume(broken: unknown): Promise<void> {
    const signal = (this.#signal ??= new LinkedSignal(this.#tries.request.signal));
    await this.#source.cancel().catch(() => {});
    let outcome: Awaited<ReturnType<Tries['send']>> = { error: broken };
    while (await this.#tries.again(outcome, signal)) {
      const part = partOf(this.#tries.request, this.#whole, this.#given).with({ signal });
      outcome = await this.#tries.send(part);
      if (outcome.response === undefined) continue;
      if (signal.aborted) {
        await outcome.response.close();
        throw signal.reason;
      }
      if (this.#continues(outcome.response)) return;
      // Success, and not what was asked for: asking again would bring the same.
      if (outcome.response.ok) break;
    }
    if (outcome.response === undefined) throw this.#tries.last(outcome.error);
    await outcome.response.close();
    throw this.#tries.last(this.#failure(outcome.response, broken));
  }

  /** Whether this is the rest of the body; it is what is read from then. */
  #continues(response: Response): boolean {
    const size = sizeByPart(response, this.#whole, this.#given);
    if (size === null) return false;
    const body = response.detach();
    this.#whole = { ...this.#whole, size };
    this.#before = this.#given;
    this.#source = body instanceof Uint8Array ? new IterableSource(once(body)) : body;
    return true;
  }

  /** A part that is shorter than it says must not pass for the end. */
  #checkEnd(): void {
    const { size } = this.#whole;
    if (this.#signal === null || this.#given === size) return;
    throw new ReadError(`the body ended after ${this.#given} of ${size} bytes`, {
      request: this.#tries.request,
      phase: 'read',
      attempt: this.#tries.count,
    });
  }

  #failure({ status, headers }: Response, cause: unknown): ReadError {
    const why =
      status === 200
        ? 'the server answered 200, with the whole of it: it has changed, or is not served in parts'
        : status === 206
          ? `the server answered with another part: ${headers.get('content-range') ?? 'no Content-Range'}`
          : `the server answered ${status}`;
    return new ReadError(
      `the body broke off after ${this.#given} bytes and cannot be continued: ${why}`,
      { request: this.#tries.request, cause, phase: 'read', attempt: this.#tries.count },
    );
  }
}
