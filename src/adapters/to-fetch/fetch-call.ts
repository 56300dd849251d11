import type { HeadersInit } from '../../messages/headers.ts';
import type { RequestInit } from '../../messages/request.ts';
import { bodyOf, peeked, textOf } from './request-body.ts';

/** What fetch is called with: of whichever implementation, it is looked at by its members. */
export interface FetchInit {
  readonly method?: string | undefined;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
  readonly redirect?: string | undefined;
  readonly cache?: string | undefined;
  readonly integrity?: string | undefined;
}

interface RequestLike extends FetchInit {
  readonly method: string;
  readonly url: string;
  readonly bodyUsed?: boolean;
}

/** One call of fetch, read and checked. */
export interface FetchCall {
  readonly method: string;
  readonly url: string | URL;
  readonly redirect: Redirect;
  readonly integrity: string;
  readonly init: RequestInit;
  /** Where the body is that of a `Request`: the body, to be had first. */
  readonly stream: unknown;
}

type Redirect = 'follow' | 'error' | 'manual' | undefined;

const REDIRECTS: ReadonlySet<unknown> = new Set<Redirect>(['follow', 'error', 'manual', undefined]);
/** Fetch §2.2.1. */
const FORBIDDEN = /^(?:connect|trace|track)$/i;
const NO_BODY = /^(?:get|head)$/i;

/** Reads what fetch was called with. @throws TypeError on what fetch refuses. */
export function fetchCall(input: unknown, init: FetchInit, defaults: RequestInit): FetchCall {
  const request = isRequest(input) ? input : null;
  const method = init.method ?? request?.method ?? 'GET';
  if (FORBIDDEN.test(method)) throw new TypeError(`method: fetch does not send ${method}`);
  const redirect = redirectIn(init, request);
  const body = init.body ?? request?.body ?? null;
  if (body !== null && NO_BODY.test(method))
    throw new TypeError(`body: fetch sends none with ${method}`);
  const isOfRequest = body !== null && body === request?.body;
  if (isOfRequest && request.bodyUsed === true)
    throw new TypeError('body: the body of this Request has been used already');
  const options: RequestInit = { ...defaults };
  const headers = init.headers ?? request?.headers;
  if (headers !== undefined && headers !== null) options.headers = fieldsOf(headers);
  if (body !== null && !isOfRequest) options.body = bodyOf(body);
  const signal = init.signal === undefined ? request?.signal : init.signal;
  if (signal !== undefined) options.signal = signal;
  if (redirect !== undefined) options.redirect = redirect === 'follow';
  const cache = init.cache ?? request?.cache ?? 'default';
  if (cache !== 'default') options.cache = cache as NonNullable<RequestInit['cache']>;
  return {
    method,
    url: request === null ? urlOf(input) : request.url,
    redirect,
    integrity: init.integrity ?? request?.integrity ?? '',
    init: options,
    stream: isOfRequest ? body : null,
  };
}

/** The options, with the body of the `Request` that fetch was called with. */
export async function withStream({ init, stream }: FetchCall): Promise<RequestInit> {
  return { ...init, body: await peeked(stream) };
}

/** Not `instanceof`: those of npm's undici and of node-fetch are requests too. */
function isRequest(input: unknown): input is RequestLike {
  if (typeof input !== 'object' || input === null) return false;
  const { url, method } = input as Partial<RequestLike>;
  return typeof url === 'string' && typeof method === 'string';
}

function urlOf(input: unknown): string | URL {
  if (typeof input === 'object' && input !== null && 'href' in input) return input as URL;
  return textOf(input);
}

/** A `Request` always says something, 'follow' by itself: that is then for the transport to decide. */
function redirectIn(init: FetchInit, request: RequestLike | null): Redirect {
  const inherited = request?.redirect === 'follow' ? undefined : request?.redirect;
  const redirect = init.redirect ?? inherited;
  if (REDIRECTS.has(redirect)) return redirect as Redirect;
  throw new TypeError(
    `redirect: expected 'follow', 'error' or 'manual', got ${JSON.stringify(redirect)}`,
  );
}

/** White space around a value, which fetch takes off: line breaks too. */
const AROUND = /^[\t\n\r ]+|[\t\n\r ]+$/g;

/** Headers of whichever class, pairs or a record. Values become text, as in fetch; what is undefined or null is left out. */
function fieldsOf(headers: unknown): HeadersInit {
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError(`headers: expected Headers, pairs or a record, got ${typeof headers}`);
  const given = (Symbol.iterator in headers ? headers : Object.entries(headers)) as Iterable<
    [unknown, unknown]
  >;
  const fields: [string, string][] = [];
  for (const [name, value] of given) {
    if (value === undefined || value === null) continue;
    fields.push([textOf(name), textOf(value).replace(AROUND, '')]);
  }
  return fields;
}
