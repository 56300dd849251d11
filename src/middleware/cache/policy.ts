import type CachePolicy from 'http-cache-semantics';
import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { directivesOf, namesIn, seconds, type Directives } from './directives.ts';
import { httpDate } from './http-date.ts';
import { headersOf, type StoredResponse } from './stored-head.ts';

/** What may be done with a stored response: used; used while it is fetched anew behind it (RFC 5861 §3); or only once the server has confirmed it. */
export type Verdict = 'use' | 'use-and-refresh' | 'confirm';

export interface PolicyOptions {
  readonly shared: boolean;
  /** The part of its age since Last-Modified for which a response stays fresh that does not say. */
  readonly heuristic: number;
}

/** Status codes whose meaning for a cache is known: what `must-understand` is about (RFC 9111 §5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501,
]);

/** Where it says nothing, a 304 or a part would be taken for a whole. */
const NEVER_WHOLE: ReadonlySet<number> = new Set([206, 304]);

/** Answers to which RFC 5861 §4 gives a stale response instead. */
export const SERVER_ERRORS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * The rules of RFC 9111, by http-cache-semantics. That reads headers as they mostly come; what it is handed here has been put in order before:
 * directives in lower case and out of their quotes, dates that are dates, ages as the RFC computes them. What it takes for more, or less,
 * than the RFC does, is decided here: must-revalidate, statuses it does not know, Pragma in responses.
 */
export class Policies {
  readonly #options: PolicyOptions;
  readonly #Policy: TimedPolicy;
  readonly #made = new WeakMap<StoredResponse, CachePolicy>();

  private constructor(Policy: TimedPolicy, options: PolicyOptions) {
    this.#Policy = Policy;
    this.#options = options;
  }

  static async load(options: PolicyOptions): Promise<Policies> {
    return new Policies(await (timedPolicy ??= loadPolicy()), options);
  }

  /** Whether the response to this GET may be stored (RFC 9111 §3). */
  mayStore(request: Request, response: Response, time: number): boolean {
    const { status, headers } = response;
    if (status < 200 || NEVER_WHOLE.has(status)) return false;
    if (namesIn(headers.get('vary')).includes('*')) return false;
    // RFC 9111 allows it, and many a session has been handed to strangers that way.
    const isPublic = directivesOf(headers, 'cache-control').has('public');
    if (this.#options.shared && headers.has('set-cookie') && !isPublic) return false;
    const authorization = request.headers.has('authorization') ? { authorization: 'yes' } : {};
    return this.#policyFor(status, headers, time, 0, authorization).storable();
  }

  /** How old a response was when it arrived, in whole seconds (RFC 9111 §4.2.3), as dates have them. `sent` and `arrived` are times on this clock. */
  ageOnArrival(headers: Headers, sent: number, arrived: number): number {
    const date = httpDate(headers.get('date'), arrived) ?? arrived;
    const apparent = Math.max(0, (arrived - date) / 1000);
    return Math.floor(Math.max(apparent, ageValue(headers) + (arrived - sent) / 1000));
  }

  /** In seconds, now. */
  age(stored: StoredResponse, now: number): number {
    return Math.max(0, stored.age + (now - stored.time) / 1000);
  }

  /** The seconds for which it stays fresh; below 0 where it is stale. */
  timeLeft(stored: StoredResponse, now: number): number {
    return this.#of(stored, now).maxAge() - this.age(stored, now);
  }

  /** Fresh, and said not to change while it is (RFC 8246): a reload need not ask. */
  unchanging(stored: StoredResponse, now: number): boolean {
    return responseDirectives(stored).has('immutable') && this.timeLeft(stored, now) > 0;
  }

  verdict(stored: StoredResponse, request: Request, now: number): Verdict {
    const wanted = requestDirectives(request.headers);
    const unchanging = this.unchanging(stored, now);
    if (wanted.has('no-cache') || (wanted.get('max-age') === '0' && !unchanging)) return 'confirm';
    const policy = this.#of(stored, now);
    if (policy.stale() && this.#neverStale(stored)) return 'confirm';
    const directives = unchanging ? '' : written(wanted, ['max-age', 'min-fresh', 'max-stale']);
    const { response, revalidation } = policy.evaluateRequest({
      headers: { 'cache-control': directives },
    });
    if (response === undefined) return 'confirm';
    return revalidation === undefined ? 'use' : 'use-and-refresh';
  }

  /** Whether it may stand in where the server fails (RFC 5861 §4): the response, or the request, says for how long. */
  mayReplaceError(stored: StoredResponse, request: Request, now: number): boolean {
    if (this.#neverStale(stored)) return false;
    const longest = Math.max(
      seconds(responseDirectives(stored), 'stale-if-error') || 0,
      seconds(requestDirectives(request.headers), 'stale-if-error') || 0,
    );
    return longest > 0 && this.timeLeft(stored, now) + longest > 0;
  }

  /** Whether it must not be used stale, whatever a request allows (RFC 9111 §4.2.4). */
  #neverStale(stored: StoredResponse): boolean {
    const directives = responseDirectives(stored);
    return (
      directives.has('must-revalidate') ||
      directives.get('no-cache') === true ||
      (this.#options.shared && (directives.has('proxy-revalidate') || directives.has('s-maxage')))
    );
  }

  #of(stored: StoredResponse, now: number): CachePolicy {
    let policy = this.#made.get(stored);
    if (policy === undefined) {
      const { status, time, age } = stored;
      this.#made.set(
        stored,
        (policy = this.#policyFor(status, headersOf(stored), time, age, undefined)),
      );
    }
    this.#Policy.time = now;
    return policy;
  }

  /** `credentials` are left out where it has been decided that it may be stored: what then matters is how long it is fresh. */
  #policyFor(
    status: number,
    headers: Headers,
    time: number,
    age: number,
    credentials: { authorization?: string } | undefined,
  ): CachePolicy {
    const { shared, heuristic } = this.#options;
    const given = directivesOf(headers, 'cache-control');
    const directives = new Map(given);
    if (given.has('must-understand')) {
      if (UNDERSTOOD.has(status)) directives.delete('no-store');
      else directives.set('no-store', true);
    }
    // For storing, must-revalidate allows; for using, it is asked about here, and only once the response is stale.
    if (credentials === undefined) directives.delete('must-revalidate');
    // With names, it is about those fields alone: they are not stored.
    if (typeof given.get('no-cache') === 'string') directives.delete('no-cache');

    const record: Record<string, string> = {
      'cache-control': written(directives, KNOWN),
      age: String(age),
    };
    const date = httpDate(headers.get('date'), time);
    if (date !== null) record['date'] = new Date(date).toUTCString();
    if (headers.has('expires')) {
      const expires = httpDate(headers.get('expires'), time);
      record['expires'] = expires === null ? '0' : new Date(expires).toUTCString();
    }
    const modified = httpDate(headers.get('last-modified'), time);
    if (modified !== null) record['last-modified'] = new Date(modified).toUTCString();

    const explicit =
      directives.has('public') ||
      directives.has('max-age') ||
      record['expires'] !== undefined ||
      (shared && directives.has('s-maxage'));
    this.#Policy.time = time;
    return new this.#Policy(
      { method: 'GET', headers: credentials ?? {} },
      // What says itself how long it is fresh may be stored whatever its status (RFC 9111 §3).
      { status: explicit && !UNDERSTOOD.has(status) ? 200 : status, headers: record },
      { shared, cacheHeuristic: heuristic },
    );
  }
}

