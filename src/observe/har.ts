import type { Timings } from '../messages/timings.ts';
import type { TracedExchange, TracedRequest, TracedResponse } from '../middleware/trace.ts';
import { VERSION } from '../version.ts';
import { contentOf, written } from './har-content.ts';
import { cookiesSent, cookiesSet } from './har-cookies.ts';
import type { HAR, HAREntry, HARPair, HARRequest, HARResponse, HARTimings } from './har-format.ts';

/** How a `HARRecorder` keeps what it is told. */
export interface HARRecorderOptions {
  /** Exchanges that are kept, from 1: of more, the oldest are dropped. Default 1,000. */
  readonly maxEntries?: number | undefined;
}

/**
 * Keeps exchanges in the form of an HTTP Archive, to be looked at with the developer tools of a browser:
 *
 *     const har = new HARRecorder();
 *     await using client = new Client({ trace: { onExchange: har.onExchange, bodies: 100_000 } });
 *     …
 *     await writeFile('calls.har', JSON.stringify(har));
 */
export class HARRecorder {
  readonly #maxEntries: number;
  #entries: HAREntry[] = [];

  /** @throws TypeError where `maxEntries` is not a whole number from 1. */
  constructor({ maxEntries = 1000 }: HARRecorderOptions = {}) {
    if (!Number.isInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError(
        `HARRecorder: maxEntries: expected a whole number from 1, got ${String(maxEntries)}`,
      );
    }
    this.#maxEntries = maxEntries;
  }

  /** The listener: bound, to be given as `trace.onExchange`. */
  readonly onExchange = (exchange: TracedExchange): void => {
    this.#entries.push(entryOf(exchange));
    if (this.#entries.length > this.#maxEntries) this.#entries.shift();
  };

  /** How many there are. */
  get size(): number {
    return this.#entries.length;
  }

  clear(): void {
    this.#entries = [];
  }

  /** In the order in which they began. */
  toJSON(): HAR {
    return archive(this.#entries);
  }
}

/** Exchanges as an HTTP Archive 1.2: of `response.extensions.trace`, or as `trace.onExchange` got them. */
export function toHAR(exchanges: Iterable<TracedExchange>): HAR {
  return archive(Array.from(exchanges, entryOf));
}

function archive(entries: readonly HAREntry[]): HAR {
  return {
    log: {
      version: '1.2',
      creator: { name: 'strata-http', version: VERSION },
      entries: entries.toSorted(
        (a, b) => Date.parse(a.startedDateTime) - Date.parse(b.startedDateTime),
      ),
    },
  };
}

function entryOf(exchange: TracedExchange): HAREntry {
  const { request, response, connection, date, call, cause, attempt, error } = exchange;
  const timings = timingsOf(exchange.timings);
  const { ssl: _ssl, ...parts } = timings;
  const time = Object.values(parts).reduce((sum, part) => sum + Math.max(0, part), 0);
  const address = addressOf(connection?.remoteAddress ?? null);
  const httpVersion = versionOf(exchange);
  return {
    startedDateTime: date.toISOString(),
    time: microseconds(time),
    request: requestOf(request, httpVersion),
    response: response === null ? NO_RESPONSE : responseOf(response, httpVersion),
    cache: {},
    timings,
    ...(address === null ? {} : { serverIPAddress: address }),
    ...(connection === null ? {} : { connection: String(connection.id) }),
    _call: call,
    _cause: cause,
    _attempt: attempt,
    ...(error === undefined ? {} : { _error: messageOf(error) }),
  };
}

function requestOf(request: TracedRequest, httpVersion: string): HARRequest {
  const { method, url, body, headSize, bodySize } = request;
  const headers = request.headers.map(toPair);
  const mimeType = valueOf(headers, 'content-type') ?? '';
  return {
    method,
    url,
    httpVersion,
    cookies: cookiesSent(headers),
    headers,
    queryString: Array.from(new URL(url).searchParams, toPair),
    ...(body === null ? {} : { postData: { mimeType, ...postText(body, mimeType) } }),
    headersSize: headSize ?? -1,
    bodySize: bodySize ?? -1,
  };
}

function responseOf(response: TracedResponse, httpVersion: string): HARResponse {
  const { status, statusText, body, headSize, bodySize } = response;
  const headers = response.headers.map(toPair);
  // The format asks for a type even where none was given.
  const mimeType = valueOf(headers, 'content-type') ?? 'x-unknown';
  const coding = valueOf(headers, 'content-encoding');
  return {
    status,
    statusText,
    httpVersion,
    cookies: cookiesSet(headers),
    headers,
    content: contentOf(body, mimeType, coding, bodySize ?? 0),
    redirectURL: valueOf(headers, 'location') ?? '',
    headersSize: headSize ?? -1,
    bodySize: bodySize ?? -1,
  };
}

const NO_RESPONSE: HARResponse = {
  status: 0,
  statusText: '',
  httpVersion: '',
  cookies: [],
  headers: [],
  content: { size: 0, mimeType: 'x-unknown' },
  redirectURL: '',
  headersSize: -1,
  bodySize: -1,
};

/** The format has a place for base64 in responses only: here it is said in words. */
function postText(
  body: NonNullable<TracedRequest['body']>,
  mimeType: string,
): { readonly text: string; readonly comment?: string } {
  const { text, encoding } = written(body.bytes, mimeType);
  const remarks = [
    ...(encoding === undefined ? [] : [encoding]),
    ...(body.truncated ? [`the first ${body.bytes.byteLength} bytes`] : []),
  ];
  return remarks.length === 0 ? { text } : { text, comment: remarks.join(', ') };
}

function timingsOf({ queued, dns, connect, tls, sent, firstByte, body }: Timings): HARTimings {
  return {
    blocked: microseconds(queued ?? -1),
    dns: microseconds(dns ?? -1),
    connect: microseconds(connect === null && tls === null ? -1 : (connect ?? 0) + (tls ?? 0)),
    ssl: microseconds(tls ?? -1),
    send: microseconds(sent ?? 0),
    wait: microseconds(firstByte ?? 0),
    receive: microseconds(body ?? 0),
  };
}

/** What is finer than that is noise. */
function microseconds(time: number): number {
  return Math.round(time * 1000) / 1000;
}

function versionOf({ response, connection }: TracedExchange): string {
  if (response !== null) return `HTTP/${response.httpVersion}`;
  return connection?.protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1';
}

/** `127.0.0.1:80` and `[::1]:80` without the port; null for a socket's path. */
function addressOf(remoteAddress: string | null): string | null {
  return /^\[?([^[\]/\\]+?)\]?:\d+$/.exec(remoteAddress ?? '')?.[1] ?? null;
}

function toPair([name, value]: readonly [string, string]): HARPair {
  return { name, value };
}

function valueOf(headers: readonly HARPair[], wanted: string): string | null {
  return headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
