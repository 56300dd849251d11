import { RequestError } from '../errors.ts';
import type { BodySource } from '../messages/body-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { WatchedSource } from '../messages/watched-source.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import {
  CLIENT,
  installedApi,
  type Histogram,
  type Meter,
  type Propagator,
  type TelemetryApi,
  type TelemetryContext,
  type Tracer,
} from './telemetry/api.ts';
import { DURATION, KNOWN_METHODS, nameOf, spanAttributes } from './telemetry/conventions.ts';
import { Operation } from './telemetry/operation.ts';

export type {
  Histogram,
  Meter,
  Propagator,
  Span,
  TelemetryApi,
  TelemetryAttributes,
  TelemetryContext,
  Tracer,
} from './telemetry/api.ts';

/** What is told to OpenTelemetry, and to which. */
export interface TelemetryOptions {
  /** The module `@opentelemetry/api`. Default: the installed one, which is loaded with the first request. */
  readonly api?: TelemetryApi | undefined;
  /** What spans are begun with. Default: that of the global provider, called `strata-http`. */
  readonly tracer?: Tracer | undefined;
  /** What the durations are measured with. Default: that of the global provider, called `strata-http`. */
  readonly meter?: Meter | undefined;
  /** What puts `traceparent` and its kin into the headers; false: nothing does. Default: the global one. */
  readonly propagation?: Propagator | false | undefined;
  /** Names of query parameters whose values are recorded in `url.full`. Default none: each value is `REDACTED`. */
  readonly query?: readonly string[] | undefined;
  /** Methods recorded by their names; any other is `_OTHER`. Default: those of RFC 9110, and PATCH. */
  readonly knownMethods?: readonly string[] | undefined;
  /** When a span ends: with the body (default), or when the head of the response has come. */
  readonly until?: 'body' | 'head' | undefined;
}

/** The options by name, for those who check them. */
export const TELEMETRY_OPTION_NAMES: readonly string[] = [
  'api',
  'tracer',
  'meter',
  'propagation',
  'query',
  'knownMethods',
  'until',
];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: neither a span nor a measurement, and no headers (false). */
    telemetry?: boolean | undefined;
    /** The path as it is before its parameters are filled in, `/users/{id}`: for the name of the span. It must not hold values. */
    urlTemplate?: string | undefined;
    /** How often the call has been sent: set by the outer half of the telemetry. */
    sends?: { count: number } | undefined;
  }
}

/** The outer half of telemetry, outermost in a stack: with it, what is sent again is counted across redirects and challenges, too. */
export class CallTelemetryMiddleware extends Middleware {
  /** It is a part of the other half, which is shown. */
  override get dormant(): boolean {
    return true;
  }

  send(request: Request): Promise<Response> {
    return this.next.send(
      request.extensions.telemetry === false ? request : request.with({ sends: { count: 0 } }),
    );
  }
}

/**
 * Tells OpenTelemetry of each attempt, by its semantic conventions for HTTP clients (stable since 1.23): a span of kind CLIENT, the histogram
 * `http.client.request.duration`, and the trace context in the headers of the request. Place it inside of redirects and retries; what is
 * further in runs in the context of the span.
 *
 * A span ends when the body of the response has been read to its end, is closed, or breaks. That of a response that is dropped, neither read
 * nor closed, is never ended; `until: 'head'` does without the body.
 */
