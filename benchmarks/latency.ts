import { findCores } from './machine/cores.ts';
import { latencyResult, type LatencyResult } from './latency/result.ts';
import { latencyTable } from './latency/table.ts';
import type { PeerName } from './peers/index.ts';
import { progress, warnAboutCores } from './progress.ts';
import { save } from './results.ts';
import { type RoundsOptions, runRounds } from './rounds.ts';
import { studyOptionsOrExit } from './study-options.ts';
import { summarise } from './summary.ts';
import type { ClosedLoop, OpenLoop } from './workloads/workload.ts';

/**
 * `npm run bench:latency`: how long a request takes at rates that every client can keep up with, from the time at which
 * it was due.
 */

const peers: readonly PeerName[] = ['strata-client', 'undici-request', 'node-http'];

/** Of what the slowest of the peers can do at most. */
const SHARES = [0.1, 0.3, 0.6];

const requests = {
  baseline: 'undici-request',
  peers,
  path: '/200',
  expects: 200,
  connections: 50,
} as const;

const flatOut: ClosedLoop = {
  ...requests,
  shape: 'closed-loop',
  name: 'capacity',
  title: 'GET 200 B, 50 at a time',
  unit: 'CPU-µs/request',
  concurrency: 50,
};

function atRate(arrivals: number, share: number): OpenLoop {
  const rate = arrivals.toLocaleString('en');
  return {
    ...requests,
    shape: 'open-loop',
    name: `latency-${share * 100}`,
    title: `GET 200 B, ${rate} times a second, ${share * 100} % of what the slowest can do`,
    unit: 'µs at p99',
    arrivals,
  };
}

/** Requests a second of the slowest, and who that is. */
async function capacity(how: RoundsOptions): Promise<{ peer: string; rate: number }> {
  const { rows } = summarise(await runRounds(flatOut, peers, { ...how, twin: false, rounds: 1 }));
  const rates = rows.map(({ label, rate }) => ({ peer: label, rate: rate ?? 0 }));
  const [slowest] = rates.toSorted((a, b) => a.rate - b.rate);
  if (slowest === undefined || slowest.rate === 0) throw new Error('nobody answered');
  return slowest;
}

async function main(): Promise<void> {
  const { quick, list, ...options } = studyOptionsOrExit('npm run bench:latency -- [options]', []);
  if (list) return console.log(SHARES.map((share) => `${share * 100} %`).join('\n'));
  const cores = findCores();
  warnAboutCores(cores);
  const how: RoundsOptions = {
    rounds: options.rounds ?? (quick ? 1 : 3),
    retries: quick ? 0 : 2,
    warmupMs: quick ? 300 : 500,
    measureMs: (options.seconds ?? (quick ? 1 : 2)) * 1000,
    cores,
    progress,
  };
  const slowest = await capacity({ ...how, measureMs: how.warmupMs });
  console.log(
    `The slowest is ${slowest.peer}, with ${Math.round(slowest.rate).toLocaleString('en')} requests a second.\n`,
  );
  const results: LatencyResult[] = [];
  for (const share of SHARES) {
    const arrivals = Math.max(10, Math.round((slowest.rate * share) / 10) * 10);
    const workload = atRate(arrivals, share);
    const result = latencyResult(workload, summarise(await runRounds(workload, peers, how)));
    results.push(result);
    console.log(`### ${result.title}\n\n${latencyTable(result)}\n`);
  }
  if (options.save) save('latency', results);
}

await main();
