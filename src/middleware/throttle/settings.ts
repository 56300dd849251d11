import type { Request } from '../../messages/request.ts';
import type { Limiter } from './limiter.ts';

/** How many requests are let through, and in which order. Times are in milliseconds. Each key has a queue of its own. */
export interface ThrottleOptions {
  /** Requests under way at once, a whole number from 1; `null`: as many as come. Default `null`. */
  readonly concurrency?: number | null | undefined;
  /** The time that `intervalCap` is for, in milliseconds above 0. It slides: there is no moment at which the count begins anew. Default: no such limit. */
  readonly interval?: number | undefined;
  /** Requests that may begin within any `interval`, a whole number from 1. Given with `interval`, and not without it. */
  readonly intervalCap?: number | undefined;
  /** A limit that is shared with others, such as a fleet's: asked by one request at a time, when it has a place. Default: none. */
  readonly limiter?: Limiter | undefined;
  /** Requests that may wait, a whole number from 0: one more is refused with a `ThrottleError`. `null`: as many as come. Default `null`. */
  readonly maxQueue?: number | null | undefined;
  /** What is limited together: requests with the same key. Default: those to the same origin. What it throws ends the request. */
  readonly key?: ((request: Request) => string) | undefined;
  /** Until when a request counts as under way: until its `'body'` has ended or is closed, or until its `'head'` is there. Default `'body'`. */
  readonly hold?: 'body' | 'head' | undefined;
  /**
   * What one step of `priority` is worth, in milliseconds above 0: as though the request had come so much earlier. Nobody waits for ever
   * because of others that are more important. `null`: a higher priority always goes first. Default 10,000.
   */
  readonly aging?: number | null | undefined;
}

/** The options by name, for those who check them. */
export const THROTTLE_OPTION_NAMES: readonly string[] = [
  'concurrency',
  'interval',
  'intervalCap',
  'limiter',
  'maxQueue',
  'key',
  'hold',
  'aging',
];

/** What a request can say about its turn. */
export interface ThrottleChoice {
  /** Higher goes first; any number. Default 0. */
  readonly priority?: number | undefined;
  /** The key, instead of what `key` of the layer says. */
  readonly key?: string | undefined;
}

/** What a request can say, by name. */
export const THROTTLE_CHOICE_NAMES: readonly string[] = ['priority', 'key'];

/** The options, all decided. */
export interface ThrottleSettings {
  readonly concurrency: number;
  /** 0: there is none. */
  readonly interval: number;
  readonly intervalCap: number;
  readonly limiter: Limiter | null;
  readonly maxQueue: number;
  readonly key: (request: Request) => string;
  readonly hold: 'body' | 'head';
  /** null: none, a priority is all that counts. */
  readonly aging: number | null;
}

/** @throws TypeError on an option that is not what it has to be. */
export function resolveSettings(options: ThrottleOptions): ThrottleSettings {
  if (typeof options !== 'object' || options === null) {
    const came = options === null ? 'null' : typeof options;
    throw new TypeError(`throttle: expected an object of options, got ${came}`);
  }
  const { interval, intervalCap, limiter, key, hold = 'body', aging = 10_000 } = options;
  if ((interval === undefined) !== (intervalCap === undefined)) {
    const alone = interval === undefined ? 'intervalCap' : 'interval';
    throw new TypeError(`throttle: expected interval and intervalCap together, got ${alone} alone`);
  }
  if (limiter !== undefined && typeof limiter?.take !== 'function')
    throw new TypeError('throttle.limiter: expected an object with a method take');
  if (key !== undefined && typeof key !== 'function')
    throw new TypeError(`throttle.key: expected a function, got ${typeof key}`);
  if (hold !== 'body' && hold !== 'head')
    throw new TypeError(`throttle.hold: expected 'body' or 'head', got ${String(hold)}`);
  const settings: ThrottleSettings = {
    concurrency: count('concurrency', options.concurrency, 1),
    interval: interval === undefined ? 0 : milliseconds('interval', interval),
    intervalCap: count('intervalCap', intervalCap ?? null, 1),
    limiter: limiter ?? null,
    maxQueue: count('maxQueue', options.maxQueue, 0),
    key: key ?? originOf,
    hold,
    aging: aging === null ? null : milliseconds('aging', aging),
  };
  if (settings.concurrency === Infinity && settings.interval === 0 && settings.limiter === null) {
    throw new TypeError(
      'throttle: expected something that limits: concurrency, interval with intervalCap, or limiter',
    );
  }
  return settings;
}

/** Whether it counts requests in a time, and not only those under way. */
export function limitsRate({ interval, limiter }: ThrottleSettings): boolean {
  return interval > 0 || limiter !== null;
}

/** Where a request waits, and how it ranks there: what ranks higher goes first. */
export interface Turn {
  readonly key: string;
  readonly rank: number;
}

/** @throws TypeError on what is not what it has to be, and whatever `key` throws. */
export function turnOf(
  request: Request,
  choice: ThrottleChoice,
  { key: keyOf, aging }: ThrottleSettings,
  arrived: number,
): Turn {
  if (typeof choice !== 'object' || choice === null) {
    throw new TypeError(
      `throttle: expected { priority, key } or false for a request, got ${String(choice)}`,
    );
  }
  const { priority = 0, key = keyOf(request) } = choice;
  if (!Number.isFinite(priority))
    throw new TypeError(`throttle.priority: expected a finite number, got ${String(priority)}`);
  if (typeof key !== 'string')
    throw new TypeError(`throttle.key: expected a string, got ${typeof key}`);
  // Who has come earlier ranks higher, by as much: what a step of priority is worth is a time, too, and no rank ever has to be changed.
  return { key, rank: aging === null ? priority : priority * aging - arrived };
}

function originOf(request: Request): string {
  return request.origin;
}

function count(name: string, value: number | null | undefined, least: number): number {
  if (value === undefined || value === null) return Infinity;
  if (!Number.isInteger(value) || value < least) {
    throw new TypeError(
      `throttle.${name}: expected a whole number from ${least}, got ${String(value)}`,
    );
  }
  return value;
}

function milliseconds(name: string, value: number): number {
  if (typeof value !== 'number' || !(value > 0 && value <= MAX_WAIT)) {
    throw new TypeError(
      `throttle.${name}: expected milliseconds above 0 and up to ${MAX_WAIT}, got ${String(value)}`,
    );
  }
  return value;
}

/** The longest that a timer can wait. */
const MAX_WAIT = 2 ** 31 - 1;
