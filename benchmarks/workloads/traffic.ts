import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, PeerClient } from '../peers/peer.ts';
import { ability } from './measurement.ts';
import type { ClosedLoop } from './workload.ts';

/** Requests that are always under way. */
export interface Traffic {
  readonly completed: number;
  /** Lets it run; rejects as soon as a request fails. */
  wait(milliseconds: number): Promise<void>;
  stop(): void;
}

type Send = (call: Call) => Promise<number>;

/** How a client sends the calls of this workload. */
export function requestOf({ decoded, chunkwise }: ClosedLoop, client: PeerClient): Send {
  if (chunkwise === true) return ability(client, 'download');
  if (decoded !== true) return ability(client, 'request');
  const json = ability(client, 'json');
  return async (call) => {
    const document = (await json(call)) as { total: number };
    return document.total;
  };
}

/** Keeps `concurrency` requests in flight until it is stopped. */
export function startTraffic(
  workload: ClosedLoop,
  client: PeerClient,
  calls: readonly Call[],
): Traffic {
  const state = { completed: 0, limit: Number.POSITIVE_INFINITY };
  let stop = () => {
    state.limit = 0;
  };
  let workers = new Promise<void>(() => {}); // the peer's own loop has none to fail
  const isSpecial = workload.decoded === true || workload.chunkwise === true;
  if (client.loop === undefined || isSpecial) {
    workers = work(workload, requestOf(workload, client), calls, state);
  } else {
    stop = client.loop(calls, workload.concurrency, () => {
      state.completed++;
    });
  }
  return {
    get completed() {
      return state.completed;
    },
    wait: (milliseconds) => Promise.race([sleep(milliseconds), workers]),
    stop,
  };
}

/** Sends so many requests, `concurrency` of them in flight, and awaits the last. */
export async function sendAll(
  workload: ClosedLoop,
  request: Send,
  calls: readonly Call[],
  count: number,
): Promise<void> {
  await work(workload, request, calls, { completed: 0, limit: count });
}

async function work(
  { concurrency, expects }: ClosedLoop,
  request: Send,
  calls: readonly Call[],
  state: { completed: number; limit: number },
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < state.limit) {
      const call = calls[next++ % calls.length] as Call;
      const got = await request(call);
      if (got !== expects) throw new Error(`${call.url}: got ${got} instead of ${expects}`);
      state.completed++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
