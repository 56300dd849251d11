import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import type { AsyncAuthFlow } from './auth.ts';
import { withAuthorization, withoutAuthorization } from './basic.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { Journey } from './journey.ts';

/** Credentials that were sent, and what with. */
export interface Proof {
  /** The value of Authorization. */
  readonly value: string;
  readonly scheme: 'basic' | 'digest';
  /** The nonce that it answers; empty where there is none. */
  readonly nonce: string;
  /** Whether it answers a challenge of this call; else it was sent before anybody asked. */
  readonly asked: boolean;
}

/** What knows the credentials. */
export interface Responder {
  /** Credentials that need no challenge: what was learnt from earlier ones. */
  preempt(request: Request): Promise<Proof | null>;
  /** The answer to a challenge; null where there is none to be given, or what was sent is not to be sent again. */
  answer(
    request: Request,
    challenges: readonly Challenge[],
    sent: Proof | null,
  ): Promise<Proof | null>;
  /** The response to credentials that were sent, which is not a 401. */
  learn(request: Request, response: Response, sent: Proof): void;
}

/** Credentials, an answer, and one more where a nonce went stale on the way. */
const MAX_ANSWERS = 3;

/**
 * Sends a request, and answers the challenges to it.
 *
 * With `probe`, a request with a body goes first without it, where a challenge is to be expected: as curl does, so that the body is sent
 * once, be it a stream. Where nobody asks for anything, the whole request follows without credentials.
 */
export async function* challengeFlow(
  given: Request,
  responder: Responder,
  probe: boolean,
): AsyncAuthFlow {
  const bare = withoutAuthorization(given);
  let sent: Proof | null = await responder.preempt(bare);
  // What the redirect layer has kept of our credentials is for another URL, and a nonce is counted.
  const journey = new Journey(bare, async (hop) => {
    if (sent?.scheme !== 'digest' || !hop.headers.has('authorization')) return hop;
    const { asked } = sent;
    const proof = await responder.preempt(hop);
    sent = proof === null ? null : { ...proof, asked };
    return proof === null ? withoutAuthorization(hop) : withAuthorization(hop, proof.value);
  });

  let response: Response;
  if (probe && sent === null && hasBody(bare)) {
    response = yield journey.send(withoutBody(bare));
    journey.arrived(response);
    // Where a redirect has made a GET of it, the body has been asked for by nobody yet: it is not to be lost.
    const moved = journey.left || journey.current.method !== bare.method;
    if (moved || !journey.challenges(response)) {
      if (becomesGet(bare, response)) return;
      response = yield journey.send(moved ? bare : whole(bare, journey));
      journey.arrived(response);
    }
  } else {
    response = yield journey.send(sent === null ? bare : withAuthorization(bare, sent.value));
    journey.arrived(response);
  }

  for (let answers = 0; answers <= MAX_ANSWERS; answers++) {
    const request = whole(bare, journey);
    if (journey.challenges(response)) {
      const challenges = parseChallenges(response.headers.getAll('www-authenticate'));
      // What was signed for another URL has not been refused for this one.
      sent = await responder.answer(request, challenges, journey.strayed ? null : sent);
    } else if (response.status === 400 && journey.strayed && sent?.scheme === 'digest') {
      // RFC 7616 §3.4.6: so a server may refuse a digest of another URL.
      sent = await responder.preempt(request);
    } else break;
    if (sent === null || answers === MAX_ANSWERS) return;
    response = yield journey.send(withAuthorization(request, sent.value));
    journey.arrived(response);
  }
  if (sent !== null && journey.isOwn(response)) responder.learn(journey.current, response, sent);
}

/** The request that is to be sent now: where redirects have led to, and with the body that a probe left out. */
function whole(bare: Request, { current }: Journey): Request {
  const probed = current.content !== bare.content && current.method === bare.method;
  return probed ? bare.with({ url: current.destination }) : current;
}

function hasBody({ content }: Request): boolean {
  return content !== null && content.contentLength !== 0;
}

/** Fields about the body, which a probe does not have. A type that was set by hand stays: servers route by it. */
const OF_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'trailer', 'expect'];

function withoutBody(request: Request): Request {
  const headers = OF_BODY.reduce((kept, name) => kept.without(name), request.headers);
  return request.with({ headers, body: null });
}

/** A redirect that nobody followed, to a request that has no body (RFC 9110 §15.4). */
function becomesGet({ method }: Request, { status }: Response): boolean {
  return status === 303 || ((status === 301 || status === 302) && method === 'POST');
}
