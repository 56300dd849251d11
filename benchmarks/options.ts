import { parseArgs } from 'node:util';
import { isPeerName, type PeerName, peerNames } from './peers/index.ts';
import { positiveNumber } from './study-options.ts';
import { workloads } from './workloads/index.ts';
import type { Workload } from './workloads/workload.ts';

export const usage = `npm run bench -- [WORKLOAD…] [options]

  WORKLOAD…          some workloads instead of all; a name may end in * (get200-*)
  --peers A,B        these peers instead of each workload's own
  --rounds N         rounds of fresh processes (default 5)
  --seconds S        warm-up and measured time of a sample, each (default 1)
  --smoke            20 seconds, figures without weight: does it all run?
  --check            what the goals in goals.ts need, compared with them; exits 1 below 80 % of one
  --json FILE        also write the results as JSON
  --save             also keep the results in benchmarks/results/, for npm run bench:report
  --list             name the workloads and the peers

Exits 1 where a client failed; one that is not installed is only reported.`;

export interface Options {
  readonly mode: 'run' | 'smoke' | 'check' | 'list' | 'help';
  /** Those named, or null for all that the mode asks for. */
  readonly workloads: readonly Workload[] | null;
  readonly peers: readonly PeerName[] | null;
  readonly rounds: number | null;
  readonly seconds: number | null;
  readonly json: string | null;
  readonly save: boolean;
}

/** Reads the command line; throws a `TypeError` that says what is wrong with it. */
export function parseOptions(words: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      peers: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string' },
      save: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const modes = ['smoke', 'check', 'list', 'help'] as const;
  return {
    mode: modes.find((mode) => values[mode]) ?? 'run',
    workloads: positionals.length === 0 ? null : positionals.flatMap(workloadsNamed),
    peers: values.peers?.split(',').map(peerNamed) ?? null,
    rounds: positiveNumber('--rounds', values.rounds),
    seconds: positiveNumber('--seconds', values.seconds),
    json: values.json ?? null,
    save: values.save,
  };
}

function workloadsNamed(pattern: string): Workload[] {
  const matches = pattern.endsWith('*')
    ? (name: string) => name.startsWith(pattern.slice(0, -1))
    : (name: string) => name === pattern;
  const found = workloads.filter(({ name }) => matches(name));
  if (found.length === 0) throw new TypeError(`no workload ${pattern}; --list names them`);
  return found;
}

function peerNamed(name: string): PeerName {
  if (!isPeerName(name)) throw new TypeError(`no peer ${name}; there are: ${peerNames.join(' ')}`);
  return name;
}
