import { nearestOf } from '../options.ts';
import type { StoredBody } from './body.ts';
import { headersFrom, type StoredFields } from './fields.ts';

/** One request and what came of it, as they stand in the file. */
export interface StoredInteraction {
  /** Whatever there is to say about it, for people. */
  readonly note?: string | undefined;
  readonly request: StoredRequest;
  /** What came of it: exactly one of the three. */
  readonly response?: StoredResponse | undefined;
  readonly error?: StoredError | undefined;
  /** The caller gave up before anything came. */
  readonly unanswered?: true | undefined;
}

export interface StoredRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: StoredFields;
  readonly body?: StoredBody | undefined;
}

export interface StoredResponse {
  readonly status: number;
  readonly statusText?: string | undefined;
  readonly httpVersion?: string | undefined;
  readonly headers: StoredFields;
  readonly body?: StoredBody | undefined;
  readonly trailers?: StoredFields | undefined;
  /** The caller closed it here: what would have followed is not known. */
  readonly cut?: true | undefined;
  /** With what the body broke off. */
  readonly error?: StoredError | undefined;
  readonly timing?: StoredTiming | undefined;
}

export interface StoredError {
  /** ERR_CONNECT, ERR_READ_TIMEOUT, … */
  readonly code: string;
  readonly message: string;
  readonly phase?: string | undefined;
  /** Of a proxy. */
  readonly status?: number | undefined;
  readonly cause?: { readonly code: string; readonly message: string } | undefined;
}

export interface StoredTiming {
  /** Milliseconds until the head came. */
  readonly head: number;
  /** Milliseconds from the one before, and bytes, of each piece of the body. */
  readonly pieces: readonly (readonly [after: number, bytes: number])[];
}

const FORMAT = 'strata-http cassette';
const VERSION = 1;

/** The same interactions give the same text, so that a diff shows what has changed. */
export function print(interactions: readonly StoredInteraction[]): string {
  const text = JSON.stringify({ format: FORMAT, version: VERSION, interactions }, null, 2);
  // A pair of numbers takes one line: in a string no line ends, so that this is about values alone.
  return `${text.replace(/\[\n\s+(-?[\d.e+-]+),\n\s+(-?[\d.e+-]+)\n\s+\]/g, '[$1, $2]')}\n`;
}