/** Directives that http-cache-semantics goes by; `immutable` would make it guess how long. */
const KNOWN: readonly string[] = [
  'no-store',
  'no-cache',
  'private',
  'public',
  'max-age',
  's-maxage',
  'must-revalidate',
  'stale-while-revalidate',
];

const WITH_SECONDS: ReadonlySet<string> = new Set([
  'max-age',
  's-maxage',
  'min-fresh',
  'max-stale',
  'stale-while-revalidate',
]);

/** As text again, in the one form that everybody reads. A number that is none is 0: such a response is stale (RFC 9111 §4.2.1). */
function written(directives: Directives, names: readonly string[]): string {
  return names
    .filter((name) => directives.has(name))
    .map((name) => {
      if (!WITH_SECONDS.has(name) || (name === 'max-stale' && directives.get(name) === true))
        return name;
      return `${name}=${seconds(directives, name) || 0}`;
    })
    .join(', ');
}

/** Of a request; `Pragma: no-cache` counts where there is no Cache-Control (RFC 9111 §5.4). */
export function requestDirectives(headers: Headers): Directives {
  return headers.has('cache-control')
    ? directivesOf(headers, 'cache-control')
    : directivesOf(headers, 'pragma');
}

const read = new WeakMap<StoredResponse, Directives>();

function responseDirectives(stored: StoredResponse): Directives {
  let directives = read.get(stored);
  if (directives === undefined)
    read.set(stored, (directives = directivesOf(headersOf(stored), 'cache-control')));
  return directives;
}

/** The first one counts; one that is no number is passed over (RFC 9111 §5.1). */
function ageValue(headers: Headers): number {
  const age = /^(\d+)[\t ]*(?:[,;]|$)/.exec(headers.get('age') ?? '')?.[1];
  return age === undefined ? 0 : Math.min(Number(age), 2 ** 31);
}

/** http-cache-semantics with a clock that is set by hand: each question is asked, and answered, at one time. */
type TimedPolicy = typeof CachePolicy & { time: number };

let timedPolicy: Promise<TimedPolicy> | undefined;

async function loadPolicy(): Promise<TimedPolicy> {
  const { default: Policy } = await import('http-cache-semantics');
  return class extends Policy {
    static time = 0;

    now(): number {
      return (this.constructor as unknown as TimedPolicy).time;
    }
  };
}
