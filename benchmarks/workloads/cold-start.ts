import { ability, type Measurement, type Setting } from './measurement.ts';
import type { ColdStart } from './workload.ts';

/** The time to the first response, from nothing loaded. What the harness needs is loaded before. */
export async function measure(_workload: ColdStart, setting: Setting): Promise<Measurement> {
  const [origin = ''] = setting.origins;
  const { origins } = setting;
  const start = performance.now();
  const open = await setting.load();
  const loaded = performance.now();
  const client = await open({ origins, connections: 1, headers: {}, cookies: false });
  const path = '/200';
  await ability(client, 'request')({ method: 'GET', origin, path, url: origin + path });
  const answered = performance.now();
  return {
    cost: answered - start,
    rate: null,
    usage: null,
    extra: {
      'import ms': loaded - start,
      'first request ms': answered - loaded,
      'process ms': answered,
      'RSS MB': process.memoryUsage.rss() / 1e6,
    },
  };
}
