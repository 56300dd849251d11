import type { Cores } from './machine/cores.ts';

/** On standard error, so that standard output is the report. */
export function progress(message: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${message}` : `${message}\n`);
}

export function warnAboutCores(cores: Cores | null): void {
  if (cores === null)
    progress('Warning: not pinned to cores (no taskset, or one core): expect noise.\n');
}
