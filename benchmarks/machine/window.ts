import { busyMicros, processMicros } from './proc.ts';

/** What a stretch of time cost, and whom. */
export interface Usage {
  readonly wallMicros: number;
  /** Of this process, kernel included. */
  readonly cpuMicros: number;
  /** Shares of one core; null where the system does not tell. */
  readonly clientBusy: number;
  readonly serverBusy: number | null;
  /** What neither client nor server used, as a share of the cores that both run on. */
  readonly foreign: number | null;
}

export interface Surroundings {
  readonly serverPids: readonly number[];
  readonly cores: readonly number[] | null;
}

/** Begins a measured stretch; call the result to end it. */
export function openWindow(surroundings: Surroundings): () => Usage {
  const busyBefore = busyMicros(surroundings.cores);
  const serverBefore = serverMicros(surroundings);
  const cpuBefore = process.cpuUsage();
  const start = process.hrtime.bigint();
  return () => {
    const wallMicros = Number(process.hrtime.bigint() - start) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMicros = user + system;
    const server = difference(serverMicros(surroundings), serverBefore);
    const busy = difference(busyMicros(surroundings.cores), busyBefore);
    const cores = surroundings.cores?.length ?? 1;
    return {
      wallMicros,
      cpuMicros,
      clientBusy: cpuMicros / wallMicros,
      serverBusy: server === null ? null : server / wallMicros,
      foreign:
        busy === null || server === null
          ? null
          : Math.max(0, busy - server - cpuMicros) / (wallMicros * cores),
    };
  };
}

function serverMicros({ serverPids }: Surroundings): number | null {
  let sum = 0;
  for (const pid of serverPids) {
    const micros = processMicros(pid);
    if (micros === null) return null;
    sum += micros;
  }
  return sum;
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
