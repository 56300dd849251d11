import type { BodySource } from '../../messages/body-source.ts';
import { PassingSource } from '../../messages/passing-source.ts';
import type { Member } from './member.ts';

/** A body as one member reads it: it ends when the member leaves. */
export class MemberSource extends PassingSource {
  readonly #member: Member;
  readonly #handle: object;

  static of(source: BodySource, member: Member): MemberSource {
    member.onLeave(() => abandon(source));
    const handle = {};
    dropped.register(handle, { source, member }, handle);
    return new MemberSource(source, member, handle);
  }

  /** `handle` is what becomes garbage when nobody has the body any more: one that is being read holds it. */
  private constructor(source: BodySource, member: Member, handle: object) {
    super(source, source.inner && new MemberSource(source.inner, member, handle));
    this.#member = member;
    this.#handle = handle;
  }

  protected override reading<T>(read: () => Promise<T>): Promise<T> {
    return this.#member.wait(read);
  }

  protected override ended(): void {
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