export class TelemetryMiddleware extends Middleware {
  readonly #options: TelemetryOptions;
  readonly #shownParameters: ReadonlySet<string>;
  readonly #knownMethods: ReadonlySet<string>;
  /** Made for the first request: by then the program has said which providers there are. */
  #instruments: Instruments | null = null;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: TelemetryOptions | true = {}) {
    super(next);
    this.#options = checked(options === true ? {} : options);
    this.#shownParameters = new Set(this.#options.query);
    this.#knownMethods = new Set(this.#options.knownMethods ?? KNOWN_METHODS);
  }

  send(request: Request): Promise<Response> {
    if (request.extensions.telemetry === false) return this.next.send(request);
    return this.#instruments === null
      ? this.#sendFirst(request)
      : this.#observe(request, this.#instruments);
  }

  async #sendFirst(request: Request): Promise<Response> {
    let { api } = this.#options;
    try {
      api ??= await installedApi();
    } catch (cause) {
      const message = 'telemetry needs the package @opentelemetry/api, and it cannot be loaded';
      throw new RequestError(message, { request, cause });
    }
    this.#instruments ??= instrumentsOf(api, this.#options);
    return this.#observe(request, this.#instruments);
  }

  async #observe(request: Request, instruments: Instruments): Promise<Response> {
    const { api, tracer, histogram, propagation } = instruments;
    const attributes = spanAttributes(request, this.#knownMethods, this.#shownParameters);
    const parent = api.context.active();
    const span = tracer.startSpan(
      nameOf(request, attributes),
      { kind: CLIENT, attributes },
      parent,
    );
    const context = api.trace.setSpan(parent, span);
    const operation = new Operation(span, attributes, (seconds, measured) =>
      histogram.record(seconds, measured, context),
    );
    let response: Response;
    try {
      const sent = propagation === false ? request : injected(request, propagation, context);
      response = await api.context.with(context, () => this.next.send(sent));
    } catch (error) {
      operation.fail(error);
      throw error;
    }
    operation.answered(response);
    if (this.#options.until === 'head' || response.isRead) {
      operation.end();
      return response;
    }
    const body = new WatchedSource(response.detach() as BodySource, (end) => {
      if (end.how === 'broken') operation.fail(end.error);
      else operation.end();
    });
    return response.with({ body });
  }
}

/** What there is to observe with. */
interface Instruments {
  readonly api: TelemetryApi;
  readonly tracer: Tracer;
  readonly histogram: Histogram;
  readonly propagation: Propagator | false;
}

const SCOPE = 'strata-http';

function instrumentsOf(api: TelemetryApi, options: TelemetryOptions): Instruments {
  const { tracer, meter, propagation } = options;
  const { name, ...description } = DURATION;
  return {
    api,
    tracer: tracer ?? api.trace.getTracer(SCOPE),
    histogram: (meter ?? api.metrics.getMeter(SCOPE)).createHistogram(name, description),
    propagation: propagation ?? api.propagation,
  };
}

/** With the headers that carry the context. They replace those that are there: two of a kind would be none to the receiver. */
function injected(request: Request, propagation: Propagator, context: TelemetryContext): Request {
  const fields: Record<string, string> = {};
  propagation.inject(context, fields, {
    set: (carrier, name, value) => {
      carrier[name] = value;
    },
  });
  let { headers } = request;
  for (const [name, value] of Object.entries(fields)) headers = headers.with(name, value);
  return headers === request.headers ? request : request.with({ headers });
}

function checked(options: TelemetryOptions): TelemetryOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `telemetry: expected true or an object of options, got ${options === null ? 'null' : typeof options}`,
    );
  }
  const { api, tracer, meter, propagation, query, knownMethods, until } = options;
  expectMethod('api', api?.trace, 'setSpan', api === undefined);
  expectMethod('tracer', tracer, 'startSpan', tracer === undefined);
  expectMethod('meter', meter, 'createHistogram', meter === undefined);
  expectMethod(
    'propagation',
    propagation,
    'inject',
    propagation === undefined || propagation === false,
  );
  for (const [name, list] of Object.entries({ query, knownMethods })) {
    if (
      list !== undefined &&
      !(Array.isArray(list) && list.every((each) => typeof each === 'string'))
    )
      throw new TypeError(`telemetry.${name}: expected a list of names`);
  }
  if (until !== undefined && until !== 'body' && until !== 'head') {
    throw new TypeError(`telemetry.until: expected 'body' or 'head', got ${String(until)}`);
  }
  return options;
}

function expectMethod(option: string, value: unknown, method: string, absent: boolean): void {
  if (absent || typeof (value as Record<string, unknown> | null)?.[method] === 'function') return;
  const owner = option === 'api' ? 'the module @opentelemetry/api' : `an object with ${method}`;
  throw new TypeError(`telemetry.${option}: expected ${owner}`);
}
