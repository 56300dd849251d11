import { isHTTPError } from '../../errors.ts';
import type { Response } from '../../messages/response.ts';
import { ERROR, type Span, type TelemetryAttributes } from './api.ts';
import { errorType, MEASURED, placeIn } from './conventions.ts';

/** One attempt, as it is told of: a span, and a measurement when it ends. */
export class Operation {
  readonly #started: number = performance.now();
  readonly #span: Span;
  readonly #measured: TelemetryAttributes = {};
  readonly #record: (seconds: number, attributes: TelemetryAttributes) => void;

  constructor(
    span: Span,
    attributes: TelemetryAttributes,
    record: (seconds: number, attributes: TelemetryAttributes) => void,
  ) {
    this.#span = span;
    this.#record = record;
    for (const name of MEASURED) {
      const value = attributes[name];
      if (value !== undefined) this.#measured[name] = value;
    }
  }

  /** The head has come. */
  answered({ status, httpVersion }: Response): void {
    this.#set('http.response.status_code', status);
    this.#set('network.protocol.version', httpVersion);
    if (status < 400) return;
    this.#set('error.type', String(status));
    // The status says it: no description.
    this.#span.setStatus({ code: ERROR });
  }

  /** It ends with this error, whose message is told only where it is known to hold no secrets. */
  fail(error: unknown): void {
    const { remoteAddress } = (error ?? {}) as { readonly remoteAddress?: unknown };
    if (typeof remoteAddress === 'string') this.#peer(remoteAddress);
    this.#set('error.type', errorType(error));
    this.#span.setStatus(
      isHTTPError(error) ? { code: ERROR, message: error.message } : { code: ERROR },
    );
    this.end();
  }

  end(): void {
    this.#span.end();
    this.#record((performance.now() - this.#started) / 1000, this.#measured);
  }

  #peer(remoteAddress: string): void {
    const [address, port] = placeIn(remoteAddress);
    this.#span.setAttribute('network.peer.address', address);
    if (port !== undefined) this.#span.setAttribute('network.peer.port', port);
  }

  /** Of the span and of the measurement. */
  #set(name: string, value: string | number): void {
    this.#span.setAttribute(name, value);
    this.#measured[name] = value;
  }
}
