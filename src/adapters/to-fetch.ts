import type { RequestInit } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import type { TimeoutInit } from '../messages/timeout.ts';
import { stack, type TransportLike } from '../transport.ts';
import { dataIn, isDataURL } from './to-fetch/data-url.ts';
import { fetchError } from './to-fetch/failures.ts';
import { fetchCall, withStream, type FetchCall, type FetchInit } from './to-fetch/fetch-call.ts';
import { isIntact } from './to-fetch/integrity.ts';
import { responsesOf, type ToWeb } from './to-fetch/web-response.ts';

export type { FetchFailure } from './to-fetch/failures.ts';

/** The platform's `fetch`, for whatever takes one. */
export interface AdaptedFetch {
  (
    input: string | URL | globalThis.Request,
    init?: globalThis.RequestInit,
  ): Promise<globalThis.Response>;
  /** The class of what it resolves to: clients that look for it here do not have to send a request to find it. */
  readonly Response: typeof globalThis.Response;
}

/** For every request that is sent through a fetch function: options of layers, by their names, and `timeout`. What `init` says counts more. */
export interface FetchDefaults extends Omit<
  RequestInit,
  'headers' | 'params' | 'body' | 'json' | 'form' | 'multipart' | 'signal' | 'expiresAt'
> {
  /**
   * Milliseconds. Default `{ read: null, pool: null }`: as in fetch, an answer and a connection are waited for as long as the caller's signal
   * lets them. Of what is left open, the transport's own timeouts count.
   */
  timeout?: TimeoutInit | undefined;
}

const NOT_DEFAULTS = ['headers', 'params', 'body', 'json', 'form', 'multipart', 'signal'];
const UNBOUNDED: TimeoutInit = { read: null, pool: null };
const NO_INIT: FetchInit = {};

/** Fetch §2.2.3 "null body status", 205 among them. */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * A transport, or a client with all that it has, as a `fetch` function: for SDKs that take one.
 *
 *     const client = new Client({ retry: { attempts: 3 } });
 *     const openai = new OpenAI({ fetch: toFetch(client), maxRetries: 0 });
 *
 * It takes what fetch takes, and resolves to the platform's own `Response`, with a body that pulls. It rejects as fetch does: with the
 * signal's reason, or with a `TypeError` whose cause has a code as Node's errors have (`ECONNREFUSED`, `ETIMEDOUT`); see `FetchFailure`.
 * A status is no error, whatever the client's `status` says. The transport stays yours to close.
 *
 * `redirect` is for the redirect layer: without one, a redirect is not followed. `cache` is for the cache. `credentials`, `keepalive`,
 * `mode`, `priority`, `referrer` and `referrerPolicy` mean nothing here, as in Node.
 *
 * @throws TypeError where `transport` is none, or `defaults` has what belongs to one request.
 */
export function toFetch(transport: TransportLike, defaults: FetchDefaults = {}): AdaptedFetch {
  if (typeof transport?.send !== 'function')
    throw new TypeError(
      `toFetch: expected a transport, got ${transport === null ? 'null' : typeof transport}`,
    );
  checkDefaults(defaults);
  const target = stack(transport);
  const { timeout = UNBOUNDED, status = false } = defaults;
  const options: RequestInit = { ...defaults, timeout, status };
  // Node loads the class when it is first asked for.
  let toWeb: ToWeb | null = null;

  const send = (call: FetchCall, init: RequestInit): Promise<globalThis.Response> =>
    target
      .stream(call.method, call.url, init)
      .then((response) => answered(call, response, (toWeb ??= responsesOf(globalThis.Response))))
      .catch(failed);

  const fetch = (input: unknown, init: FetchInit = NO_INIT): Promise<globalThis.Response> => {
    try {
      const call = fetchCall(input, init ?? NO_INIT, options);
      // No layer has anything to do with these, least of all one that counts or records.
      if (isDataURL(call.url)) return Promise.resolve(dataResponse(call));
      if (call.stream === null) return send(call, call.init);
      return withStream(call).then((whole) => send(call, whole));
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return Object.defineProperty(fetch, 'Response', {
    get: () => globalThis.Response,
    enumerable: true,
  }) as AdaptedFetch;
}

function failed(error: unknown): never {
  throw fetchError('fetch failed', error);
}

function answered(
  call: FetchCall,
  response: Response,
  toWeb: ToWeb,
): globalThis.Response | Promise<globalThis.Response> {
  const { status } = response;
  if (status < 200) return refused(response, `fetch has no use for a ${status}`);
  if (call.redirect === 'error' && REDIRECTS.has(status))
    return refused(response, `unexpected redirect, ${status}`);
  const isNull = NULL_BODY.has(status) || call.method.toUpperCase() === 'HEAD';
  if (call.integrity !== '') return intact(call, response).then(() => toWeb(response, isNull));
  try {
    return toWeb(response, isNull);
  } catch (error) {
    // The platform is stricter: a reason phrase beyond latin1, which a mock can have.
    return refused(response, String(error));
  } finally {
    // There is nothing to read in it, and so nobody would end it.
    if (isNull) void response.close();
  }
}

async function refused(response: Response, why: string): Promise<never> {
  await response.close();
  throw new TypeError('fetch failed', { cause: new Error(why) });
}

async function intact(call: FetchCall, response: Response): Promise<void> {
  if (await isIntact(await response.bytes(), call.integrity)) return;
  throw new TypeError('fetch failed', { cause: new Error('integrity mismatch') });
}

function dataResponse({ url }: FetchCall): globalThis.Response {
  const data = dataIn(url);
  if (data === null) throw new TypeError('fetch failed', { cause: new Error('invalid data: URL') });
  const response = new globalThis.Response(data.bytes, { headers: { 'content-type': data.type } });
  return Object.defineProperty(response, 'url', { value: data.url });
}

function checkDefaults(defaults: FetchDefaults): void {
  if (typeof defaults !== 'object' || defaults === null)
    throw new TypeError(
      `toFetch: expected defaults as an object, got ${defaults === null ? 'null' : typeof defaults}`,
    );
  const wrong = NOT_DEFAULTS.find((name) => name in defaults);
  if (wrong !== undefined)
    throw new TypeError(`toFetch: ${wrong} belongs to one request, or to the client`);
}
