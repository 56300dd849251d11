import { TransportError } from '../../errors.ts';
import type { BodySource } from '../../messages/body-source.ts';
import type { Request } from '../../messages/request.ts';
import type { Response, ResponseChanges } from '../../messages/response.ts';
import type { TransportLike } from '../../transport.ts';
import { MemberSource } from './member-source.ts';
import { isBounded, Member } from './member.ts';
import type { DedupeSettings } from './settings.ts';
import { Tee } from './tee.ts';

/** How the answer is told to a member. */
interface Answer {
  resolve(response: Response): void;
  reject(error: unknown): void;
}

type Concerned = readonly [member: Member, answer: Answer];

/**
 * One exchange, and those who wait for its head. It is sent without the signal and the deadline of the request that it began with: those are
 * that member's own. Where all members leave before there is an answer, it is cancelled.
 *
 *     asked ─┬─▶ answered
 *            ├─▶ failed
 *            └─▶ abandoned
 */
export class SharedExchange {
  readonly origin: string;
  readonly #settings: DedupeSettings;
  readonly #first: Request;
  readonly #sent: Request;
  /** null where the first member cannot leave: then not all can. */
  readonly #controller: AbortController | null;
  readonly #members = new Map<Member, Answer>();
  readonly #onOver: () => void;

  /** `onOver`: nobody can join any more. */
  constructor(first: Request, settings: DedupeSettings, onOver: () => void) {
    this.origin = first.origin;
    this.#settings = settings;
    this.#onOver = onOver;
    this.#first = first;
    this.#controller = isBounded(first) ? new AbortController() : null;
    this.#sent =
      this.#controller === null
        ? first
        : first.with({ signal: this.#controller.signal, expiresAt: Infinity });
  }

  join(request: Request): Promise<Response> {
    const member = new Member(request, () => this.#forget(member));
    return member.wait(
      () => new Promise((resolve, reject) => this.#members.set(member, { resolve, reject })),
    );
  }

  async send(next: TransportLike): Promise<void> {
    let response: Response;
    try {
      response = await next.send(this.#sent);
    } catch (error) {
      fail(this.#conclude(), error);
      return;
    }
    const concerned = this.#conclude();
    try {
      this.#handOut(response, concerned);
    } catch (error) {
      fail(concerned, error);
    }
  }

  #forget(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#onOver();
    this.#controller?.abort();
  }

  #handOut(response: Response, concerned: readonly Concerned[]): void {
    const [first] = concerned;
    if (first === undefined) {
      // All have left, and it came all the same.
      void response.close();
    } else if (concerned.length === 1 && first[0].request === this.#sent) {
      // Nobody has joined it, and nothing was changed: it is as if it had not been sent through here.
      first[1].resolve(response);
    } else {
      const members = concerned.map(([member]) => member);
      const bodies = this.#bodiesOf(response, members);
      for (const [place, [member, answer]] of concerned.entries())
        answer.resolve(response.with({ ...this.#factsFor(member), ...bodies[place] }));
    }
  }

  /** Who is to be told. They are not kept: who drops a response must not find it held here. */
  #conclude(): readonly Concerned[] {
    this.#onOver();
    const members = Array.from(this.#members);
    this.#members.clear();
    return members;
  }

  #factsFor({ request, joined }: Member): ResponseChanges {
    if (request === this.#first) return { request };
    return { request, elapsed: performance.now() - joined, extensions: { deduped: true } };
  }

  /** For each member what it gets of the body: all of it, and for itself. */
  #bodiesOf(response: Response, members: readonly Member[]): ResponseChanges[] {
    const body = response.detach();
    if (body instanceof Uint8Array) return wholeBodies(response, body, members);
    const sources = members.length === 1 ? [body] : this.#tee(body, members).branches;
    return members.map((member, place) => ({
      body: MemberSource.of(sources[place] as BodySource, member),
    }));
  }

  #tee(source: BodySource, members: readonly Member[]): Tee {
    const { maxBuffer, maxStall } = this.#settings;
    return new Tee(source, members.length, this.#settings, (place) => {
      const member = members[place] as Member;
      const message = `its body was not read, and held up others who share it for ${maxStall} ms (dedupe.maxStall) at ${maxBuffer} bytes (dedupe.maxBuffer)`;
      member.leave(new TransportError(message, { request: member.request, phase: 'read' }));
    });
  }
}

/** The first gets the bytes themselves, the others copies: a reader may change what it is given. */
function wholeBodies(
  { headers }: Response,
  bytes: Uint8Array,
  members: readonly Member[],
): ResponseChanges[] {
  return members.map((member, place) => {
    member.over();
    return place === 0 ? {} : { headers, body: new Uint8Array(bytes) };
  });
}

function fail(concerned: readonly Concerned[], error: unknown): void {
  for (const [member, answer] of concerned) {
    member.over();
    answer.reject(error);
  }
}
