import { setTimeout as sleep } from 'node:timers/promises';
import { openWindow } from '../machine/window.ts';
import { percentile } from '../statistics.ts';
import { arrivalTimes } from './arrivals.ts';
import { callsOf } from './calls.ts';
import { openClient } from './closed-loop.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import { sendAll } from './traffic.ts';
import type { OpenLoop } from './workload.ts';

/** Requests sent as fast as they go before any that is measured: at a low rate the JIT would see too little. */
const WARM_REQUESTS = 5_000;

/**
 * Begins requests at times that are set beforehand, and measures from those: what has to wait because others are slow
 * has waited all the same. (To wait for an answer before the next request begins would leave just those out.)
 */
export async function measure(workload: OpenLoop, setting: Setting): Promise<Measurement> {
  const client = await openClient(workload, setting);
  const request = ability(client, 'request');
  const [call] = callsOf(workload, setting.origins);
  if (call === undefined) throw new Error('no origin');
  const send = async () => {
    const length = await request(call);
    if (length !== workload.expects) throw new Error(`got ${length} bytes`);
  };
  const { arrivals, connections } = workload;

  const flatOut = { ...workload, shape: 'closed-loop', concurrency: connections } as const;
  await sendAll(flatOut, request, [call], WARM_REQUESTS);
  await latencies(arrivalTimes(arrivals, setting.warmupMs, 1), send);
  await sleep(50);
  const close = openWindow(setting.surroundings);
  const sorted = (await latencies(arrivalTimes(arrivals, setting.measureMs, 2), send)).sort();
  const usage = close();
  const micros = (share: number) => percentile(sorted, share) * 1000;
  return {
    cost: micros(0.99),
    rate: (sorted.length / usage.wallMicros) * 1e6,
    usage,
    extra: {
      'p50 µs': micros(0.5),
      'p90 µs': micros(0.9),
      'p99.9 µs': micros(0.999),
      'max µs': micros(1),
    },
  };
}

/**
 * Sends at these times, and resolves to how long after each its answer was there. It never sleeps, since timers are
 * exact to a millisecond only: it looks at the clock in each turn of the event loop, for every client alike.
 */
function latencies(times: Float64Array, send: () => Promise<void>): Promise<Float64Array> {
  return new Promise((resolve, reject) => {
    const found = new Float64Array(times.length);
    const start = performance.now();
    let begun = 0;
    let ended = 0;
    const begin = (i: number, due: number) => {
      send().then(() => {
        found[i] = performance.now() - start - due;
        ended++;
        if (ended === times.length) resolve(found);
      }, reject);
    };
    const turn = () => {
      const now = performance.now() - start;
      for (let due = times[begun]; due !== undefined && due <= now; due = times[begun]) {
        begin(begun, due);
        begun++;
      }
      // on to the end, not to the last request: all are to be waited for in the same way
      if (ended < times.length) setImmediate(turn);
    };
    turn();
  });
}