/** @throws TypeError that says where the text is not what it has to be: it may have been edited. */
export function parse(text: string, path: string): StoredInteraction[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`cassette ${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
  try {
    const { format, version, interactions } = record('the file', file);
    if (format !== FORMAT) throw wrong('format', JSON.stringify(FORMAT), format);
    if (version !== VERSION) throw wrong('version', `${VERSION}, which is what is known`, version);
    return list('interactions', interactions).map((each, place) =>
      interaction(`interactions[${place}]`, each),
    );
  } catch (cause) {
    throw new TypeError(`cassette ${path}: ${(cause as Error).message}`, { cause });
  }
}

function interaction(at: string, value: unknown): StoredInteraction {
  const parts = record(at, value, ['note', 'request', 'response', 'error', 'unanswered']);
  optional(`${at}.note`, parts['note'], 'string');
  const outcomes = ['response', 'error', 'unanswered'].filter((name) => parts[name] !== undefined);
  if (outcomes.length !== 1)
    throw new TypeError(`${at}: expected one of response, error and unanswered`);
  request(`${at}.request`, parts['request']);
  if (parts['response'] !== undefined) response(`${at}.response`, parts['response']);
  if (parts['error'] !== undefined) error(`${at}.error`, parts['error']);
  only(`${at}.unanswered`, parts['unanswered']);
  return value as StoredInteraction;
}

function request(at: string, value: unknown): void {
  const parts = record(at, value, ['method', 'url', 'headers', 'body']);
  typed(`${at}.method`, parts['method'], 'string');
  typed(`${at}.url`, parts['url'], 'string');
  if (!URL.canParse(parts['url'] as string))
    throw new TypeError(`${at}.url: expected an absolute URL`);
  fields(`${at}.headers`, parts['headers']);
  body(`${at}.body`, parts['body']);
}

function response(at: string, value: unknown): void {
  const parts = record(at, value, RESPONSE_NAMES);
  const { status } = parts;
  if (!Number.isInteger(status) || (status as number) < 100 || (status as number) > 999)
    throw wrong(`${at}.status`, 'a whole number from 100 to 999', status);
  optional(`${at}.statusText`, parts['statusText'], 'string');
  optional(`${at}.httpVersion`, parts['httpVersion'], 'string');
  fields(`${at}.headers`, parts['headers']);
  body(`${at}.body`, parts['body']);
  if (parts['trailers'] !== undefined) fields(`${at}.trailers`, parts['trailers']);
  only(`${at}.cut`, parts['cut']);
  if (parts['error'] !== undefined) error(`${at}.error`, parts['error']);
  if (parts['timing'] !== undefined) timing(`${at}.timing`, parts['timing']);
}

const RESPONSE_NAMES = [
  'status',
  'statusText',
  'httpVersion',
  'headers',
  'body',
  'trailers',
  'cut',
  'error',
  'timing',
];

function error(at: string, value: unknown): void {
  const parts = record(at, value, ['code', 'message', 'phase', 'status', 'cause']);
  typed(`${at}.code`, parts['code'], 'string');
  typed(`${at}.message`, parts['message'], 'string');
  optional(`${at}.phase`, parts['phase'], 'string');
  optional(`${at}.status`, parts['status'], 'number');
  if (parts['cause'] === undefined) return;
  const cause = record(`${at}.cause`, parts['cause'], ['code', 'message']);
  typed(`${at}.cause.code`, cause['code'], 'string');
  typed(`${at}.cause.message`, cause['message'], 'string');
}

function timing(at: string, value: unknown): void {
  const parts = record(at, value, ['head', 'pieces']);
  const natural = (place: string, number: unknown): void => {
    if (!(typeof number === 'number' && number >= 0)) throw wrong(place, 'a number from 0', number);
  };
  natural(`${at}.head`, parts['head']);
  list(`${at}.pieces`, parts['pieces']).forEach((each, place) => {
    const pair = list(`${at}.pieces[${place}]`, each);
    natural(`${at}.pieces[${place}][0]`, pair[0]);
    natural(`${at}.pieces[${place}][1]`, pair[1]);
  });
}

function body(at: string, value: unknown): void {
  if (value === undefined) return;
  const parts = record(at, value, ['json', 'indent', 'end', 'text', 'base64']);
  const kinds = ['json', 'text', 'base64'].filter((name) => parts[name] !== undefined);
  if (kinds.length !== 1) throw new TypeError(`${at}: expected one of json, text and base64`);
  optional(`${at}.indent`, parts['indent'], 'string');
  optional(`${at}.end`, parts['end'], 'string');
  if (kinds[0] !== 'json') lines(`${at}.${kinds[0] as string}`, parts[kinds[0] as string]);
}

function fields(at: string, value: unknown): void {
  for (const [name, each] of Object.entries(record(at, value))) lines(`${at}.${name}`, each);
  try {
    headersFrom(value as StoredFields);
  } catch (cause) {
    throw new TypeError(`${at}: ${(cause as Error).message}`, { cause });
  }
}

function lines(at: string, value: unknown): void {
  if (typeof value === 'string') return;
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
    throw wrong(at, 'a string, or a list of strings', value);
}

/** `names`: what there may be in it; left out, anything. */
function record(at: string, value: unknown, names?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(at, 'an object', value);
  for (const name of names === undefined ? [] : Object.keys(value)) {
    if (names?.includes(name)) continue;
    const nearest = nearestOf(name, names as readonly string[]);
    throw new TypeError(
      `${at}: there is no ${JSON.stringify(name)}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    );
  }
  return value as Record<string, unknown>;
}

function list(at: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(at, 'a list', value);
  return value as readonly unknown[];
}

function typed(at: string, value: unknown, type: 'string' | 'number'): void {
  if (typeof value !== type) throw wrong(at, `a ${type}`, value);
}

function optional(at: string, value: unknown, type: 'string' | 'number'): void {
  if (value !== undefined) typed(at, value, type);
}

function only(at: string, value: unknown): void {
  if (value !== undefined && value !== true) throw wrong(at, 'true, or nothing', value);
}

/** What there is may be a secret that was put in by hand: of a string, only that it is one. */
function wrong(at: string, expected: string, value: unknown): TypeError {
  const came =
    value === undefined
      ? 'nothing'
      : value === null || typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : Array.isArray(value)
          ? 'a list'
          : typeof value === 'object'
            ? 'an object'
            : `a ${typeof value}`;
  return new TypeError(`${at}: expected ${expected}, got ${came}`);
}
