import { writeFileSync } from 'node:fs';
import { goals } from './goals.ts';
import { findCores } from './machine/cores.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { peerNames } from './peers/index.ts';
import { type Plan, planOf } from './plan.ts';
import { toJson } from './report/json.ts';
import { table } from './report/table.ts';
import { progress, warnAboutCores } from './progress.ts';
import { runRounds } from './rounds.ts';
import { saveSummaries } from './saved-summaries.ts';
import { type Summary, summarise } from './summary.ts';
import { isFailure, judge, noiseLine, verdictTable } from './verdicts.ts';
import { workloads } from './workloads/index.ts';

/** `npm run bench`: measures this library beside its peers. */

async function run(plan: Plan): Promise<Summary[]> {
  const cores = findCores();
  warnAboutCores(cores);
  const summaries: Summary[] = [];
  for (const { workload, peers } of plan.entries) {
    const summary = summarise(await runRounds(workload, peers, { ...plan, cores, progress }));
    summaries.push(summary);
    console.log(`${table(summary)}\n`);
  }
  return summaries;
}

function list(): string {
  const width = Math.max(...workloads.map(({ name }) => name.length));
  const lines = workloads.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
  return ['Workloads:', ...lines, '', 'Peers:', `  ${peerNames.join(' ')}`].join('\n');
}

/** A client that broke; one that is not installed is no failure. */
function hasFailure({ rows }: Summary): boolean {
  return rows.some(({ missing }) => missing?.kind === 'failed');
}

async function main(options: Options): Promise<void> {
  if (options.mode === 'help') return console.log(usage);
  if (options.mode === 'list') return console.log(list());
  if (options.mode === 'smoke') console.log('A smoke run: too short for its figures to count.\n');
  const summaries = await run(planOf(options));
  if (summaries.some(hasFailure)) process.exitCode = 1;
  const verdicts = judge(goals, summaries);
  if (options.mode === 'check') {
    console.log(`${verdictTable(verdicts)}\n\n${noiseLine(summaries)}`);
    if (verdicts.some(isFailure)) process.exitCode = 1;
  }
  if (options.json !== null) writeFileSync(options.json, toJson(summaries, verdicts));
  if (options.save) saveSummaries(summaries);
}

function optionsOrExit(): Options {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${String(error)}\n\n${usage}`);
    process.exit(2);
  }
}

await main(optionsOrExit());
