import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Call, PeerClient } from '../peers/peer.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import type { Memory } from './workload.ts';

/** Done before the first look at the heap, so that code and caches do not count. */
const WARM = 20;
const WARM_ROUNDS = 10;

/** The growth of the heap by what only waits. */
export async function measure(workload: Memory, setting: Setting): Promise<Measurement> {
  const { origins } = setting;
  const { holds, count } = workload;
  const open = await setting.load();
  // those that queue do so for a single connection
  const connections = holds === 'queued requests' ? 1 : WARM + count;
  const client = await open({ origins, connections, headers: {}, cookies: false });
  const [origin = ''] = origins;
  const prepare = preparations[holds];
  const hold = await prepare(client, (path) => ({
    method: 'GET',
    origin,
    path,
    url: origin + path,
  }));

  const before = await settledMemory();
  kept.push(await hold(count));
  const after = await settledMemory();
  return {
    cost: (after.heapUsed - before.heapUsed) / count,
    rate: null,
    usage: null,
    extra: {
      'external bytes': (after.external - before.external) / count,
      'RSS bytes': (after.rss - before.rss) / count,
    },
  };
}

/** What callers would hold on to. It must outlive the second look at the heap. */
const kept: unknown[] = [];

/** Brings about so many more of what is measured; resolves to what is to be kept. */
type Hold = (count: number) => Promise<unknown>;

/** Warms up, and tells how to bring about each kind. */
const preparations: Record<
  Memory['holds'],
  (client: PeerClient, callTo: (path: string) => Call) => Promise<Hold>
> = {
  async 'idle connections'(client, callTo) {
    const request = ability(client, 'request');
    /** The origin answers none before all have come: each has a connection of its own then. */
    const openTogether = async (count: number) => {
      const call = callTo(`/hold/${count}`);
      await Promise.all(Array.from({ length: count }, () => request(call)));
    };
    for (let round = 0; round < WARM_ROUNDS; round++) await openTogether(WARM);
    return (count) => openTogether(WARM + count);
  },

  async 'queued requests'(client, callTo) {
    const request = ability(client, 'request');
    const call = callTo('/200');
    for (let i = 0; i < WARM * WARM_ROUNDS; i++) {
      await Promise.all([request(call), request(call)]);
    }
    // the one connection waits for an answer that does not come, and all others wait for it
    kept.push(request(callTo('/hold/2')));
    return async (count) => Array.from({ length: count }, () => request(call));
  },

  async 'open responses'(client, callTo) {
    const respond = ability(client, 'respond');
    const call = callTo('/unfinished');
    const openTogether = (count: number) =>
      Promise.all(Array.from({ length: count }, () => respond(call)));
    kept.push(await openTogether(WARM));
    return openTogether;
  },
};

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  if (globalThis.gc === undefined) throw new Error('needs node --expose-gc');
  await sleep(300);
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await turn();
  }
  return process.memoryUsage();
}
