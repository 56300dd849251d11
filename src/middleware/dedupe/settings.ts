import type { Request } from '../../messages/request.ts';
import { identityOf } from './identity.ts';

/** Which requests are the same, and how far their readers may be apart. */
export interface DedupeOptions {
  /**
   * Header fields that make no difference, in any case. Credentials, cookies, `Accept`, `Accept-*`, `Range`, `Host` and conditions (`If-*`)
   * always do. Default: what only traces requests (`traceparent`, `tracestate`, `baggage`, `x-request-id`, `x-correlation-id`).
   */
  readonly ignoreHeaders?: readonly string[] | undefined;
  /**
   * What a GET or HEAD is the same by, beside its method; `null`: it is sent alone. Default: its URL, its timeouts, and all its headers but
   * `ignoreHeaders`. What the response depends on has to be in it, credentials above all. What it throws ends the request.
   */
  readonly key?: ((request: Request) => string | null) | undefined;
  /**
   * Bytes of a body that one reader may be ahead of another, from 1: then the source waits for the slower one. `null`: no bound. A piece is
   * never divided, so it may be one more. Default 8 MiB.
   */
  readonly maxBuffer?: number | null | undefined;
  /**
   * How long a reader may hold the others up in this way, in milliseconds above 0: then its own body ends with a `TransportError`, and the others
   * go on. `null`: for ever. Default 5,000.
   */
  readonly maxStall?: number | null | undefined;
}

/** The options by name, for those who check them. */
export const DEDUPE_OPTION_NAMES: readonly string[] = [
  'ignoreHeaders',
  'key',
  'maxBuffer',
  'maxStall',
];

/** The options, all decided. */
export interface DedupeSettings {
  readonly key: (request: Request) => string | null;
  readonly maxBuffer: number;
  readonly maxStall: number;
}

/** Different for each request, and nothing to a response. */
const TRACING = ['traceparent', 'tracestate', 'baggage', 'x-request-id', 'x-correlation-id'];
/** What a response depends on, whatever anybody says: to leave one out is to hand one user's response to another. */
const ALWAYS_COUNTS =
  /^(?:authorization|proxy-authorization|cookie|accept|accept-.*|range|host|if-.*)$/;

/** @throws TypeError on an option that is not what it has to be. */
export function resolveSettings(options: DedupeOptions): DedupeSettings {
  if (typeof options !== 'object' || options === null) {
    const came = options === null ? 'null' : typeof options;
    throw new TypeError(`dedupe: expected an object of options, got ${came}`);
  }
  const { ignoreHeaders = TRACING, key } = options;
  if (key !== undefined && typeof key !== 'function')
    throw new TypeError(`dedupe.key: expected a function, got ${typeof key}`);
  const ignored = fieldNames(ignoreHeaders);
  return {
    key: key ?? ((request) => identityOf(request, ignored)),
    maxBuffer: bound('maxBuffer', 'bytes from 1', 1, options.maxBuffer, 8 * 1024 * 1024),
    maxStall: bound('maxStall', 'milliseconds above 0', Number.MIN_VALUE, options.maxStall, 5000),
  };
}

function fieldNames(names: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new TypeError('dedupe.ignoreHeaders: expected a list of field names');
  const lowered = names.map((name: string) => name.toLowerCase());
  const counting = lowered.find((name) => ALWAYS_COUNTS.test(name));
  if (counting !== undefined) {
    throw new TypeError(
      `dedupe.ignoreHeaders: expected fields that no response depends on, got ${counting}`,
    );
  }
  return new Set(lowered);
}

function bound(
  name: string,
  expected: string,
  least: number,
  value: number | null | undefined,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (value === null) return Infinity;
  if (typeof value !== 'number' || !(value >= least))
    throw new TypeError(`dedupe.${name}: expected ${expected}, or null, got ${String(value)}`);
  return value;
}
