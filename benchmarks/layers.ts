import { figure } from './report/figures.ts';
import { bareMicros, budgetTable, judgeBudgets } from './layers/verdict.ts';
import { measureLayers } from './layers/measure.ts';
import { layers } from './layers/variants.ts';
import { progress } from './progress.ts';
import { save } from './results.ts';
import { studyOptionsOrExit } from './study-options.ts';

/** `npm run bench:layers -- [LAYER…]`: what each layer adds to a request, and whether that is within its budget. */

const names = layers.map(({ name }) => name);

const { list, quick, ...options } = studyOptionsOrExit(
  `npm run bench:layers -- [LAYER…] [options]\n\n  LAYER: ${names.join(' ')}`,
  names,
);

async function main(): Promise<void> {
  if (list) return console.log(names.join('\n'));
  const seconds = options.seconds ?? (quick ? 0.4 : 0.7);
  const results = await measureLayers({
    names: options.names,
    warmupMs: seconds * 1000,
    measureMs: seconds * 1000,
    rounds: options.rounds ?? (quick ? 1 : 2),
    retries: quick ? 0 : 1,
    allCores: quick,
    progress,
  });
  const bare = figure(bareMicros(results) ?? Number.NaN);
  console.log(`A request without any layer: ${bare} CPU-µs. What each adds to it:\n`);
  console.log(budgetTable(judgeBudgets(results)));
  if (options.save) save('layers', results);
}

await main();
