import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { Recording } from './trace/recording.ts';
import { traceSettings, type TraceOptions, type TraceSettings } from './trace/settings.ts';
import { Trace } from './trace/trace.ts';

export { TRACE_OPTION_NAMES, type TraceOptions } from './trace/settings.ts';
export type { Trace } from './trace/trace.ts';
export type {
  ExchangeCause,
  TracedBody,
  TracedExchange,
  TracedRequest,
  TracedResponse,
} from './trace/traced-exchange.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: recorded (true), with these options, or not (false). */
    trace?: boolean | TraceOptions | undefined;
    /** The call that this is part of: set by the outer trace layer for the inner one. */
    tracedCall?: Trace | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** All exchanges of the call that led to this response, where it was traced: what `explain` shows. */
    readonly trace?: Trace | undefined;
  }
}

/**
 * Records each exchange as the network sees it: how long each phase took, what was sent and received, over which connection, and how it ended.
 * The response has it as `timings`, and as `extensions.trace`. Its place is the innermost.
 *
 * Values of headers that hold credentials, and those in queries, are not recorded, unless `redact` is false.
 */
export class TraceMiddleware extends Middleware {
  readonly #settings: TraceSettings | null;

  /** With `false`, only requests that bring `trace` are recorded. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: TraceOptions | boolean = true) {
    super(next);
    this.#settings = traceSettings(options, null);
  }

  override get dormant(): boolean {
    return this.#settings === null;
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.trace;
    if (choice === undefined && this.#settings === null) return this.next.send(request);
    try {
      const settings = traceSettings(choice, this.#settings);
      return settings === null ? this.next.send(request) : this.#record(request, settings);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #record(request: Request, settings: TraceSettings): Promise<Response> {
    const trace = request.extensions.tracedCall ?? new Trace(request, settings.redaction);
    const recording = new Recording(request, settings, trace);
    let response: Response;
    try {
      response = await this.next.send(recording.followed(request));
    } catch (error) {
      recording.failed(error);
      throw error;
    }
    return recording.answered(response, { trace });
  }
}

/**
 * Brings together what belongs to one call: the exchanges of all its redirects, retries and challenges, which a `TraceMiddleware` further in
 * records one by one. Its place is the outermost; it takes the same options.
 */
export class CallTraceMiddleware extends Middleware {
  readonly #settings: TraceSettings | null;

  /** With `false`, only requests that bring `trace` are traced. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: TraceOptions | boolean = true) {
    super(next);
    this.#settings = traceSettings(options, null);
  }

  override get dormant(): boolean {
    return this.#settings === null;
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.trace;
    if (choice === undefined && this.#settings === null) return this.next.send(request);
    try {
      const settings = traceSettings(choice, this.#settings);
      return settings === null ? this.next.send(request) : this.#trace(request, settings);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #trace(request: Request, { redaction }: TraceSettings): Promise<Response> {
    const trace = new Trace(request, redaction);
    try {
      const response = await this.next.send(request.with({ tracedCall: trace }));
      return response.extensions.trace === trace
        ? response
        : response.with({ extensions: { trace } });
    } finally {
      trace.end();
    }
  }
}
