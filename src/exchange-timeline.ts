import { channel, type Channel } from 'node:diagnostics_channel';
import type { Headers } from './messages/headers.ts';
import type { Request } from './messages/request.ts';
import {
  Timeline,
  type ConnectionFacts,
  type OpeningMarks,
  type OpeningUnderWay,
  type Outcome,
} from './messages/timeline.ts';
import type { Timings } from './messages/timings.ts';

/*
 * What happens below the layers, for whoever listens: on the channels of `node:diagnostics_channel`, and in the `Timeline` that a request
 * brings. Where nobody listens and there is none, an exchange has no timeline, and nothing is done.
 *
 * Messages hold no secrets: no headers, no query, no credentials. They are published in microtasks of their own, in order, and before
 * the caller hears of the same: whatever a subscriber does, it does not get in between of what the pool does. What it throws does not reach the
 * request: Node.js makes an uncaught exception of it.
 */

/** What every message about a request has. */
export interface RequestEvent {
  /** The same for all events of one exchange, and for nothing else in this process. */
  readonly id: number;
  readonly method: string;
  readonly origin: string;
  /** Without the query. */
  readonly path: string;
  /** On the `performance.now()` clock. */
  readonly at: number;
}

/** `strata-http:request:connected`: it has a connection. Comes again, with a higher attempt, where that turned out to be dead. */
export interface RequestConnectedEvent extends RequestEvent {
  /** The connection's id. */
  readonly connection: number;
  /** Whether the connection had served a request before. */
  readonly reused: boolean;
  readonly remoteAddress: string | null;
  readonly protocol: string;
  /** 1, or 2 after a dead connection. */
  readonly attempt: number;
}

/** `strata-http:request:sent`: all of the request has been written. Bytes; the body's without framing. */
export interface RequestSentEvent extends RequestEvent {
  readonly headSize: number;
  readonly bodySize: number;
}

/** `strata-http:request:head`: the head of the final response is there. */
export interface RequestHeadEvent extends RequestEvent {
  readonly status: number;
}

/** `strata-http:request:done`: the response has ended, or been closed by its reader before its end. */
export interface RequestDoneEvent extends RequestEvent {
  readonly outcome: 'done' | 'closed';
  /** null: the response was closed before its head was there. */
  readonly status: number | null;
  readonly timings: Timings;
}

/** `strata-http:request:error`: it failed, before the response or in its body. */
export interface RequestErrorEvent extends RequestEvent {
  readonly error: unknown;
  readonly status: number | null;
  readonly timings: Timings;
}

/** What every message about the opening of a connection has. Durations are in milliseconds; null: there was none, or it was not over. */
export interface ConnectionEvent {
  readonly origin: string;
  readonly at: number;
  readonly dns: number | null;
  readonly connect: number | null;
  readonly tls: number | null;
}

/** `strata-http:connection:opened` */
export interface ConnectionOpenedEvent extends ConnectionEvent {
  readonly connection: number;
  readonly remoteAddress: string | null;
  readonly protocol: string;
}

/** `strata-http:connection:failed`: it could not be opened, or nobody wanted it any more. */
export interface ConnectionFailedEvent extends ConnectionEvent {
  readonly error: Error;
}

/** The channels: name → what their messages are. */
export interface DiagnosticsEvents {
  'strata-http:request:start': RequestEvent;
  'strata-http:request:queued': RequestEvent;
  'strata-http:request:connected': RequestConnectedEvent;
  'strata-http:request:sent': RequestSentEvent;
  'strata-http:request:first-byte': RequestEvent;
  'strata-http:request:head': RequestHeadEvent;
  'strata-http:request:done': RequestDoneEvent;
  'strata-http:request:error': RequestErrorEvent;
  'strata-http:connection:opened': ConnectionOpenedEvent;
  'strata-http:connection:failed': ConnectionFailedEvent;
}

const start: Channel = channel('strata-http:request:start');
const queued: Channel = channel('strata-http:request:queued');
const connected: Channel = channel('strata-http:request:connected');
const sent: Channel = channel('strata-http:request:sent');
const firstByte: Channel = channel('strata-http:request:first-byte');
const head: Channel = channel('strata-http:request:head');
const done: Channel = channel('strata-http:request:done');
const failed: Channel = channel('strata-http:request:error');
const opened: Channel = channel('strata-http:connection:opened');
const openingFailed: Channel = channel('strata-http:connection:failed');

/** The timeline of an exchange that begins now; null where nobody wants one, which is the usual case: it has to cost nothing. */
export function timelineFor(request: Request): ExchangeTimeline | null {
  const { timeline } = request.extensions;
  return timeline === undefined && !isListenedTo()
    ? null
    : new ExchangeTimeline(request, timeline ?? new Timeline());
}

function isListenedTo(): boolean {
  return (
    start.hasSubscribers ||
    queued.hasSubscribers ||
    connected.hasSubscribers ||
    sent.hasSubscribers ||
    firstByte.hasSubscribers ||
    head.hasSubscribers ||
    done.hasSubscribers ||
    failed.hasSubscribers
  );
}

/** Where the pool and its connections say what happens to an exchange. */
export class ExchangeTimeline {
  readonly #request: Request;
  readonly #timeline: Timeline;
  #status: number | null = null;
  #attempt = 0;
  #over = false;

