import type { ConnectionFacts, Outcome, Span } from '../../messages/timeline.ts';
import type { Timings } from '../../messages/timings.ts';
import type { Fields } from './redaction.ts';

/**
 * Why an exchange came about: it is the call's own; a redirect led to it; it was tried again; the server (or a proxy) had asked for
 * credentials; it was sent beside another one that was still on its way; or for a reason of some layer's own.
 */
export type ExchangeCause = 'call' | 'redirect' | 'retry' | 'challenge' | 'beside' | 'again';

/** As much of a body as was asked for, as it was on the wire: before decoding. */
export interface TracedBody {
  readonly bytes: Uint8Array;
  /** Whether there was more of it. */
  readonly truncated: boolean;
}

/** A request as the network got it. Sizes are in bytes; null: not known. */
export interface TracedRequest {
  readonly method: string;
  /** Without credentials; the values in its query are left out, unless `redact` is false. */
  readonly url: string;
  readonly headers: Fields;
  readonly headSize: number | null;
  /** What was sent of it, without framing. */
  readonly bodySize: number | null;
  readonly body: TracedBody | null;
}

/** A response as the network gave it. Sizes are in bytes; null: not known, or not yet. */
export interface TracedResponse {
  readonly status: number;
  readonly statusText: string;
  /** `1.1`, `1.0`, `2` */
  readonly httpVersion: string;
  readonly headers: Fields;
  readonly headSize: number | null;
  /** What came of it, without framing. */
  readonly bodySize: number | null;
  readonly body: TracedBody | null;
}

/** One request and what came of it, on the network. It is alive until it is over: what is still to come is null. */
export interface TracedExchange {
  /** Of its own in this process, and the same as in the messages on the diagnostics channels. */
  readonly id: number;
  /** The same for all exchanges of one call. */
  readonly call: number;
  readonly cause: ExchangeCause;
  /** Which try it is, from 1. */
  readonly attempt: number;
  /** How many redirects led to it. */
  readonly hop: number;
  /** When it began. */
  readonly date: Date;
  readonly request: TracedRequest;
  /** null: there is none, or not yet. */
  readonly response: TracedResponse | null;
  readonly connection: ConnectionFacts | null;
  /** How many kept connections it met that were dead. */
  readonly repeats: number;
  readonly timings: Timings;
  /** What the time went to: the same as in `timings`, with when it was. */
  readonly spans: readonly Span[];
  /** null: it is not over. */
  readonly outcome: Outcome | null;
  /** What it failed with; undefined: it did not. */
  readonly error: unknown;
}
