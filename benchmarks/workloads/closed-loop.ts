import { openWindow } from '../machine/window.ts';
import type { Call, PeerClient } from '../peers/peer.ts';
import { callsOf } from './calls.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import { requestOf, sendAll, startTraffic, type Traffic } from './traffic.ts';
import type { ClosedLoop, OpenLoop } from './workload.ts';

/** Below this rate, of CPU time, the JIT has seen too little after one warm-up, and is given two more. */
const SLOW_REQUESTS_PER_SECOND = 10_000;
/** A client that has little to do, or a machine with much else, is not waited for longer than so many times as long. */
const LONGEST_WARMUP = 4;

/** Keeps `concurrency` requests in flight, and looks at a stretch of time after a warm-up. */
export async function measure(workload: ClosedLoop, setting: Setting): Promise<Measurement> {
  const client = await openClient(workload, setting);
  const calls = callsOf(workload, setting.origins);
  const connecting = await connectAll(workload, client, calls);
  const traffic = startTraffic(workload, client, calls);

  await warmUp(traffic, setting.warmupMs);
  if (traffic.completed < (SLOW_REQUESTS_PER_SECOND * setting.warmupMs) / 1000) {
    await warmUp(traffic, 2 * setting.warmupMs);
  }
  const before = traffic.completed;
  const close = openWindow(setting.surroundings);
  await traffic.wait(setting.measureMs);
  const usage = close();
  const requests = traffic.completed - before;
  traffic.stop();

  return {
    cost: usage.cpuMicros / requests,
    rate: (requests / usage.wallMicros) * 1e6,
    usage,
    extra: connecting,
  };
}

/** Lets it run for so much CPU time: what the JIT knows depends on that, not on the clock. */
async function warmUp(traffic: Traffic, milliseconds: number): Promise<void> {
  const end = performance.now() + LONGEST_WARMUP * milliseconds;
  const before = process.cpuUsage();
  let spent = 0;
  do {
    await traffic.wait(Math.max(10, Math.min(milliseconds - spent, end - performance.now())));
    const { user, system } = process.cpuUsage(before);
    spent = (user + system) / 1000;
  } while (spent < milliseconds && performance.now() < end);
}

export async function openClient(
  workload: ClosedLoop | OpenLoop,
  setting: Setting,
): Promise<PeerClient> {
  const open = await setting.load();
  const { origins } = setting;
  const { connections, headers = {}, layers } = workload;
  const cookies = workload.shape === 'closed-loop' && workload.decoded === true;
  const client = await open({
    origins,
    connections,
    headers,
    cookies,
    ...(layers !== undefined && { layers }),
  });
  if (cookies) {
    const [origin = ''] = origins;
    const path = '/session';
    await ability(client, 'request')({ method: 'GET', origin, path, url: origin + path });
  }
  return client;
}

/** With many origins the first request to each opens its connection, which is a figure of its own. */
async function connectAll(
  workload: ClosedLoop,
  client: PeerClient,
  calls: readonly Call[],
): Promise<Record<string, number>> {
  if (workload.origins === undefined) return {};
  const heapBefore = heapAfterCollection();
  const cpuBefore = process.cpuUsage();
  await sendAll(workload, requestOf(workload, client), calls, calls.length);
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    'connect CPU-µs': (user + system) / calls.length,
    'heap bytes/origin': (heapAfterCollection() - heapBefore) / calls.length,
  };
}

function heapAfterCollection(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
