import type { BodySource } from '../messages/body-source.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import type { TransportLike } from '../transport.ts';
import { storedBody } from './body.ts';
import { withoutCodings, type Coded } from './codings.ts';
import { storedError } from './failures.ts';
import { recordOf } from './fields.ts';
import type { StoredInteraction, StoredResponse, StoredTiming } from './format.ts';
import { NotedContent, NotedSource, Notes } from './notes.ts';
import { recordedRequest, redactedBytes, storedRequest } from './recorded-request.ts';
import type { Recording } from './recording.ts';
import type { Redaction, Secrets } from './redaction.ts';

/** What became of a request, as far as that is known. */
type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | Answered;

interface Answered {
  readonly kind: 'answered';
  readonly response: Response;
  readonly after: number;
  readonly body: Notes;
  /** Something within has undone the content codings already. */
  readonly decoded: boolean;
}

/** One request on its way, and what is noted down about it. */
interface Draft {
  readonly request: Request;
  readonly started: number;
  readonly body: Notes;
  outcome: Outcome;
}

/** Sends requests on, and notes down what passes, in the order of the requests. Who sent them gets what came: nothing is taken out of that. */
export class Recorder {
  readonly #drafts: Draft[] = [];
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** How many requests there were. */
  get size(): number {
    return this.#drafts.length;
  }

  async send(request: Request, next: TransportLike): Promise<Response> {
    const draft: Draft = {
      request,
      started: performance.now(),
      body: new Notes(),
      outcome: { kind: 'waiting' },
    };
    this.#drafts.push(draft);
    const outgoing = noted(request, draft.body);
    try {
      return answered(draft, outgoing, await next.send(outgoing));
    } catch (error) {
      draft.outcome = outcomeOf(error, request);
      throw error;
    }
  }

  /** Nothing of what has passed is kept. */
  discard(): void {
    this.#drafts.length = 0;
  }

  /** What there is by now, as it is to be written. */
  async interactions(): Promise<StoredInteraction[]> {
    const { redaction, omit } = this.#recording;
    const drafts = this.#drafts.filter(({ outcome }) => outcome.kind !== 'dropped');
    const messages = await Promise.all(drafts.map((draft) => this.#plain(draft)));
    // What a login answered is part of later requests; what a request held, a server may send back.
    const fromResponses = new Set<string>();
    for (const { answer } of messages) {
      if (answer !== null) withoutSecrets(answer, redaction, { found: fromResponses });
    }
    const all = new Set(fromResponses);
    const requests = await Promise.all(
      messages.map(({ draft, bytes }) =>
        recordedRequest(draft.request, bytes, redaction, { found: all, known: fromResponses }),
      ),
    );
    return messages.map(({ draft, answer }, place): StoredInteraction => {
      const request = storedRequest(requests[place]!, omit);
      const { outcome } = draft;
      if (outcome.kind === 'failed') {
        const text = (each: string): string => redaction.text(each, { known: all });
        return { request, error: storedError(outcome.error, draft.request, text)! };
      }
      if (outcome.kind !== 'answered' || answer === null) return { request, unanswered: true };
      const clean = withoutSecrets(answer, redaction, { known: all });
      return { request, response: this.#stored(draft, outcome, clean, all) };
    });
  }

  async #plain(draft: Draft): Promise<{ draft: Draft; bytes: Uint8Array; answer: Coded | null }> {
    const { outcome } = draft;
    const bytes = draft.request.content?.bytes?.() ?? draft.body.bytes();
    if (outcome.kind !== 'answered') return { draft, bytes, answer: null };
    const answer = { headers: outcome.response.headers, bytes: outcome.body.bytes() };
    if (outcome.decoded)
      return {
        draft,
        bytes,
        answer: { ...answer, headers: answer.headers.without('content-encoding') },
      };
    return { draft, bytes, answer: this.#recording.decode ? await withoutCodings(answer) : answer };
  }

  #stored(
    { request, started }: Draft,
    { response, body, after }: Answered,
    { headers, bytes }: Coded,
    known: ReadonlySet<string>,
  ): StoredResponse {
    const { redaction, omit, timing } = this.#recording;
    const error =
      typeof body.ending === 'object'
        ? storedError(body.ending.error, request, (text) => redaction.text(text, { known }))
        : null;
    const whole = body.ending === 'whole';
    const stored = storedBody(bytes);
    const trailers =
      body.trailers === null ? null : recordOf(redaction.headers(body.trailers, { known }), omit);
    return {
      status: response.status,
      ...(response.statusText === '' ? {} : { statusText: response.statusText }),
      ...(response.httpVersion === '1.1' ? {} : { httpVersion: response.httpVersion }),
      headers: recordOf(whole ? withLength(headers, request, bytes) : headers, omit),
      ...(stored === undefined ? {} : { body: stored }),
      ...(trailers === null ? {} : { trailers }),
      ...(whole || error !== null ? {} : { cut: true }),
      ...(error === null ? {} : { error }),
      ...(timing ? { timing: timingOf(started, after, body) } : {}),
    };
  }
}

/** With its body noted down where that is not in memory. */
function noted(request: Request, notes: Notes): Request {
  const { content } = request;
  return content === null || content.bytes !== undefined
    ? request
    : request.with({ body: new NotedContent(content, notes) });
}

function answered(draft: Draft, outgoing: Request, response: Response): Response {
  const { request } = draft;
  if (response.status === 101 || request.method === 'CONNECT') {
    // What follows is no HTTP.
    draft.outcome = { kind: 'dropped' };
    return response;
  }
  const body = new Notes();
  const outcome = { kind: 'answered', response, body, after: performance.now() } as const;
  if (response.isRead) {
    const { trailers } = response;
    const received = response.bytesDownloaded;
    const bytes = response.detach() as Uint8Array;
    if (bytes.byteLength > 0) body.add(bytes);
    body.end('whole', trailers);
    draft.outcome = { ...outcome, decoded: received !== bytes.byteLength };
    return outgoing === request ? response : response.with({ request });
  }
  const source = response.detach() as BodySource;
  draft.outcome = { ...outcome, decoded: source.inner !== undefined };
  return response.with({ request, body: new NotedSource(source, body) });
}

/** What the caller ended itself has no answer; what is no failure of an exchange would not be replayed. */
function outcomeOf(error: unknown, request: Request): Outcome {
  if (request.signal?.aborted === true || (error as { code?: unknown })?.code === 'ERR_DEADLINE')
    return { kind: 'unanswered' };
  return storedError(error, request, String) === null
    ? { kind: 'dropped' }
    : { kind: 'failed', error };
}

function withoutSecrets({ headers, bytes }: Coded, redaction: Redaction, secrets: Secrets): Coded {
  return {
    headers: redaction.headers(headers, secrets),
    bytes: redactedBytes(bytes, headers, redaction, secrets),
  };
}

/** The length of what is stored. Where there is no body by rule, it tells of the one that there would be. */
function withLength(headers: Headers, { method }: Request, bytes: Uint8Array): Headers {
  return headers.has('content-length') && method !== 'HEAD' && bytes.byteLength > 0
    ? headers.with('content-length', String(bytes.byteLength))
    : headers;
}

function timingOf(started: number, after: number, { pieces, times }: Notes): StoredTiming {
  let before = after;
  return {
    head: Math.round(after - started),
    pieces: pieces.map((piece, place) => {
      const at = times[place]!;
      const pair = [Math.round(at - before), piece.byteLength] as const;
      before = at;
      return pair;
    }),
  };
}
