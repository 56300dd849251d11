import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Auth, type AsyncAuthFlow } from './auth.ts';
import { basicCredentials, checkCredentials } from './basic.ts';
import type { Challenge } from './challenge.ts';
import { challengeFlow, type Proof, type Responder } from './challenge-flow.ts';
import { DigestResponder } from './digest.ts';

/**
 * Sends nothing until it is asked, and then answers the strongest challenge that is offered: Digest, else Basic, which gives the password
 * to the server. What a server asked for is sent with later requests at once.
 */
export class AnyAuth extends Auth {
  readonly #responder: AnyResponder;

  /** @throws TypeError where they are not strings, or the user has a colon, which Basic cannot express. */
  constructor(user: string, password: string) {
    super();
    checkCredentials('AnyAuth', user, password);
    this.#responder = new AnyResponder(
      new DigestResponder(user, password),
      basicCredentials('AnyAuth', user, password),
    );
  }

  authFlow(request: Request): AsyncAuthFlow {
    return challengeFlow(request, this.#responder, false);
  }
}

const MAX_ORIGINS = 100;

class AnyResponder implements Responder {
  readonly #digest: DigestResponder;
  readonly #basic: string;
  /** By origin, the folder whose server took Basic: it is sent there and below (RFC 7617 §2.2). */
  readonly #folders = new Map<string, string>();

  constructor(digest: DigestResponder, basic: string) {
    this.#digest = digest;
    this.#basic = basic;
  }

  async preempt(request: Request): Promise<Proof | null> {
    const folder = this.#folders.get(request.origin);
    if (folder !== undefined && request.target.startsWith(folder)) return this.#proof(false);
    return this.#digest.preempt(request);
  }

  async answer(
    request: Request,
    challenges: readonly Challenge[],
    sent: Proof | null,
  ): Promise<Proof | null> {
    const digest = await this.#digest.answer(request, challenges, sent);
    if (digest !== null) {
      this.#folders.delete(request.origin);
      return digest;
    }
    // A password that was refused as a digest is not then given away.
    if (sent !== null || !challenges.some(({ scheme }) => scheme === 'basic')) return null;
    return this.#proof(true);
  }

  learn(request: Request, response: Response, sent: Proof): void {
    if (sent.scheme === 'digest') this.#digest.learn(request, response, sent);
    else if (!this.#folders.has(request.origin) || sent.asked) this.#remember(request);
  }

  #remember({ origin, target }: Request): void {
    const path = target.split('?', 1)[0] ?? '/';
    this.#folders.delete(origin);
    this.#folders.set(origin, path.slice(0, path.lastIndexOf('/') + 1));
    for (const oldest of this.#folders.keys()) {
      if (this.#folders.size <= MAX_ORIGINS) break;
      this.#folders.delete(oldest);
    }
  }

  #proof(asked: boolean): Proof {
    return { value: this.#basic, scheme: 'basic', nonce: '', asked };
  }
}
