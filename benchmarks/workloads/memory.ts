import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../peers/peer.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import type { IdleConnections } from './workload.ts';

/** Opened before the first look at the heap, so that code and caches do not count. */
const WARM_CONNECTIONS = 20;
const WARM_ROUNDS = 10;

/** The growth of the heap by connections that have answered once and now only wait. */
export async function measure(workload: IdleConnections, setting: Setting): Promise<Measurement> {
  const open = await setting.load();
  const [origin = ''] = setting.origins;
  const { connections } = workload;
  const all = WARM_CONNECTIONS + connections;
  const { origins } = setting;
  const client = await open({ origins, connections: all, headers: {}, cookies: false });
  const request = ability(client, 'request');
  /** The origin answers none before all have come: each has a connection of its own then. */
  const openTogether = async (count: number) => {
    const path = `/hold/${count}`;
    const call: Call = { method: 'GET', origin, path, url: origin + path };
    await Promise.all(Array.from({ length: count }, () => request(call)));
  };

  for (let round = 0; round < WARM_ROUNDS; round++) await openTogether(WARM_CONNECTIONS);
  const before = await settledMemory();
  await openTogether(all);
  const after = await settledMemory();
  return {
    cost: (after.heapUsed - before.heapUsed) / connections,
    rate: null,
    usage: null,
    extra: {
      'external bytes': (after.external - before.external) / connections,
      'RSS bytes': (after.rss - before.rss) / connections,
    },
  };
}

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  if (globalThis.gc === undefined) throw new Error('needs node --expose-gc');
  await sleep(300);
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await turn();
  }
  return process.memoryUsage();
}
