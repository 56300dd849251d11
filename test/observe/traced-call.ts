import type { ConnectionFacts, Outcome, Span } from '../../src/messages/timeline.ts';
import { TIMED_PHASES, type TimedPhase, type Timings } from '../../src/messages/timings.ts';
import type { TracedExchange, TracedRequest, TracedResponse } from '../../src/middleware/trace.ts';

/** An exchange as it might have been, from so many milliseconds on, with phases that took so many each. */
export function exchange(
  id: number,
  from: number,
  took: Partial<Record<TimedPhase, number>>,
  more: {
    cause?: TracedExchange['cause'];
    attempt?: number;
    request?: Partial<TracedRequest>;
    response?: Partial<TracedResponse> | null;
    connection?: Partial<ConnectionFacts> | null;
    outcome?: Outcome | null;
    error?: unknown;
    repeats?: number;
    reused?: boolean;
  } = {},
): TracedExchange {
  const spans: Span[] = [];
  let at = from;
  for (const phase of TIMED_PHASES) {
    const length = took[phase];
    if (length === undefined) continue;
    spans.push({ phase, from: at, to: at + length });
    at += length;
  }
  const connection: ConnectionFacts | null =
    more.connection === null
      ? null
      : {
          id: 1,
          protocol: 'http/1.1',
          remoteAddress: '192.0.2.1:443',
          tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', resumed: false },
          opening: { started: from, resolved: undefined, connected: undefined, secured: undefined },
          ...more.connection,
        };
  const { outcome = 'done', reused = false } = more;
  const timings: Timings = {
    started: from,
    ...(Object.fromEntries(TIMED_PHASES.map((phase) => [phase, took[phase] ?? null])) as Record<
      TimedPhase,
      number | null
    >),
    total: outcome === null ? null : at - from,
    reused,
    remoteAddress: connection?.remoteAddress ?? null,
    protocol: connection?.protocol ?? null,
  };
  return {
    id,
    call: 1,
    cause: more.cause ?? 'call',
    attempt: more.attempt ?? 1,
    hop: 0,
    date: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6) + from),
    request: {
      method: 'GET',
      url: 'https://shop.example/basket',
      headers: [],
      headSize: 100,
      bodySize: 0,
      body: null,
      ...more.request,
    },
    response:
      more.response === null
        ? null
        : {
            status: 200,
            statusText: 'OK',
            httpVersion: '1.1',
            headers: [],
            headSize: 200,
            bodySize: 1000,
            body: null,
            ...more.response,
          },
    connection,
    repeats: more.repeats ?? 0,
    timings,
    spans,
    outcome,
    error: more.error,
  };
}

/** A call that was redirected, failed with 503, and came to a good end. */
export const SHOPPING: readonly TracedExchange[] = [
  exchange(
    1,
    1000,
    { queued: 0.4, dns: 5, connect: 12, tls: 31, sent: 0.2, firstByte: 36, body: 2.4 },
    { response: { status: 302, statusText: 'Found', bodySize: 0 } },
  ),
  exchange(
    2,
    1088,
    { queued: 0.1, sent: 0.1, firstByte: 33, body: 0.8 },
    {
      cause: 'redirect',
      reused: true,
      request: { url: 'https://shop.example/basket/2026/November?user=REDACTED' },
      response: { status: 503, statusText: 'Service Unavailable', bodySize: 20 },
    },
  ),
  exchange(
    3,
    1242,
    { queued: 0.1, sent: 0.1, firstByte: 40, body: 35.8 },
    {
      cause: 'retry',
      attempt: 2,
      reused: true,
      request: { url: 'https://shop.example/basket/2026/November?user=REDACTED' },
      response: { bodySize: 48_300 },
    },
  ),
];
