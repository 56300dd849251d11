/** The four waits of a request, each in milliseconds; `null` switches one off. What is not given keeps the transport's value. */
export interface Timeouts {
  /** For a connection to be ready: name look-up, TCP and TLS together. Default 5,000. */
  readonly connect?: number | null | undefined;
  /** For the next byte of the response, once the request is sent. Default 5,000. */
  readonly read?: number | null | undefined;
  /** For the peer to take more of the request. Default 5,000. */
  readonly write?: number | null | undefined;
  /** For a place among the pool's connections. Default 5,000. */
  readonly pool?: number | null | undefined;
}

/** One number for all four, `null` for none of them, or each by itself. */
export type TimeoutInit = number | null | Timeouts;

/** The four waits, all decided; Infinity where there is no bound. */
export interface ResolvedTimeouts {
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly pool: number;
}

/** 5 s each (DESIGN: as in httpx). */
export const DEFAULT_TIMEOUTS: ResolvedTimeouts = {
  connect: 5000,
  read: 5000,
  write: 5000,
  pool: 5000,
};

const KINDS = ['connect', 'read', 'write', 'pool'] as const;

/**
 * Fills in what `init` leaves open.
 * @throws TypeError where a wait is not a number of milliseconds above 0, or `null`.
 */
export function resolveTimeouts(
  init: TimeoutInit | undefined,
  defaults: ResolvedTimeouts,
): ResolvedTimeouts {
  if (init === undefined) return defaults;
  if (init === null || typeof init === 'number') {
    const each = milliseconds('timeout', init, Infinity);
    return { connect: each, read: each, write: each, pool: each };
  }
  if (typeof init !== 'object') {
    throw new TypeError(
      `timeout: expected milliseconds, null or { connect, read, write, pool }, got ${typeof init}`,
    );
  }
  for (const key of Object.keys(init)) {
    if (!(KINDS as readonly string[]).includes(key)) {
      throw new TypeError(
        `timeout: there is no ${JSON.stringify(key)}, only connect, read, write and pool`,
      );
    }
  }
  return {
    connect: milliseconds('timeout.connect', init.connect, defaults.connect),
    read: milliseconds('timeout.read', init.read, defaults.read),
    write: milliseconds('timeout.write', init.write, defaults.write),
    pool: milliseconds('timeout.pool', init.pool, defaults.pool),
  };
}

function milliseconds(name: string, value: number | null | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (value === null) return Infinity;
  if (typeof value !== 'number' || !(value > 0)) {
    throw new TypeError(
      `${name}: expected milliseconds above 0, or null for no bound, got ${String(value)}`,
    );
  }
  return value;
}
