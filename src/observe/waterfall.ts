import type { Response } from '../messages/response.ts';
import type { Span } from '../messages/timeline.ts';
import type { TimedPhase } from '../messages/timings.ts';
import type { ExchangeCause, Trace, TracedExchange } from '../middleware/trace.ts';
import { factsOf } from './facts.ts';
import { count, milliseconds, plain } from './units.ts';

/** What can be explained: a traced response, the error of a traced request, or exchanges as `onExchange` got them. */
export type Explainable = Response | Error | readonly TracedExchange[];

/** One exchange, as a row to be drawn. */
export interface Row {
  /** `GET example.com/path` */
  readonly label: string;
  /** Why there is such an exchange; '' for the first. */
  readonly why: string;
  /** The status, or what it failed with. */
  readonly answer: string;
  readonly failed: boolean;
  readonly from: number;
  readonly to: number;
  readonly spans: readonly Span[];
  readonly exchange: TracedExchange;
}

/** A call on the time axis: milliseconds on the `performance.now()` clock. */
export interface Waterfall {
  readonly method: string;
  readonly url: string;
  /** What came of it: `200 OK, 318 ms, 3 exchanges`. */
  readonly result: string;
  readonly from: number;
  readonly to: number;
  readonly rows: readonly Row[];
  /** What else there is to say, a sentence each. */
  readonly facts: readonly string[];
}

/** What the phases are called where they are shown. */
export const PHASE_NAMES: Readonly<Record<TimedPhase, string>> = {
  queued: 'queued',
  dns: 'dns',
  connect: 'connect',
  tls: 'tls',
  sent: 'send',
  firstByte: 'wait',
  body: 'body',
};

const WHY: Readonly<Record<ExchangeCause, string>> = {
  call: '',
  redirect: 'redirect',
  retry: 'retry',
  challenge: 'auth',
  beside: 'hedge',
  again: 'again',
};

/** What is known of a call, wherever it was found. */
export interface Account {
  readonly response: Response | null;
  readonly error: Error | null;
  readonly trace: Trace | null;
  readonly exchanges: readonly TracedExchange[];
}

/** @throws TypeError where nothing was traced. */
export function waterfallOf(where: string, subject: Explainable): Waterfall {
  const account = accountOf(subject);
  if (account === null) {
    throw new TypeError(
      `${where}: expected a response or an error of a request that was traced (trace: true), or traced exchanges, got ${describe(subject)}`,
    );
  }
  const { exchanges, trace } = account;
  const from = Math.min(
    trace?.started ?? Infinity,
    ...exchanges.map(({ timings }) => timings.started),
  );
  const rows = exchanges.map(rowOf);
  const to = Math.max(trace?.ended ?? from, ...rows.map((row) => row.to));
  const { method, url } = trace ?? (exchanges[0] as TracedExchange).request;
  const result = plain(resultOf(account, to - from));
  return { method, url, result, from, to, rows, facts: factsOf(account).map(plain) };
}

function accountOf(subject: Explainable): Account | null {
  if (Array.isArray(subject)) {
    const exchanges = subject as readonly TracedExchange[];
    const isOne = exchanges.length > 0 && exchanges.every(isExchange);
    return isOne ? { response: null, error: null, trace: null, exchanges } : null;
  }
  if (isResponse(subject)) return accountOfResponse(subject, null);
  if (!(subject instanceof Error)) return null;
  const { request, response } = subject as { request?: Response['request']; response?: unknown };
  if (isResponse(response)) return accountOfResponse(response, subject);
  const trace = request?.extensions.tracedCall ?? null;
  return trace && { response: null, error: subject, trace, exchanges: trace.exchanges };
}

function accountOfResponse(response: Response, error: Error | null): Account | null {
  const { trace = null } = response.extensions;
  if (trace === null) return null;
  // Where nothing but single exchanges was traced, those of the redirects stand in the history.
  const earlier = response.history.flatMap(({ extensions }) => extensions.trace?.exchanges ?? []);
  return { response, error, trace, exchanges: [...new Set([...earlier, ...trace.exchanges])] };
}

function rowOf(exchange: TracedExchange): Row {
  const { request, cause, attempt, timings, spans, outcome } = exchange;
  return {
    label: `${request.method} ${placeOf(request.url)}`,
    why: cause === 'retry' && attempt > 2 ? `${WHY.retry} ${attempt - 1}` : WHY[cause],
    answer: plain(answerOf(exchange)),
    failed: outcome === 'failed',
    from: timings.started,
    to: spans.at(-1)?.to ?? timings.started,
    spans,
    exchange,
  };
}

/** The status; with what was wrong where the body did not end well. */
function answerOf({ response, outcome, error }: TracedExchange): string {
  const status = response === null ? '' : String(response.status);
  if (outcome === null) return `${status}…`;
  if (outcome === 'done') return status;
  if (outcome === 'closed') return `${status} closed`;
  return `${status} ${failureOf(error)}`.trimStart();
}

function failureOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  // An abort's code is a number.
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'failed';
}

function resultOf({ response, error, exchanges }: Account, took: number): string {
  const last = response ?? exchanges.at(-1)?.response ?? null;
  const status = last === null ? null : `${last.status} ${last.statusText}`.trimEnd();
  const answer = error === null || error.name === 'StatusError' ? status : failureOf(error);
  return `${answer ?? 'no answer'}, ${milliseconds(took)} ms, ${count(exchanges.length, 'exchange')}`;
}

/** Host and path, which is what tells exchanges apart. */
export function placeOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\?.*$/s, '');
}

function isResponse(subject: unknown): subject is Response {
  const { status, history, extensions } = (subject ?? {}) as Partial<Response>;
  return typeof status === 'number' && Array.isArray(history) && typeof extensions === 'object';
}

function isExchange(subject: unknown): subject is TracedExchange {
  const { request, timings, spans } = (subject ?? {}) as Partial<TracedExchange>;
  return typeof request === 'object' && typeof timings === 'object' && Array.isArray(spans);
}

function describe(subject: unknown): string {
  if (subject instanceof Error) return `a ${subject.name}`;
  if (Array.isArray(subject)) return subject.length === 0 ? 'an empty list' : 'a list';
  return isResponse(subject) ? subject.toString() : typeof subject;
}
