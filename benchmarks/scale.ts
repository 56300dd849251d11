import { findCores } from './machine/cores.ts';
import { progress, warnAboutCores } from './progress.ts';
import { save } from './results.ts';
import { type RoundsOptions, runRounds } from './rounds.ts';
import { type Curve, type CurveResult, curveResult } from './scale/curve.ts';
import { curves } from './scale/curves.ts';
import { curveTable } from './scale/table.ts';
import { studyOptionsOrExit } from './study-options.ts';
import { summarise } from './summary.ts';

/** `npm run bench:scale -- [CURVE…]`: what a request costs as something grows. */

const names = curves.map(({ name }) => name);

const options = studyOptionsOrExit(
  `npm run bench:scale -- [CURVE…] [options]\n\n  CURVE: ${names.join(' ')}`,
  names,
);

async function measured(curve: Curve, how: RoundsOptions): Promise<CurveResult> {
  const summaries = [];
  for (const { workload } of curve.points)
    summaries.push(summarise(await runRounds(workload, curve.peers, how)));
  return curveResult(curve, summaries);
}

async function main(): Promise<void> {
  if (options.list) return console.log(names.join('\n'));
  const cores = findCores();
  warnAboutCores(cores);
  const { quick } = options;
  const measureMs = (options.seconds ?? (quick ? 0.25 : 0.5)) * 1000;
  const how: RoundsOptions = {
    rounds: options.rounds ?? (quick ? 1 : 3),
    retries: quick ? 0 : 1,
    twin: false,
    warmupMs: measureMs,
    measureMs,
    cores,
    progress,
  };
  const results: CurveResult[] = [];
  for (const curve of curves) {
    if (options.names.length > 0 && !options.names.includes(curve.name)) continue;
    const result = await measured(curve, how);
    results.push(result);
    console.log(
      `### ${result.name}: ${result.title}\n\nCPU-µs a request · × undici-request\n\n${curveTable(result)}\n`,
    );
    if (options.save) save('scale', [result]); // one by one: a run that is broken off has not been for nothing
  }
}

await main();
