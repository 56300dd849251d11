import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BaseBuild, buildRef } from './compare/base-build.ts';
import type { BlockPair, BlocksOrder } from './compare/blocks.ts';
import { findCores } from './machine/cores.ts';
import { startOrigin } from './origin/start.ts';
import { shipped } from './paths.ts';
import { runProgram } from './program.ts';
import { figure } from './report/figures.ts';
import { median, medianInterval } from './statistics.ts';
import { isStrataPeer, type StrataPeer } from './strata/openers.ts';
import { workloads } from './workloads/index.ts';
import type { ClosedLoop } from './workloads/workload.ts';

/**
 * `npm run bench:compare -- REF [WORKLOAD…]`: is this tree faster or slower than that commit?
 * Exits 1 where it is slower by more than the noise.
 */

const usage =
  'npm run bench:compare -- REF [WORKLOAD…] [--peer strata-client] [--seconds 20]\n' +
  '  WORKLOAD: with one origin and requests in a loop; default get200-headers-c50 post1k-c50';

/** What differs by less is called the same: builds of equal sources differ by this much. */
const RESOLUTION = 0.05;

const program = fileURLToPath(new URL('compare/blocks.js', import.meta.url));

interface Options {
  readonly ref: string;
  readonly workloads: readonly ClosedLoop[];
  readonly peer: StrataPeer;
  readonly milliseconds: number;
}

function parseOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peer: { type: 'string', default: 'strata-client' },
      seconds: { type: 'string', default: '20' },
    },
  });
  const [ref, ...names] = positionals;
  const { peer } = values;
  if (ref === undefined) throw new TypeError('which commit?');
  if (!isStrataPeer(peer)) throw new TypeError(`no build of this library: ${peer}`);
  const chosen = names.length > 0 ? names : ['get200-headers-c50', 'post1k-c50'];
  return {
    ref,
    peer,
    workloads: chosen.map(loopNamed),
    milliseconds: Number(values.seconds) * 1000,
  };
}

function loopNamed(name: string): ClosedLoop {
  const workload = workloads.find((one) => one.name === name);
  if (workload?.shape !== 'closed-loop' || workload.origins !== undefined) {
    throw new TypeError(`not a workload that can be compared: ${name}`);
  }
  return workload;
}

async function blocksOf(workload: ClosedLoop, base: BaseBuild, options: Options) {
  const cores = findCores();
  const origin = await startOrigin({ count: 1, tls: workload.tls ?? false, core: cores?.server });
  try {
    const { peer, milliseconds } = options;
    const order: BlocksOrder = {
      base: base.url,
      head: shipped,
      peer,
      workload: workload.name,
      origin: origin.origins[0] ?? '',
      warmupMs: milliseconds / 5,
      measureMs: milliseconds,
    };
    return await runProgram<BlockPair[]>(program, order, {
      flags: [],
      core: cores?.client,
      origin,
      limitMs: 10 * milliseconds,
    });
  } finally {
    await origin.stop();
  }
}

/** Prints a line of the table; true where this tree is slower beyond doubt. */
function report(name: string, pairs: readonly BlockPair[]): boolean {
  const ratios = pairs.map(({ base, head }) => base / head);
  const { low, high } = medianInterval(ratios);
  const ratio = median(ratios);
  const isSlower = high < 1 && ratio < 1 - RESOLUTION;
  const isFaster = low > 1 && ratio > 1 + RESOLUTION;
  const verdict = isSlower ? '**slower**' : isFaster ? 'faster' : 'the same';
  const base = figure(median(pairs.map((pair) => pair.base)));
  const now = figure(median(pairs.map((pair) => pair.head)));
  const interval = `${ratio.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
  console.log(`| ${name} | ${base} | ${now} | ${interval} | ${pairs.length} | ${verdict} |`);
  return isSlower;
}

async function main(options: Options): Promise<void> {
  const base = buildRef(options.ref);
  process.once('SIGINT', () => {
    base.remove();
    process.exit(130);
  });
  try {
    console.log(`${options.peer}, this tree against ${base.commit}; CPU-µs/request\n`);
    console.log(
      '| workload | base | now | base ÷ now (95 %) | pairs | |\n|---|---:|---:|---:|---:|---|',
    );
    for (const workload of options.workloads) {
      const isSlower = report(workload.name, await blocksOf(workload, base, options));
      if (isSlower) process.exitCode = 1;
    }
  } finally {
    base.remove();
  }
}

try {
  await main(parseOptions());
} catch (error) {
  console.error(`${String(error)}\n\n${usage}`);
  process.exitCode = 2;
}
