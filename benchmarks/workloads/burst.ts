import { openWindow } from '../machine/window.ts';
import { callsOf } from './calls.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import type { Burst } from './workload.ts';

/** Starts all requests in one turn of the event loop and awaits them all, until the time is up. */
export async function measure(workload: Burst, setting: Setting): Promise<Measurement> {
  const open = await setting.load();
  const { connections, headers = {}, requests, expects } = workload;
  const client = await open({ origins: setting.origins, connections, headers, cookies: false });
  const request = ability(client, 'request');
  const [call] = callsOf(workload, setting.origins);
  if (call === undefined) throw new Error('no origin');

  const burst = async () => {
    const lengths = await Promise.all(Array.from({ length: requests }, () => request(call)));
    if (lengths.some((length) => length !== expects)) throw new Error('a body was cut short');
  };
  const repeat = async (milliseconds: number) => {
    const end = performance.now() + milliseconds;
    let bursts = 0;
    do {
      await burst();
      bursts++;
    } while (performance.now() < end);
    return bursts;
  };

  await repeat(setting.warmupMs);
  const close = openWindow(setting.surroundings);
  const done = (await repeat(setting.measureMs)) * requests;
  const usage = close();
  return {
    cost: usage.cpuMicros / done,
    rate: (done / usage.wallMicros) * 1e6,
    usage,
    extra: {},
  };
}
