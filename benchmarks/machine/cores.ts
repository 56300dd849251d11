import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Where the client and the origin run: never on the same core, or each would be measured with the other. */
export interface Cores {
  readonly client: number;
  readonly server: number;
}

/** The first two cores that this process may use, or null where nothing can be pinned. */
export function findCores(): Cores | null {
  if (spawnSync('taskset', ['--version']).status !== 0) return null;
  const [client, server] = allowedCores();
  return client === undefined || server === undefined ? null : { client, server };
}

export function pinned(core: number | undefined, command: readonly string[]): string[] {
  return core === undefined ? [...command] : ['taskset', '-c', String(core), ...command];
}

function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(
    readFileSync('/proc/self/status', 'latin1'),
  )?.[1];
  return (list ?? '').split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    if (first === undefined || last === undefined) return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
