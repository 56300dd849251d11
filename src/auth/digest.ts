import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { checkOptionNames } from '../options.ts';
import { Auth, type AsyncAuthFlow } from './auth.ts';
import { checkCredentials } from './basic.ts';
import { parseParams, type Challenge } from './challenge.ts';
import { challengeFlow, type Proof, type Responder } from './challenge-flow.ts';
import { digestChallenges, type DigestChallenge } from './digest-challenge.ts';
import { DigestSession } from './digest-session.ts';
import { hashNamed } from './hash.ts';

/** How Digest goes about it. */
export interface DigestOptions {
  /**
   * Whether a body is held back until the server has said what it asks for. Default true, as in curl: a body is then sent once, and may be
   * a stream; a server that asks for nothing sees the request twice, the first time empty. false: it goes with the first request.
   */
  readonly probe?: boolean | undefined;
}

/**
 * Digest authentication (RFC 7616; RFC 2617 and RFC 2069 where the server speaks those): MD5, SHA-256 and SHA-512-256, each also `-sess`,
 * the strongest that is offered; the password is never sent. A nonce is used, and counted, for later requests to its origin.
 */
export class DigestAuth extends Auth {
  readonly #responder: DigestResponder;
  readonly #probe: boolean;

  /** @throws TypeError where user or password are not strings, or an option is not what it has to be. */
  constructor(user: string, password: string, options: DigestOptions = {}) {
    super();
    checkCredentials('DigestAuth', user, password);
    checkOptionNames('DigestAuth', options, ['probe']);
    const { probe = true } = options;
    if (typeof probe !== 'boolean')
      throw new TypeError(`DigestAuth: probe: expected true or false, got ${typeof probe}`);
    this.#responder = new DigestResponder(user, password);
    this.#probe = probe;
  }

  authFlow(request: Request): AsyncAuthFlow {
    return challengeFlow(request, this.#responder, this.#probe);
  }
}

/** One who talks to more origins than this with the same password begins anew with the first of them. */
const MAX_ORIGINS = 100;

/** Answers Digest challenges, and remembers the nonces by origin. */
export class DigestResponder implements Responder {
  readonly #credentials: readonly [user: string, password: string];
  readonly #sessions = new Map<string, DigestSession>();

  constructor(user: string, password: string) {
    this.#credentials = [user, password];
  }

  async preempt(request: Request): Promise<Proof | null> {
    const session = this.#sessions.get(request.origin);
    return session?.covers(request) === true ? proof(session, request, false) : null;
  }

  async answer(
    request: Request,
    challenges: readonly Challenge[],
    sent: Proof | null,
  ): Promise<Proof | null> {
    const { origin } = request;
    for (const challenge of digestChallenges(challenges)) {
      if (sent !== null && isRejection(challenge, sent)) {
        // Whatever has come of other requests meanwhile stays.
        if (this.#sessions.get(origin)?.challenge.nonce === sent.nonce)
          this.#sessions.delete(origin);
        return null;
      }
      const session = await this.#sessionFor(origin, challenge);
      if (session !== null) return proof(session, request, true);
    }
    return null;
  }

  /** RFC 7616 §3.5: the server may say which nonce it wants to see next. */
  learn({ origin }: Request, response: Response, sent: Proof): void {
    const info = response.headers.get('authentication-info');
    const session = this.#sessions.get(origin);
    if (info === null || session?.challenge.nonce !== sent.nonce) return;
    const nonce = parseParams(info).get('nextnonce');
    if (nonce === undefined || nonce === sent.nonce) return;
    this.#remember(origin, session.renewed(nonce));
  }

  async #sessionFor(origin: string, challenge: DigestChallenge): Promise<DigestSession | null> {
    const hash = await hashNamed(challenge.hash);
    if (hash === null) return null;
    const known = this.#sessions.get(origin);
    if (known?.continues(challenge) === true) return known;
    const session = new DigestSession(challenge, hash, this.#credentials);
    this.#remember(origin, session);
    return session;
  }

  #remember(origin: string, session: DigestSession): void {
    this.#sessions.delete(origin);
    this.#sessions.set(origin, session);
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_ORIGINS) break;
      this.#sessions.delete(oldest);
    }
  }
}

/** Whether the server does not want the password, rather than another nonce. Where it does not say, a nonce of its own is that. */
function isRejection({ stale, nonce }: DigestChallenge, sent: Proof): boolean {
  return sent.scheme === 'digest' && !stale && (sent.asked || nonce === sent.nonce);
}

async function proof(
  session: DigestSession,
  request: Request,
  asked: boolean,
): Promise<Proof | null> {
  const value = await session.authorization(request);
  return value === null ? null : { value, scheme: 'digest', nonce: session.challenge.nonce, asked };
}
