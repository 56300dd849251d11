import { fileURLToPath } from 'node:url';
import { findCores } from '../machine/cores.ts';
import { warnAboutCores } from '../progress.ts';
import { runProgram } from '../program.ts';
import { FOREIGN_LIMIT } from '../rounds.ts';
import { median } from '../statistics.ts';
import type { CostOrder, CostOutcome, LayerCost } from './cost.ts';
import { layers, variantName } from './variants.ts';

/** One layer in one mode, as measured: medians of the rounds. Null: this build has no such layer. */
export interface LayerResult {
  readonly name: string;
  readonly layer: string;
  readonly mode: string;
  readonly cost: LayerCost | null;
}

export interface LayersOptions {
  /** Layers; none: all. */
  readonly names: readonly string[];
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Processes for each layer and mode. */
  readonly rounds: number;
  /** How often one is measured again while others disturb it. */
  readonly retries: number;
  /** Two at a time, each on a core of its own: twice as fast, and noisier. */
  readonly allCores?: boolean;
  readonly progress: (message: string) => void;
}

const program = fileURLToPath(new URL('cost.js', import.meta.url));

/** The young generation as it is in a process that has run for a while: small blocks then fit without a collection. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=16'];

export async function measureLayers(options: LayersOptions): Promise<LayerResult[]> {
  const todo = layers
    .filter(({ name }) => options.names.length === 0 || options.names.includes(name))
    .flatMap(({ name, modes }) => Object.keys(modes).map((mode) => ({ layer: name, mode })));
  const results: LayerResult[] = [];
  let next = 0;
  const measureOn = async (core: number | undefined) => {
    for (let place = next++; place < todo.length; place = next++) {
      const { layer, mode } = todo[place] as (typeof todo)[number];
      const name = variantName(layer, mode);
      const cost = await measureMode(layer, mode, core, options);
      options.progress(`${name}: ${cost === null ? 'absent' : cost.micros.toFixed(2)}`);
      results[place] = { name, layer, mode, cost };
    }
  };
  await Promise.all(coresFor(options).map(measureOn));
  return results;
}

function coresFor({ allCores }: LayersOptions): (number | undefined)[] {
  const cores = findCores();
  if (cores === null) {
    warnAboutCores(null);
    return [undefined];
  }
  return allCores === true ? [cores.client, cores.server] : [cores.client];
}

async function measureMode(
  layer: string,
  mode: string,
  core: number | undefined,
  { rounds, retries, warmupMs, measureMs }: LayersOptions,
): Promise<LayerCost | null> {
  const order: CostOrder = { layer, mode, warmupMs, measureMs, core: core ?? null };
  const costs: LayerCost[] = [];
  for (let round = 0; round < rounds; round++) {
    const cost = await calmCost(order, retries);
    if (cost === null) return null;
    costs.push(cost);
  }
  return medians(costs);
}

/** The calmest of a few, where the first is disturbed. */
async function calmCost(order: CostOrder, retries: number): Promise<LayerCost | null> {
  let calmest: LayerCost | null = null;
  for (let attempt = 0; attempt <= retries; attempt++) {
    const outcome = await runProgram<CostOutcome>(program, order, {
      flags: FLAGS,
      core: order.core ?? undefined,
      origin: null,
      limitMs: 30_000 + 10 * (order.warmupMs + order.measureMs),
    });
    if (outcome.kind === 'absent') return null;
    const { cost } = outcome;
    if (calmest === null || (cost.foreign ?? 0) < (calmest.foreign ?? 0)) calmest = cost;
    if ((calmest.foreign ?? 0) <= FOREIGN_LIMIT) break;
  }
  return calmest;
}

function medians(costs: readonly LayerCost[]): LayerCost {
  const of = (pick: (cost: LayerCost) => number) => median(costs.map(pick));
  return {
    micros: of(({ micros }) => micros),
    low: Math.min(...costs.map(({ low }) => low)),
    high: Math.max(...costs.map(({ high }) => high)),
    bytes: of(({ bytes }) => bytes),
    bare: of(({ bare }) => bare),
    pairs: costs.reduce((sum, { pairs }) => sum + pairs, 0),
    foreign: of(({ foreign }) => foreign ?? 0),
  };
}
