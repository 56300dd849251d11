import { readFileSync } from 'node:fs';

/** The kernel counts in ticks of 10 ms on every Linux that Node runs on. */
const MICROSECONDS_PER_TICK = 10_000;

/** Busy time of these cores since boot (all cores where none is named), stolen time included. Null: not Linux. */
export function busyMicros(cores: readonly number[] | null): number | null {
  const stat = read('/proc/stat');
  if (stat === null) return null;
  const names = cores === null ? ['cpu'] : cores.map((core) => `cpu${core}`);
  let ticks = 0;
  for (const name of names) {
    const line = new RegExp(`^${name} +(.*)$`, 'm').exec(stat)?.[1] ?? '';
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .split(' ')
      .map(Number);
    ticks += user + nice + system + irq + softirq + steal;
  }
  return ticks * MICROSECONDS_PER_TICK;
}

/** CPU time of one other process. Null: gone, or not Linux. */
export function processMicros(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // the name in parentheses may hold blanks; utime and stime are fields 14 and 15
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK;
}

/**
 * The most memory that this process ever held, in bytes. Not `resourceUsage().maxRSS` where it can be had
 * otherwise: across fork and exec that one starts at the parent's peak.
 */
export function peakResidentBytes(): number {
  const peak = /^VmHWM:\s*(\d+) kB/m.exec(read('/proc/self/status') ?? '')?.[1];
  return (peak === undefined ? process.resourceUsage().maxRSS : Number(peak)) * 1024;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
