import { goals } from './goals.ts';
import type { Options } from './options.ts';
import type { PeerName } from './peers/index.ts';
import { workloads } from './workloads/index.ts';
import type { Workload } from './workloads/workload.ts';

/** What a run will do. */
export interface Plan {
  readonly entries: readonly { readonly workload: Workload; readonly peers: readonly PeerName[] }[];
  readonly rounds: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly retries: number;
}

export function planOf(options: Options): Plan {
  const { mode } = options;
  const defaults = {
    run: { rounds: 5, seconds: 1, retries: 2 },
    check: { rounds: 3, seconds: 0.5, retries: 1 },
    smoke: { rounds: 2, seconds: 0.25, retries: 0 },
  }[mode === 'check' || mode === 'smoke' ? mode : 'run'];
  const milliseconds = (options.seconds ?? defaults.seconds) * 1000;
  const chosen = options.workloads;
  const entries = defaultEntries(mode)
    .filter(({ workload }) => chosen === null || chosen.includes(workload))
    .map(({ workload, peers }) => ({ workload, peers: options.peers ?? peers }));
  return {
    entries,
    rounds: options.rounds ?? defaults.rounds,
    retries: defaults.retries,
    warmupMs: milliseconds,
    measureMs: milliseconds,
  };
}

function defaultEntries(mode: Options['mode']): Plan['entries'] {
  if (mode === 'check') return entriesForGoals();
  if (mode === 'smoke') return entriesForSmoke();
  return workloads.map((workload) => ({ workload, peers: workload.peers }));
}

function entriesForSmoke(): Plan['entries'] {
  const peers: PeerName[] = ['strata-pool', 'strata-client', 'undici-request'];
  return workloads
    .filter(({ name }) => name === 'get200-c50' || name === 'burst-1000')
    .map((workload) => ({ workload, peers }));
}

/** Only the workloads that a goal speaks of, and only the peers it compares. */
function entriesForGoals(): Plan['entries'] {
  const wanted = new Map<string, Set<PeerName>>();
  for (const { figure } of goals) {
    for (const [name, peers] of figure.needs) {
      const known = wanted.get(name) ?? [];
      wanted.set(name, new Set([...known, ...peers]));
    }
  }
  return workloads.flatMap((workload) => {
    const peers = wanted.get(workload.name);
    return peers === undefined ? [] : [{ workload, peers: [...peers] }];
  });
}
