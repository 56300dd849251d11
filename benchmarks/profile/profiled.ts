import { mkdirSync, writeFileSync } from 'node:fs';
import type { HeapProfiler, Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';
import type { Surroundings } from '../machine/window.ts';
import { isPeerName, loadPeer } from '../peers/index.ts';
import { answer, order } from '../program.ts';
import { callsOf } from '../workloads/calls.ts';
import { openClient } from '../workloads/closed-loop.ts';
import { workloads } from '../workloads/index.ts';
import { requestOf, sendAll, startTraffic } from '../workloads/traffic.ts';
import { Tally } from './where.ts';

/**
 * The program that is profiled: one peer under one workload. The profiler is told to start and stop from inside, so that
 * neither import nor warm-up is in it (`node --cpu-prof` has both). Takes a `ProfileOrder`, writes a `ProfileReport`.
 */

export interface ProfileOrder {
  readonly workload: string;
  readonly peer: string;
  readonly origins: readonly string[];
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Where the profile goes, for Chrome's DevTools. */
  readonly file: string;
  readonly top: number;
}

export interface Share {
  readonly name: string;
  readonly perRequest: number;
  readonly share: number;
}

export interface ProfileReport {
  readonly requests: number;
  /** In µs of self time; idle time is left out. */
  readonly functions: readonly Share[];
  readonly microsPerRequest: number;
  /** In bytes of V8's heap: what Buffers hold outside is not in it. */
  readonly allocations: readonly Share[];
  readonly bytesPerRequest: number;
}

const ALLOCATION_REQUESTS = 20_000;
/** Bytes between two samples, on average. */
const ALLOCATION_INTERVAL = 4096;

async function run(order: ProfileOrder): Promise<ProfileReport> {
  const { peer } = order;
  const workload = workloads.find(({ name }) => name === order.workload);
  if (workload?.shape !== 'closed-loop') throw new Error(`not a closed loop: ${order.workload}`);
  if (!isPeerName(peer)) throw new Error(`no peer ${peer}`);
  const surroundings: Surroundings = { serverPids: [], cores: null };
  const load = async () => (await loadPeer(peer)).open;
  const client = await openClient(workload, { ...order, surroundings, load });
  const calls = callsOf(workload, order.origins);
  const session = new Session();
  session.connect();

  const traffic = startTraffic(workload, client, calls);
  await traffic.wait(order.warmupMs);
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  const before = traffic.completed;
  await session.post('Profiler.start');
  await traffic.wait(order.measureMs);
  const { profile } = await session.post('Profiler.stop');
  const requests = traffic.completed - before;
  traffic.stop();
  mkdirSync(dirname(order.file), { recursive: true });
  writeFileSync(order.file, JSON.stringify(profile));

  await session.post('HeapProfiler.startSampling', {
    samplingInterval: ALLOCATION_INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await sendAll(workload, requestOf(workload, client), calls, ALLOCATION_REQUESTS);
  const heap = await session.post('HeapProfiler.stopSampling');

  const cpu = selfTimes(profile);
  const allocated = allocations(heap.profile);
  return {
    requests,
    functions: shares(cpu, requests, order.top),
    microsPerRequest: cpu.total / requests,
    allocations: shares(allocated, ALLOCATION_REQUESTS, order.top),
    bytesPerRequest: allocated.total / ALLOCATION_REQUESTS,
  };
}

function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Tally {
  const tally = new Tally();
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    if (frame !== undefined && frame.functionName !== '(idle)')
      tally.add(frame, timeDeltas[i] ?? 0);
  }
  return tally;
}

function allocations({ head }: HeapProfiler.SamplingHeapProfile): Tally {
  const tally = new Tally();
  const visit = ({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode): void => {
    tally.add(callFrame, selfSize);
    for (const child of children) visit(child);
  };
  visit(head);
  return tally;
}

function shares(tally: Tally, requests: number, top: number): Share[] {
  return tally.top(top).map(({ name, value }) => ({
    name,
    perRequest: value / requests,
    share: value / tally.total,
  }));
}

answer(await run(order<ProfileOrder>()));
