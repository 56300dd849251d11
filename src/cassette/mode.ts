/**
 * What is done about a request.
 *
 * - `replay`: the cassette answers. What it has no answer for fails.
 * - `record`: the network answers, and the cassette becomes what came.
 * - `update`: the cassette answers what it can, the network the rest, which is added.
 * - `auto`: `replay` where the file is there, else `record`; in continuous integration always `replay`.
 */
export type CassetteMode = 'auto' | 'record' | 'replay' | 'update';

const MODES: readonly string[] = ['auto', 'record', 'replay', 'update'];

/** @throws TypeError, which names `option`, where it is none. */
export function checkMode(option: string, mode: unknown): CassetteMode {
  if (MODES.includes(mode as string)) return mode as CassetteMode;
  throw new TypeError(
    `${option}: expected ${MODES.join(', ')}, got ${typeof mode === 'string' ? JSON.stringify(mode) : typeof mode}`,
  );
}

/** What `auto` stands for: a file that nobody will commit, made of what a service says today, is no test. */
export function decided(mode: CassetteMode, exists: boolean): Exclude<CassetteMode, 'auto'> {
  if (mode !== 'auto') return mode;
  return exists || inContinuousIntegration() ? 'replay' : 'record';
}

/** As the services say it: CI is set, and not to no. */
export function inContinuousIntegration(): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const ci = process?.env?.['CI'] ?? '';
  return !/^(|0|false|no)$/i.test(ci);
}
