import type { BodySource } from '../../messages/body-source.ts';
import type { Headers } from '../../messages/headers.ts';
import { inspect } from '../../messages/inspect.ts';
import type { Request } from '../../messages/request.ts';
import type { Response, ResponseExtensions } from '../../messages/response.ts';
import {
  Timeline,
  type ConnectionFacts,
  type Outcome,
  type Span,
} from '../../messages/timeline.ts';
import type { Timings } from '../../messages/timings.ts';
import { WatchedSource } from '../../messages/watched-source.ts';
import { Capture, CapturedContent, CapturedSource } from './capture.ts';
import type { TraceSettings } from './settings.ts';
import type { Trace } from './trace.ts';
import type {
  ExchangeCause,
  TracedExchange,
  TracedRequest,
  TracedResponse,
} from './traced-exchange.ts';

/**
 * Records one exchange as it goes on. The connection knows it by way of the timeline: so it holds neither the response nor its body, or one
 * that is dropped would never be garbage.
 */
export class Recording implements TracedExchange {
  readonly call: number;
  readonly attempt: number;
  readonly cause: ExchangeCause;
  readonly hop: number;
  readonly date: Date = new Date();
  readonly timeline: Timeline = new Timeline();
  /** The headers as they are: what they may show is found when they are asked for. */
  readonly #request: Pick<TracedRequest, 'method' | 'url'> & { readonly headers: Headers };
  readonly #settings: TraceSettings;
  readonly #bodyLength: number | null;
  readonly #sent: Capture | null;
  readonly #received: Capture | null;
  #response:
    | (Pick<TracedResponse, 'status' | 'statusText' | 'httpVersion'> & {
        readonly headers: Headers;
      })
    | null = null;
  #source: WeakRef<BodySource> | null = null;
  #bodySize: number | null = null;
  #told = false;

  constructor(request: Request, settings: TraceSettings, trace: Trace) {
    const { content, extensions } = request;
    const { bodies, redaction } = settings;
    this.call = trace.id;
    this.attempt = extensions.attempt ?? 1;
    const { cause, hop } = trace.origins(this.attempt);
    this.cause = cause;
    this.hop = hop;
    this.#settings = settings;
    this.#request = {
      method: request.method,
      url: redaction.urlOf(request),
      headers: request.headers,
    };
    this.#bodyLength = content === null ? 0 : (content.contentLength ?? null);
    this.#sent = bodies > 0 && content !== null ? new Capture(bodies) : null;
    this.#received = bodies > 0 ? new Capture(bodies) : null;
    trace.add(this);
  }

  /** What is to be sent: the request, with what it takes to record it. */
  followed(request: Request): Request {
    const { timeline } = this;
    const { content } = request;
    if (this.#sent === null || content === null) return request.with({ timeline });
    if (content.bytes === undefined)
      return request.with({ timeline, body: new CapturedContent(content, this.#sent) });
    this.#sent.add(content.bytes());
    return request.with({ timeline });
  }

  get id(): number {
    return this.timeline.id;
  }

  get request(): TracedRequest {
    const { headSent, bodySent } = this.timeline;
    return {
      ...this.#request,
      headers: this.#settings.redaction.headers(this.#request.headers),
      headSize: headSent,
      bodySize: bodySent ?? this.#bodyLength,
      body: this.#sent?.body ?? null,
    };
  }

  get response(): TracedResponse | null {
    return this.#response === null
      ? null
      : {
          ...this.#response,
          headers: this.#settings.redaction.headers(this.#response.headers),
          headSize: this.timeline.headReceived,
          bodySize: this.#bodySize,
          body: this.#received?.body ?? null,
        };
  }

  get connection(): ConnectionFacts | null {
    return this.timeline.connection;
  }

  get repeats(): number {
    return this.timeline.repeats;
  }

  get timings(): Timings {
    return this.timeline.timings;
  }

  get spans(): readonly Span[] {
    return this.timeline.spans;
  }

  get outcome(): Outcome | null {
    return this.timeline.outcome;
  }

  get error(): unknown {
    return this.timeline.error;
  }

  /** There is a response, which the caller gets as it is answered here: with a body that is followed. */
  answered(answer: Response, facts: ResponseExtensions): Response {
    const { timeline } = this;
    timeline.heard(performance.now());
    const { status, statusText, httpVersion, headers } = answer;
    this.#response = { status, statusText, httpVersion, headers };
    const extensions = { ...facts, timings: timeline.timings };
    const body = answer.detach();
    if (body instanceof Uint8Array) {
      this.#received?.add(body);
      this.#bodySize = answer.bytesDownloaded;
      this.#ended('done');
      return answer.with({ extensions });
    }
    this.#source = new WeakRef(body);
    timeline.onEnd = () => this.#onEnd();
    if (timeline.outcome !== null) this.#onEnd();
    const source = this.#received === null ? body : new CapturedSource(body, this.#received);
    const followed = new WatchedSource(source, (end) => {
      if (end.how === 'broken') this.failed(end.error);
      else this.#ended(end.how === 'whole' ? 'done' : 'closed');
    });
    return answer.with({ body: followed, extensions });
  }

  /** There is no response, or it broke. */
  failed(error: unknown): void {
    this.#ended('failed', error);
  }

  /** What a logger writes: all of it but the bodies. */
  toJSON(): object {
    const { id, call, cause, attempt, hop, date, connection, repeats, timings, outcome } = this;
    const request = { ...this.request, body: undefined };
    const response = this.response && { ...this.response, body: undefined };
    const error = errorSummary(this.error);
    const facts = { id, call, cause, attempt, hop, date, request, response, connection, repeats };
    return { ...facts, timings, outcome, error };
  }

  [inspect](): object {
    return this.toJSON();
  }

  /** Its reader is done with it. Where the network has told before how it ended, that counts. */
  #ended(outcome: Outcome, error?: unknown): void {
    this.timeline.end(outcome, error, performance.now());
    this.#tell();
  }

  /** The network is done with it. */
  #onEnd(): void {
    // What is to be kept of the body is not there before that has been read.
    if (this.#received === null || this.outcome !== 'done') this.#tell();
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#bodySize ??= this.#source?.deref()?.bytesReceived ?? null;
    const { onExchange } = this.#settings;
    // Whoever listens is not to get in between of what a connection does.
    if (onExchange !== null) queueMicrotask(() => onExchange(this));
  }
}

function errorSummary(error: unknown): object | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : { message: typeof error };
  const { name, message } = error;
  return { name, code: (error as { code?: unknown }).code, message };
}
