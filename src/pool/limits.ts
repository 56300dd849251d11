/** How many connections a pool holds, and for how long. Each can be `null`: no limit. Times are in milliseconds. */
export interface PoolLimits {
  /** Connections in all, those being opened among them. Default 100. */
  readonly maxConnections?: number | null | undefined;
  /** Connections to one origin. Default `null`. */
  readonly maxConnectionsPerOrigin?: number | null | undefined;
  /** Connections kept open while idle, in all: beyond it, the one that has been idle longest is closed. Default 20. */
  readonly maxKeepaliveConnections?: number | null | undefined;
  /** How long a connection is kept open while idle. A server's `Keep-Alive: timeout` shortens it. Default 5,000. */
  readonly keepaliveExpiry?: number | null | undefined;
  /** How old a connection may be and still begin an exchange, less up to a tenth by chance, so that a fleet does not reconnect at once. Default `null`. */
  readonly maxConnectionAge?: number | null | undefined;
  /** How many exchanges a connection may serve. Default `null`. */
  readonly maxRequestsPerConnection?: number | null | undefined;
  /** How many requests may wait for a connection: one more is refused with `PoolFullError`. Default `null`. */
  readonly maxQueue?: number | null | undefined;
}

/** All decided; Infinity where there is no limit. */
export type ResolvedLimits = { readonly [Name in keyof PoolLimits]-?: number };

const DEFAULTS: ResolvedLimits = {
  maxConnections: 100,
  maxConnectionsPerOrigin: Infinity,
  maxKeepaliveConnections: 20,
  keepaliveExpiry: 5000,
  maxConnectionAge: Infinity,
  maxRequestsPerConnection: Infinity,
  maxQueue: Infinity,
};

/** The least that each may be. */
const LEAST: ResolvedLimits = {
  maxConnections: 1,
  maxConnectionsPerOrigin: 1,
  maxKeepaliveConnections: 0,
  keepaliveExpiry: 0,
  maxConnectionAge: 1,
  maxRequestsPerConnection: 1,
  maxQueue: 0,
};

export const LIMIT_NAMES: readonly string[] = Object.keys(DEFAULTS);

/** Fills in the defaults. @throws TypeError where a limit is not a number, or too small to make sense. */
export function resolveLimits(limits: PoolLimits): ResolvedLimits {
  const resolved: Record<string, number> = {};
  for (const name of LIMIT_NAMES as readonly (keyof PoolLimits)[]) {
    const value = limits[name];
    if (value === undefined) resolved[name] = DEFAULTS[name];
    else if (value === null) resolved[name] = Infinity;
    else if (typeof value === 'number' && value >= LEAST[name]) resolved[name] = value;
    else
      throw new TypeError(
        `limits.${name}: expected a number from ${LEAST[name]}, or null for no limit, got ${String(value)}`,
      );
  }
  return resolved as ResolvedLimits;
}
