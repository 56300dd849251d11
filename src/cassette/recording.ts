import type { Request } from '../messages/request.ts';
import { checkOptionNames } from '../options.ts';
import { Redaction, type RedactOptions } from './redaction.ts';

/** How requests and what came of them are recorded. */
export interface RecordOptions {
  /**
   * What is taken out beside the defaults: names of header fields, of query parameters and of fields in bodies, and secrets by their
   * values. false: nothing is taken out.
   */
  redact?: RedactOptions | false | undefined;
  /** Header fields that are not recorded, of requests and responses: those that differ each time, such as `date`. Default none. */
  omit?: readonly string[] | undefined;
  /** Whether compressed bodies are stored as what they are, without `Content-Encoding`. Default true; false: as they came. */
  decode?: boolean | undefined;
  /** Whether it is recorded, and replayed, when each piece of a response came, in milliseconds. Default false. */
  timing?: boolean | undefined;
  /** Requests that have nothing to do with the cassette: those for which it returns true go through, in every mode. Default none. */
  passThrough?: ((request: Request) => boolean) | undefined;
}

export const RECORD_OPTION_NAMES: readonly string[] = [
  'redact',
  'omit',
  'decode',
  'timing',
  'passThrough',
];

/** The same, all decided. */
export interface Recording {
  readonly redaction: Redaction;
  /** In lower case. */
  readonly omit: ReadonlySet<string>;
  readonly decode: boolean;
  readonly timing: boolean;
  readonly passThrough: (request: Request) => boolean;
}

/** @throws TypeError on an option that is unknown, or not what it has to be. */
export function recordingOf(
  where: string,
  options: RecordOptions,
  known: readonly string[] = RECORD_OPTION_NAMES,
): Recording {
  checkOptionNames(where, options, known);
  const { omit = [], passThrough = NEVER } = options;
  if (!Array.isArray(omit) || !omit.every((name) => typeof name === 'string'))
    throw new TypeError(`${where}: omit: expected a list of names`);
  if (typeof passThrough !== 'function')
    throw new TypeError(`${where}: passThrough: expected a function, got ${typeof passThrough}`);
  return {
    redaction: new Redaction(options.redact),
    omit: new Set((omit as readonly string[]).map((name) => name.toLowerCase())),
    decode: flag(where, 'decode', options.decode, true),
    timing: flag(where, 'timing', options.timing, false),
    passThrough,
  };
}

/** @throws TypeError where it is not true or false. */
export function flag(where: string, name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${where}: ${name}: expected true or false, got ${typeof value}`);
}

const NEVER = (): boolean => false;
