/** A delay that follows how long the answers of an origin take. */
export interface HedgeDelay {
  /** Above 0 and below 100: 95 hedges the slowest twentieth. Of the last 128 answers of the origin. */
  readonly percentile: number;
  /** Milliseconds from 0, while fewer than 20 answers are known. Default 100. */
  readonly initial?: number | undefined;
}

/** How much load hedges may add, so that a server that is slow under load is not given more of it. */
export interface HedgeBudget {
  /** Hedges allowed for each request: 0.1 is a tenth more load at most. Default 0.1. */
  readonly ratio?: number | undefined;
  /** Hedges that may be saved up, and that there are at the start. Default 10. */
  readonly reserve?: number | undefined;
}

/** When a request is sent once more while the answer is awaited. */
export interface HedgeOptions {
  /** Milliseconds from 0 to wait for an answer first, or a percentile to take them from. Default `{ percentile: 95, initial: 100 }`. */
  readonly delay?: number | HedgeDelay | undefined;
  /** Methods that may be sent twice at a time. Default: the safe ones, GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1) and QUERY. */
  readonly methods?: readonly string[] | undefined;
  /** How often a request is sent besides the first time, each after another `delay`: a whole number from 1. Default 1. */
  readonly maxHedges?: number | undefined;
  /** How much load hedges may add; null: as much as they like. Default: a tenth, and 10 in reserve. */
  readonly budget?: HedgeBudget | null | undefined;
}

/** The options by name, for those who check them. */
export const HEDGE_OPTION_NAMES: readonly string[] = ['delay', 'methods', 'maxHedges', 'budget'];

/** The options, all decided. */
export interface HedgeSettings {
  readonly delay: number | { readonly percentile: number; readonly initial: number };
  readonly methods: ReadonlySet<string>;
  readonly maxHedges: number;
  readonly budget: { readonly ratio: number; readonly reserve: number } | null;
}

/** Safe methods; QUERY is of RFC 10008. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'];

/** @throws TypeError on an option that is not what it has to be. */
export function resolveSettings(options: HedgeOptions): HedgeSettings {
  if (typeof options !== 'object' || options === null) {
    const came = options === null ? 'null' : typeof options;
    throw new TypeError(`hedge: expected an object of options, got ${came}`);
  }
  const { delay = { percentile: 95 }, methods = METHODS, maxHedges = 1, budget } = options;
  if (!Number.isInteger(maxHedges) || maxHedges < 1) {
    throw new TypeError(
      `hedge.maxHedges: expected a whole number from 1, got ${String(maxHedges)}`,
    );
  }
  if (!Array.isArray(methods) || methods.some((method) => typeof method !== 'string'))
    throw new TypeError('hedge.methods: expected a list of methods');
  return {
    delay: typeof delay === 'object' && delay !== null ? checked(delay) : wait('delay', delay),
    methods: new Set(methods),
    maxHedges,
    budget:
      budget === null ? null : { ratio: budget?.ratio ?? 0.1, reserve: budget?.reserve ?? 10 },
  };
}

function checked({ percentile, initial = 100 }: HedgeDelay): HedgeSettings['delay'] {
  if (typeof percentile !== 'number' || !(percentile > 0 && percentile < 100)) {
    throw new TypeError(
      `hedge.delay.percentile: expected a number above 0 and below 100, got ${String(percentile)}`,
    );
  }
  return { percentile, initial: wait('delay.initial', initial) };
}

function wait(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0)
    throw new TypeError(`hedge.${name}: expected milliseconds from 0, got ${String(value)}`);
  return value;
}
