import { fileURLToPath } from 'node:url';
import type { Cores } from './machine/cores.ts';
import type { Origin } from './origin/start.ts';
import { runProgram } from './program.ts';
import type { Outcome, SampleOrder } from './sample.ts';
import type { Workload } from './workloads/workload.ts';

const program = fileURLToPath(new URL('sample.js', import.meta.url));

/** A sample that takes longer has hung. */
const LIMIT_MS = 120_000;

export interface Timing {
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** Starts a fresh process for one sample, pinned to the client's core, and returns what it found. */
export async function runSample(
  workload: Workload,
  peer: string,
  origin: Origin,
  cores: Cores | null,
  timing: Timing,
): Promise<Outcome> {
  const order: SampleOrder = {
    workload,
    peer,
    origins: origin.origins,
    surroundings: {
      serverPids: [origin.pid],
      cores: cores === null ? null : [cores.client, cores.server],
    },
    ...timing,
  };
  try {
    return await runProgram<Outcome>(program, order, {
      flags: nodeFlags(workload),
      core: cores?.client,
      origin,
      limitMs: LIMIT_MS,
    });
  } catch (error) {
    return { kind: 'failed', reason: String(error) };
  }
}

function nodeFlags(workload: Workload): string[] {
  const looksAtTheHeap =
    workload.shape === 'memory' ||
    (workload.shape === 'closed-loop' && workload.origins !== undefined);
  return looksAtTheHeap ? ['--expose-gc'] : [];
}
