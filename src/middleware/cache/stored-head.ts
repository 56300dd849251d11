import { Headers } from '../../messages/headers.ts';
import type { Response } from '../../messages/response.ts';
import { directivesOf, namesIn } from './directives.ts';

/** What is stored besides a body: plain JSON. */
export type StoredHead = StoredResponse | VaryRule;

/** A response without its body. */
export interface StoredResponse {
  readonly kind: 'response';
  readonly id: string;
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** When it was received, or last confirmed: milliseconds since 1970. */
  readonly time: number;
  /** How old it was then, in seconds (RFC 9111 §4.2.3). */
  readonly age: number;
}

/** Stands where a response would, and says by which request headers those stored behind it are told apart. */
export interface VaryRule {
  readonly kind: 'vary';
  /** Part of the keys behind it: once the rule is gone, nobody finds them any more. */
  readonly id: string;
  /** In lower case, in order. */
  readonly names: readonly string[];
}

/** Fields about the connection (RFC 9111 §3.1), and those that are said once: a cookie is not set again by every hit. */
const NOT_STORED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'set-cookie2',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Fields about the stored body, which a 304 or the answer to a HEAD does not change (RFC 9111 §3.2). */
const OF_STORED_BODY: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-range',
]);

export function storedResponse(response: Response, time: number, age: number): StoredResponse {
  return {
    kind: 'response',
    id: crypto.randomUUID(),
    status: response.status,
    statusText: response.statusText,
    httpVersion: response.httpVersion,
    headers: storableFields(response.headers),
    time,
    age,
  };
}

/** The stored response with the fields of one that confirms it (RFC 9111 §3.2). */
export function freshened(
  stored: StoredResponse,
  headers: Headers,
  time: number,
  age: number,
): StoredResponse {
  const added = storableFields(headers).filter(([name]) => !OF_STORED_BODY.has(name.toLowerCase()));
  const replaced = new Set(added.map(([name]) => name.toLowerCase()));
  // An age that the new one does not speak of is that of the old one.
  replaced.add('age');
  const kept = stored.headers.filter(([name]) => !replaced.has(name.toLowerCase()));
  return { ...stored, headers: [...kept, ...added], time, age };
}

const made = new WeakMap<StoredResponse, Headers>();

/** The stored fields as `Headers`: made once for each head that is kept in memory. */
export function headersOf(stored: StoredResponse): Headers {
  let headers = made.get(stored);
  if (headers === undefined) made.set(stored, (headers = new Headers(stored.headers)));
  return headers;
}

/** Whether it is what this version stores. */
export function isStoredHead(value: unknown): value is StoredHead {
  const head = value as StoredHead | null | undefined;
  if (typeof head?.id !== 'string') return false;
  return head.kind === 'vary'
    ? Array.isArray(head.names)
    : head.kind === 'response' && isStoredResponse(head);
}

function isStoredResponse(head: StoredResponse): boolean {
  if (made.has(head)) return true;
  const numbers: unknown[] = [head.status, head.time, head.age];
  const texts: unknown[] = [head.statusText, head.httpVersion];
  if (!numbers.every(Number.isFinite) || !texts.every((text) => typeof text === 'string'))
    return false;
  try {
    headersOf(head);
    return true;
  } catch {
    return false;
  }
}

function storableFields(headers: Headers): [string, string][] {
  const named = new Set(namesIn(headers.get('connection')));
  // `no-cache="x"` is for caches that can leave a field out (RFC 9111 §5.2.2.4). `private="x"` is its like for shared ones, which
  // here do not store such a response at all.
  const noCache = directivesOf(headers, 'cache-control').get('no-cache');
  if (typeof noCache === 'string') for (const name of namesIn(noCache)) named.add(name);
  return [...headers].filter(([name]) => {
    const lowered = name.toLowerCase();
    return !NOT_STORED.has(lowered) && !named.has(lowered);
  });
}
