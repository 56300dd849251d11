import type { Request } from '../../messages/request.ts';
import type { BreakerChange } from './circuit.ts';
import { defaultIsFailure, type FailureTest } from './failure.ts';

/** When a circuit opens, and for how long. Times are in milliseconds. */
export interface BreakerOptions {
  /** The share of the window's requests that have to fail, above 0 and up to 1. Default 0.5. */
  readonly failureRate?: number | undefined;
  /** How many requests there have to be in the window before it counts: a whole number from 1. Default 10. */
  readonly minimumRequests?: number | undefined;
  /** How far back the window reaches, in milliseconds above 0. It moves on a tenth at a time. Default 10,000. */
  readonly window?: number | undefined;
  /** How long an open circuit lets nothing through, in milliseconds above 0. Default 5,000. */
  readonly openFor?: number | undefined;
  /** `openFor` doubles with each opening in a row, up to this, in milliseconds from `openFor`. Default 60,000, or `openFor` if that is more. */
  readonly maxOpenFor?: number | undefined;
  /** How many requests are let through then, and all have to succeed for the circuit to close: a whole number from 1. Default 1. */
  readonly halfOpenRequests?: number | undefined;
  /** Which circuit a request belongs to. Default: that of its origin. */
  readonly key?: ((request: Request) => string) | undefined;
  /** Circuits that are kept, a whole number from 1: beyond, the closed one that was used the longest ago is forgotten. Default 1,000. */
  readonly maxCircuits?: number | undefined;
  /** What counts as a failure, as a success, or as neither (null). Default: `defaultIsFailure`. What it throws ends the request. */
  readonly isFailure?: FailureTest | undefined;
  /** Told of each change, as it happens. What it throws is an uncaught exception: no request is the worse for it. */
  readonly onStateChange?: ((change: BreakerChange) => void) | undefined;
  /** The time in milliseconds, from whatever zero. Default `performance.now()`. */
  readonly clock?: (() => number) | undefined;
}

/** The options by name, for those who check them. */
export const BREAKER_OPTION_NAMES: readonly string[] = [
  'failureRate',
  'minimumRequests',
  'window',
  'openFor',
  'maxOpenFor',
  'halfOpenRequests',
  'key',
  'maxCircuits',
  'isFailure',
  'onStateChange',
  'clock',
];

/** The options, all decided. */
export interface BreakerSettings {
  readonly failureRate: number;
  readonly minimumRequests: number;
  readonly window: number;
  readonly openFor: number;
  readonly maxOpenFor: number;
  readonly halfOpenRequests: number;
  readonly key: (request: Request) => string;
  readonly maxCircuits: number;
  readonly isFailure: FailureTest;
  readonly onStateChange: (change: BreakerChange) => void;
  readonly clock: () => number;
}

/** @throws TypeError on an option that is not what it has to be. */
export function resolveSettings(options: BreakerOptions): BreakerSettings {
  if (typeof options !== 'object' || options === null) {
    const came = options === null ? 'null' : typeof options;
    throw new TypeError(`breaker: expected an object of options, got ${came}`);
  }
  const { failureRate = 0.5, maxOpenFor } = options;
  if (typeof failureRate !== 'number' || !(failureRate > 0 && failureRate <= 1)) {
    throw new TypeError(
      `breaker.failureRate: expected a share above 0 and up to 1, got ${String(failureRate)}`,
    );
  }
  const openFor = milliseconds('openFor', options.openFor, 5000);
  const longest = milliseconds('maxOpenFor', maxOpenFor, Math.max(60_000, openFor));
  if (longest < openFor) {
    throw new TypeError(
      `breaker.maxOpenFor: expected milliseconds from openFor, ${openFor}, got ${longest}`,
    );
  }
  return {
    failureRate,
    minimumRequests: count('minimumRequests', options.minimumRequests, 10),
    window: milliseconds('window', options.window, 10_000),
    openFor,
    maxOpenFor: longest,
    halfOpenRequests: count('halfOpenRequests', options.halfOpenRequests, 1),
    key: callable('key', options.key) ?? originOf,
    maxCircuits: count('maxCircuits', options.maxCircuits, 1000),
    isFailure: callable('isFailure', options.isFailure) ?? defaultIsFailure,
    onStateChange: reporting(callable('onStateChange', options.onStateChange)),
    clock: callable('clock', options.clock) ?? now,
  };
}

function originOf(request: Request): string {
  return request.origin;
}

/** Not bound once and for all: a test may put another clock in its place. */
function now(): number {
  return performance.now();
}

/** A listener that cannot harm whoever it listens to. */
function reporting(
  listener: ((change: BreakerChange) => void) | undefined,
): (change: BreakerChange) => void {
  if (listener === undefined) return () => {};
  return (change) => {
    try {
      listener(change);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

function milliseconds(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!Number.isFinite(value) || value <= 0) {
    throw new TypeError(`breaker.${name}: expected milliseconds above 0, got ${String(value)}`);
  }
  return value;
}

function count(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 1) {
    throw new TypeError(`breaker.${name}: expected a whole number from 1, got ${String(value)}`);
  }
  return value;
}

function callable<F>(name: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`breaker.${name}: expected a function, got ${typeof value}`);
  return value;
}
