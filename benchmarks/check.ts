import { goals } from './goals.ts';
import { type BudgetVerdict, budgetTable, isOver, judgeBudgets } from './layers/verdict.ts';
import { measureLayers } from './layers/measure.ts';
import { findCores } from './machine/cores.ts';
import { planOf } from './plan.ts';
import { progress, warnAboutCores } from './progress.ts';
import { runRounds } from './rounds.ts';
import { type Summary, summarise } from './summary.ts';
import { isFailure, judge, verdictTable } from './verdicts.ts';
import { workloads } from './workloads/index.ts';

/**
 * `npm run bench:check`: in a minute, the goals that a minute is enough for, and the budgets of the layers. Names what
 * is missed by more than a fifth, and exits 1 there. `npm run bench -- --check` is for all goals, and takes as many.
 */

/** Those whose goals say most, and whose samples are short. */
const CHECKED: readonly string[] = [
  'get200-c50',
  'get200-headers-c50',
  'get64k-c50',
  'post1k-c50',
  'tls-get200-c50',
  'json-c50',
  'fetch-get200-c50',
  'download-1g',
  'burst-10000',
  'cold-start',
  'idle-heap',
];

async function summaries(): Promise<Summary[]> {
  const cores = findCores();
  warnAboutCores(cores);
  const plan = planOf({
    mode: 'check',
    workloads: workloads.filter(({ name }) => CHECKED.includes(name)),
    peers: null,
    rounds: 1,
    seconds: 0.3,
    json: null,
    save: false,
  });
  const how = { ...plan, retries: 0, twin: false, cores, progress };
  const found: Summary[] = [];
  for (const { workload, peers } of plan.entries)
    found.push(summarise(await runRounds(workload, peers, how)));
  return found;
}

const verdicts = judge(goals, await summaries());
console.log(`${verdictTable(verdicts)}\n`);

const HOW = { warmupMs: 500, measureMs: 120, retries: 0, progress: () => {} };

/** All layers; those that are over are measured again, with more care, before that is said. */
async function layerVerdicts(): Promise<BudgetVerdict[]> {
  const all = await measureLayers({ ...HOW, names: [], rounds: 1, allCores: true });
  const suspects = judgeBudgets(all).filter(isOver);
  if (suspects.length === 0) return judgeBudgets(all);
  const names = suspects.map(({ result }) => result.layer);
  const again = await measureLayers({ ...HOW, names, rounds: 3 });
  return judgeBudgets(all.map((first) => again.find(({ name }) => name === first.name) ?? first));
}

const layers = await layerVerdicts();
console.log(`### Layers\n\n${budgetTable(layers)}\n`);

const missed = verdicts.filter(isFailure).map(({ goal }) => goal.what);
const over = layers.filter(isOver).map(({ result }) => result.name);
for (const name of missed) console.log(`missed: ${name}`);
for (const name of over) console.log(`over its budget: ${name}`);
if (missed.length + over.length > 0) process.exitCode = 1;
