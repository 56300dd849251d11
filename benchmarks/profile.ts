import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findCores } from './machine/cores.ts';
import { startOrigin } from './origin/start.ts';
import { root } from './paths.ts';
import type { ProfileOrder, ProfileReport, Share } from './profile/profiled.ts';
import { runProgram } from './program.ts';
import { figure, percent } from './report/figures.ts';
import { workloads } from './workloads/index.ts';

/** `npm run profile -- WORKLOAD`: where the time of a request goes, and what it allocates. */

const usage =
  'npm run profile -- WORKLOAD [--peer strata-client] [--seconds 3] [--top 25]\n' +
  '  WORKLOAD: one with requests in a loop, such as get200-headers-c50';

const program = fileURLToPath(new URL('profile/profiled.js', import.meta.url));

async function profile(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peer: { type: 'string', default: 'strata-client' },
      seconds: { type: 'string', default: '3' },
      top: { type: 'string', default: '25' },
    },
  });
  const [name] = positionals;
  const workload = workloads.find((one) => one.name === name);
  if (workload?.shape !== 'closed-loop') throw new TypeError(`not a loop of requests: ${name}`);
  const { peer } = values;
  const measureMs = Number(values.seconds) * 1000;
  const file = join(root, 'build', 'profile', `${workload.name}-${peer}.cpuprofile`);

  const cores = findCores();
  const { tls = false, origins: count = 1 } = workload;
  const origin = await startOrigin({ count, tls, core: cores?.server });
  try {
    const order: ProfileOrder = {
      workload: workload.name,
      peer,
      origins: origin.origins,
      warmupMs: measureMs,
      measureMs,
      file,
      top: Number(values.top),
    };
    const report = await runProgram<ProfileReport>(program, order, {
      flags: ['--enable-source-maps'],
      core: cores?.client,
      origin,
      limitMs: 20 * measureMs + 60_000,
    });
    print(report, `${workload.name}, ${peer}`, file);
  } finally {
    await origin.stop();
  }
}

function print(report: ProfileReport, title: string, file: string): void {
  const { requests, microsPerRequest, bytesPerRequest } = report;
  console.log(`${title}: ${requests.toLocaleString('en')} requests profiled, in ${file}\n`);
  console.log(
    `Self time, ${figure(microsPerRequest)} µs a request (the profiler's cost included)\n`,
  );
  printShares(report.functions, 'µs');
  console.log(`\nAllocated on V8's heap, ${figure(bytesPerRequest)} bytes a request\n`);
  printShares(report.allocations, 'bytes');
}

function printShares(shares: readonly Share[], unit: string): void {
  for (const { name, perRequest, share } of shares) {
    console.log(`${percent(share).padStart(6)} ${figure(perRequest).padStart(7)} ${unit}  ${name}`);
  }
}

try {
  await profile();
} catch (error) {
  console.error(`${String(error)}\n\n${usage}`);
  process.exitCode = 2;
}
