/*
 * As much of `@opentelemetry/api` 1.x as is used here. Its own types are not imported: they would have to be installed wherever the types of
 * this package are read.
 */

/** The module `@opentelemetry/api`. */
export interface TelemetryApi {
  readonly context: {
    active(): TelemetryContext;
    with<Result>(context: TelemetryContext, run: () => Result): Result;
  };
  readonly trace: {
    getTracer(name: string): Tracer;
    setSpan(context: TelemetryContext, span: Span): TelemetryContext;
  };
  readonly metrics: { getMeter(name: string): Meter };
  readonly propagation: Propagator;
}

/** What is going on, as far as telemetry knows: handed around, never looked into. */
export interface TelemetryContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): TelemetryContext;
  deleteValue(key: symbol): TelemetryContext;
}

/** What spans are begun with: a `Tracer` of a provider's. */
export interface Tracer {
  startSpan(
    name: string,
    options: { kind: number; attributes: TelemetryAttributes },
    context: TelemetryContext,
  ): Span;
}

export interface Span {
  setAttribute(key: string, value: string | number): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** What instruments are made with: a `Meter` of a provider's. */
export interface Meter {
  createHistogram(
    name: string,
    options: { description: string; unit: string; advice: { explicitBucketBoundaries: number[] } },
  ): Histogram;
}

export interface Histogram {
  record(value: number, attributes: TelemetryAttributes, context: TelemetryContext): void;
}

/** What writes a context into headers: the `propagation` of the module. */
export interface Propagator {
  inject(
    context: TelemetryContext,
    carrier: Record<string, string>,
    setter: { set(carrier: Record<string, string>, key: string, value: string): void },
  ): void;
}

export type TelemetryAttributes = Record<string, string | number>;

/** SpanKind.CLIENT */
export const CLIENT = 2;
/** SpanStatusCode.ERROR */
export const ERROR = 2;

/** The installed one, loaded when first needed. */
export async function installedApi(): Promise<TelemetryApi> {
  return await import('@opentelemetry/api');
}