  constructor(request: Request, timeline: Timeline) {
    this.#request = request;
    this.#timeline = timeline;
    timeline.submitted();
    this.#tell<RequestEvent>(start, {});
  }

  /** All connections are in use: it waits for one. */
  queued(): void {
    this.#tell<RequestEvent>(queued, {});
  }

  /** It waits for this connection. */
  opening(opening: OpeningUnderWay): void {
    this.#timeline.opening(opening, performance.now());
  }

  /** It goes over this connection. */
  connected(connection: ConnectionFacts, reused: boolean): void {
    this.#attempt++;
    this.#timeline.connected(connection, reused, performance.now());
    const { id, remoteAddress, protocol } = connection;
    this.#tell<RequestConnectedEvent>(connected, {
      connection: id,
      reused,
      remoteAddress,
      protocol,
      attempt: this.#attempt,
    });
  }

  /** Head and body have been written together. Bytes, those of the body without framing. */
  sentWhole(headSize: number, bodySize: number): void {
    this.wroteHead(headSize);
    this.wrote(bodySize);
    this.sent();
  }

  /** The head has been written, and the body follows. */
  wroteHead(headSize: number): void {
    this.#timeline.headSent = headSize;
    this.#timeline.bodySent = 0;
  }

  /** Of the body, so much has been written by now. */
  wrote(bodySize: number): void {
    this.#timeline.bodySent = bodySize;
  }

  /** All has been written. */
  sent(): void {
    const { headSent, bodySent } = this.#timeline;
    this.#timeline.sent(performance.now());
    this.#tell<RequestSentEvent>(sent, { headSize: headSent ?? 0, bodySize: bodySent ?? 0 });
  }

  /** The first byte of the answer has come. */
  heard(now: number): void {
    this.#timeline.heard(now);
    this.#tell<RequestEvent>(firstByte, {});
  }

  /** The head of the final response has come. */
  answered({ status, statusText }: StatusLine, headers: Headers): void {
    const fields = headers.toString().length;
    this.#status = status;
    this.#timeline.headReceived = STATUS_LINE + statusText.length + fields + HEAD_END;
    this.#tell<RequestHeadEvent>(head, { status });
  }

  /** The response is complete. */
  done(): void {
    this.#end('done');
  }

  /** The reader has closed the response. */
  closed(): void {
    this.#end('closed');
  }

  failed(error: unknown): void {
    if (!this.#ends('failed', error, failed)) return;
    const timings = this.#timeline.timings.toJSON();
    this.#tell<RequestErrorEvent>(failed, { error, status: this.#status, timings });
  }

  #end(outcome: 'done' | 'closed'): void {
    if (!this.#ends(outcome, undefined, done)) return;
    const timings = this.#timeline.timings.toJSON();
    this.#tell<RequestDoneEvent>(done, { outcome, status: this.#status, timings });
  }

  /** Whether it ends by this, and somebody is to be told. */
  #ends(outcome: Outcome, error: unknown, to: Channel): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timeline.end(outcome, error, performance.now());
    return to.hasSubscribers;
  }

  #tell<Event extends RequestEvent>(to: Channel, details: Omit<Event, keyof RequestEvent>): void {
    if (!to.hasSubscribers) return;
    const { method, origin, target } = this.#request;
    const path = target.split('?', 1)[0] ?? '';
    const { id } = this.#timeline;
    publish(to, { id, method, origin, path, at: performance.now(), ...details });
  }
}

function publish(to: Channel, message: RequestEvent | ConnectionEvent): void {
  queueMicrotask(() => to.publish(message));
}

interface StatusLine {
  readonly status: number;
  readonly statusText: string;
}

/** `HTTP/1.1 200 ` */
const STATUS_LINE = 13;
/** Two line breaks. */
const HEAD_END = 4;

/** What the pool is given when a connection is there. */
interface OpenedStream {
  readonly remoteAddress: string | undefined;
  readonly tls: ConnectionFacts['tls'];
  readonly timings: OpeningMarks;
}

let last = 0;

/** What is known of a connection: kept, for it may be asked for by any of its exchanges. */
export function connectionOpened(
  origin: string,
  protocol: string,
  { remoteAddress, tls, timings }: OpenedStream,
): ConnectionFacts {
  const facts: ConnectionFacts = {
    id: ++last,
    protocol,
    remoteAddress: remoteAddress ?? null,
    tls,
    opening: timings,
  };
  if (opened.hasSubscribers) {
    const { id: connection, remoteAddress: address } = facts;
    const event: ConnectionOpenedEvent = {
      ...durations(origin, timings),
      connection,
      remoteAddress: address,
      protocol,
    };
    publish(opened, event);
  }
  return facts;
}

export function connectionFailed(
  origin: string,
  { progress }: OpeningUnderWay,
  error: Error,
): void {
  if (!openingFailed.hasSubscribers) return;
  const event: ConnectionFailedEvent = { ...durations(origin, progress), error };
  publish(openingFailed, event);
}

function durations(origin: string, marks: OpeningMarks | undefined): ConnectionEvent {
  const { started = NaN, resolved, connected, secured } = marks ?? {};
  return {
    origin,
    at: performance.now(),
    dns: between(started, resolved),
    connect: between(resolved ?? started, connected),
    tls: between(connected, secured),
  };
}

function between(from: number | undefined, to: number | undefined): number | null {
  return from === undefined || to === undefined ? null : to - from;
}
