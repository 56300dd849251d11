/**
 * What each layer may add to a request, by layer and mode. `npm run bench:check` names what is over.
 *
 * `micros` are CPU-µs on a machine on which a bare request over the network in memory takes `REFERENCE_MICROS`; where
 * that takes longer, the budgets grow by as much. `bytes` are of V8's heap, and much the same everywhere.
 */
export const REFERENCE_MICROS = 3;

export interface Budget {
  readonly micros: number;
  readonly bytes: number;
}

/** What a layer that only passes a request on costs: a call, and what was looked at to know that. */
const PASSES_ON: Budget = { micros: 0.1, bytes: 128 };
/** What a layer costs that looks at each response: a promise besides. */
const LOOKS_AT: Budget = { micros: 0.25, bytes: 512 };

export const budgets: Readonly<Record<string, Budget>> = {
  'deadline: idle': PASSES_ON,
  'deadline: bounds a call': { micros: 1.3, bytes: 2200 },
  'progress: idle': PASSES_ON,
  'progress: tells of a download': { micros: 0.4, bytes: 1800 },
  'status: idle': PASSES_ON,
  'status: finds no failure': LOOKS_AT,
  'hooks: idle': PASSES_ON,
  'hooks: calls one before and one after': { micros: 0.5, bytes: 2600 },
  'auth: idle': PASSES_ON,
  'auth: basic': { micros: 0.9, bytes: 2300 },
  'auth: bearer': { micros: 1, bytes: 2400 },
  'reauthorize: idle': PASSES_ON,
  'redirect: idle': LOOKS_AT,
  'redirect: follows one, exchange included': { micros: 6, bytes: 6400 },
  'retry: idle': PASSES_ON,
  'retry: finds no failure': { micros: 0.6, bytes: 1900 },
  'cookie: idle': LOOKS_AT,
  'cookie: stores one': { micros: 10, bytes: 12_500 },
  'cookie: sends 10': { micros: 8, bytes: 11_000 },
  'decode: idle': LOOKS_AT,
  'decode: asks, gets identity': { micros: 0.8, bytes: 1200 },
  'decode: undoes gzip, 1 KB': { micros: 8, bytes: 9000 },
  'cache: idle': PASSES_ON,
  'cache: passes no-store by': { micros: 13, bytes: 18_000 },
  'cache: answers by itself': { micros: 5, bytes: 6800 },
  'dedupe: idle': PASSES_ON,
  'dedupe: finds none to join': { micros: 2.3, bytes: 4000 },
  'dedupe: joins 50': { micros: 3, bytes: 2700 },
  'breaker: lets through': { micros: 0.8, bytes: 800 },
  'throttle: idle': PASSES_ON,
  'throttle: lets through': { micros: 3.2, bytes: 7000 },
  'throttle: lets 40 of 50 wait': { micros: 12, bytes: 12_000 },
  'hedge: idle': PASSES_ON,
  'hedge: sends none': { micros: 2.5, bytes: 3200 },
  'trace: idle': PASSES_ON,
  'trace: records': { micros: 4, bytes: 5200 },
  'log: idle': PASSES_ON,
  'log: writes two lines, to nowhere': { micros: 2.6, bytes: 2200 },
  'telemetry: idle': PASSES_ON,
  'telemetry: tells no provider': { micros: 2.2, bytes: 3700 },
};
