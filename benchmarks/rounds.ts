import type { Cores } from './machine/cores.ts';
import { type Origin, startOrigin } from './origin/start.ts';
import type { PeerName } from './peers/index.ts';
import { runSample, type Timing } from './run-sample.ts';
import type { Outcome } from './sample.ts';
import type { Measurement } from './workloads/measurement.ts';
import type { Workload } from './workloads/workload.ts';

/** Others' load above this share of the two cores, and a sample is taken again. */
export const FOREIGN_LIMIT = 0.12;

/** The baseline a second time, under another name: how far two equal things may seem apart. */
export const TWIN_SUFFIX = ' (A/A)';

export interface RoundsOptions extends Timing {
  readonly rounds: number;
  /** How often a disturbed sample is taken again before it is kept, flagged. */
  readonly retries: number;
  /** Measures the baseline twice in each round, which tells how far to trust a difference. Default true. */
  readonly twin?: boolean;
  readonly cores: Cores | null;
  readonly progress: (message: string) => void;
}

/** One contestant's samples, one a round; none where it is absent or failed. */
export interface Series {
  readonly label: string;
  readonly samples: readonly Measurement[];
  /** Why there are none. */
  readonly missing: { readonly kind: 'absent' | 'failed'; readonly reason: string } | null;
}

export interface WorkloadResult {
  readonly workload: Workload;
  readonly series: readonly Series[];
  readonly warning: string | null;
}

/** Measures the peers in turn, round after round (A B C A B C), so that a slow minute of the machine hits all of them. */
export async function runRounds(
  workload: Workload,
  peers: readonly PeerName[],
  options: RoundsOptions,
): Promise<WorkloadResult> {
  const origin = await startOrigin({
    count: (workload.shape === 'closed-loop' && workload.origins) || 1,
    tls: workload.tls ?? false,
    core: options.cores?.server,
  });
  try {
    const contestants = contestantsOf(workload, peers, options.twin ?? true);
    for (let round = 1; round <= options.rounds; round++) {
      for (const contestant of contestants) {
        if (contestant.missing !== null) continue;
        const outcome = await calmSample(workload, contestant.peer, origin, options);
        if (outcome.kind === 'measured') contestant.samples.push(outcome.measurement);
        else contestant.missing = outcome;
        options.progress(
          `${workload.name} ${round}/${options.rounds} ${contestant.label}: ${brief(outcome)}`,
        );
      }
    }
    return { workload, series: contestants, warning: origin.warning };
  } finally {
    await origin.stop();
  }
}

interface Contestant extends Series {
  readonly peer: PeerName;
  readonly samples: Measurement[];
  missing: Series['missing'];
}

function contestantsOf(
  { baseline }: Workload,
  peers: readonly PeerName[],
  twin: boolean,
): Contestant[] {
  const all = [...new Set([...peers, baseline])].map((peer) => ({ peer, label: `${peer}` }));
  if (twin) all.push({ peer: baseline, label: baseline + TWIN_SUFFIX });
  return all.map(({ peer, label }) => ({ peer, label, samples: [], missing: null }));
}

/** Takes a sample again while others disturb it; the calmest is kept. */
async function calmSample(
  workload: Workload,
  peer: PeerName,
  origin: Origin,
  { cores, retries, warmupMs, measureMs }: RoundsOptions,
): Promise<Outcome> {
  let calmest: Outcome | undefined;
  for (let attempt = 0; attempt <= retries; attempt++) {
    const outcome = await runSample(workload, peer, origin, cores, { warmupMs, measureMs });
    if (outcome.kind !== 'measured') return outcome;
    if (calmest === undefined || foreignLoad(outcome) < foreignLoad(calmest)) calmest = outcome;
    if (foreignLoad(calmest) <= FOREIGN_LIMIT) break;
  }
  return calmest ?? { kind: 'failed', reason: 'no sample was taken' };
}

function foreignLoad(outcome: Outcome): number {
  return (outcome.kind === 'measured' && outcome.measurement.usage?.foreign) || 0;
}

function brief(outcome: Outcome): string {
  if (outcome.kind === 'measured') return outcome.measurement.cost.toFixed(2);
  return `${outcome.kind}: ${outcome.reason.split('\n', 1)[0]}`;
}
