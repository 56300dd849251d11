import type { Duplex } from 'node:stream';
import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Member } from './member.ts';

/** A body as one member reads it: it ends when the member leaves. */
export class MemberSource implements BodySource {
  readonly inner?: BodySource;
  readonly rest?: () => Promise<Uint8Array>;
  readonly upgrade?: () => Duplex;
  readonly #source: BodySource;
  readonly #member: Member;
  readonly #handle: object;

  static of(source: BodySource, member: Member): MemberSource {
    member.onLeave(() => abandon(source));
    const handle = {};
    dropped.register(handle, { source, member }, handle);
    return new MemberSource(source, member, handle);
  }

  /** `handle` is what becomes garbage when nobody has the body any more. */
  private constructor(source: BodySource, member: Member, handle: object) {
    this.#source = source;
    this.#member = member;
    this.#handle = handle;
    // Whoever reads what came over the wire is under the same bounds.
    if (source.inner !== undefined) this.inner = new MemberSource(source.inner, member, handle);
    if (source.rest !== undefined) this.rest = () => this.#takeRest();
    if (source.upgrade !== undefined) this.upgrade = () => this.#handOver();
  }

  async pull(): Promise<Uint8Array | null> {
    const piece = await this.#wait(() => this.#source.pull());
    if (piece === null) this.#over();
    return piece;
  }

  async cancel(): Promise<void> {
    this.#over();
    await this.#source.cancel();
  }

  get bytesReceived(): number {
    return this.#source.bytesReceived;
  }

  get trailers(): Headers | null {
    return this.#source.trailers;
  }

  async #takeRest(): Promise<Uint8Array> {
    const bytes = await this.#wait(() =>
      (this.#source.rest as () => Promise<Uint8Array>).call(this.#source),
    );
    this.#over();
    return bytes;
  }

  #handOver(): Duplex {
    this.#over();
    return (this.#source.upgrade as () => Duplex).call(this.#source);
  }

  /** `this` is held until the end of the wait, so that a body that is being read is not taken for a dropped one. */
  async #wait<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#member.wait(work);
    } catch (error) {
      this.#over();
      throw error;
    }
  }

  #over(): void {
    dropped.unregister(this.#handle);
    this.#member.over();
  }
}

/** A response that nobody has read or closed: it must neither hold up the others nor keep the connection. */
const dropped = new FinalizationRegistry<{
  readonly source: BodySource;
  readonly member: Member;
}>(({ source, member }) => {
  member.over();
  abandon(source);
});

function abandon(source: BodySource): void {
  source.cancel().catch(() => {});
}
