import type { PeerClient } from '../peers/peer.ts';
import { openers, type StrataPeer } from '../strata/openers.ts';
import { answer, order } from '../program.ts';
import type { Strata } from '../strata/module.ts';
import { callsOf } from '../workloads/calls.ts';
import { workloads } from '../workloads/index.ts';
import { requestOf, sendAll } from '../workloads/traffic.ts';

/**
 * The program that compares two builds in one process, in blocks that alternate quickly (A B B A): both see the same
 * machine, the same heap and the same origin. It is given a `BlocksOrder` as JSON and writes `BlockPair[]`.
 */

export interface BlocksOrder {
  readonly base: string;
  readonly head: string;
  readonly peer: StrataPeer;
  readonly workload: string;
  readonly origin: string;
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** CPU-µs a request of two neighbouring blocks. */
export interface BlockPair {
  readonly base: number;
  readonly head: number;
}

/** Short enough that a disturbance hits few pairs, long enough for cpuUsage to be exact. */
const BLOCK_MS = 100;

type Block = (count: number) => Promise<number>;

async function run(order: BlocksOrder): Promise<BlockPair[]> {
  const base = await blockOf(order, order.base);
  const head = await blockOf(order, order.head);
  const count = await warmUp([base, head], order.warmupMs);
  const pairs: BlockPair[] = [];
  const end = performance.now() + order.measureMs;
  for (let turn = 0; performance.now() < end; turn++) {
    const baseFirst = turn % 2 === 0;
    const first = await (baseFirst ? base : head)(count);
    const second = await (baseFirst ? head : base)(count);
    pairs.push(baseFirst ? { base: first, head: second } : { base: second, head: first });
  }
  return pairs;
}

/** A function that sends so many requests through one build and gives the cost of each. */
async function blockOf(order: BlocksOrder, url: string): Promise<Block> {
  const workload = workloads.find(({ name }) => name === order.workload);
  if (workload?.shape !== 'closed-loop') throw new Error(`not a closed loop: ${order.workload}`);
  const { connections, headers = {} } = workload;
  const origins = [order.origin];
  const strata: Strata = await import(url);
  const client: PeerClient = openers[order.peer](strata, {
    origins,
    connections,
    headers,
    cookies: workload.decoded ?? false,
  });
  const request = requestOf(workload, client);
  const calls = callsOf(workload, origins);
  return async (count) => {
    const before = process.cpuUsage();
    await sendAll(workload, request, calls, count);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
}

/** Lets the JIT settle on both; resolves to the number of requests that fill a block. */
async function warmUp(blocks: readonly Block[], milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let count = 1000;
  while (performance.now() < end) {
    const start = performance.now();
    for (const block of blocks) await block(count);
    const perRequest = (performance.now() - start) / (count * blocks.length);
    count = Math.ceil(BLOCK_MS / perRequest);
  }
  return count;
}

answer(await run(order<BlocksOrder>()));
