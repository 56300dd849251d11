import type { Call } from '../peers/peer.ts';
import type { Burst, ClosedLoop, OpenLoop } from './workload.ts';

/** Requests enough that no two of a kind are near one another. */
const DIFFERENT_IDS = 1024;

/** The calls of a workload, to be sent in turn and over again: made beforehand, so that the loop makes nothing. */
export function callsOf(
  workload: ClosedLoop | OpenLoop | Burst,
  origins: readonly string[],
): Call[] {
  const calls = origins.map((origin) => call(workload, origin));
  if (workload.requestIds !== true) return calls;
  return Array.from({ length: DIFFERENT_IDS }, (_, i) => {
    const [template] = calls;
    if (template === undefined) throw new Error('no origin');
    return {
      ...template,
      headers: { 'x-request-id': `7c1f0f6e-5b0a-4f0e-9d0c-${12_345_600_000 + i}` },
    };
  });
}

function call({ method = 'GET', path, body }: ClosedLoop | OpenLoop | Burst, origin: string): Call {
  return { method, origin, path, url: origin + path, ...(body !== undefined && { body }) };
}
