import { openWindow } from '../machine/window.ts';
import { answer, order } from '../program.ts';
import { median, medianInterval } from '../statistics.ts';
import { openPair, type Send } from './pair.ts';

/**
 * The program that measures one layer in one mode: requests with it and without it, in blocks that alternate quickly
 * (A B B A) in one process, over a network in memory. It is given a `CostOrder` and answers with a `CostOutcome`.
 */

export interface CostOrder {
  readonly layer: string;
  readonly mode: string;
  /** Of CPU time, both. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** To tell what other processes use of it. */
  readonly core: number | null;
}

export type CostOutcome =
  | { readonly kind: 'measured'; readonly cost: LayerCost }
  /** This build has no such layer. */
  | { readonly kind: 'absent'; readonly reason: string };

export interface LayerCost {
  /** What the layer adds to a request, in CPU-µs: the median over pairs of blocks, and where it lies with 95 %. */
  readonly micros: number;
  readonly low: number;
  readonly high: number;
  /** The same in bytes of V8's heap. */
  readonly bytes: number;
  /** A request without it, in CPU-µs. */
  readonly bare: number;
  readonly pairs: number;
  /** What other processes had of this core. */
  readonly foreign: number | null;
}

const CONCURRENCY = 50;
/** Short enough that a disturbance hits few pairs. */
const BLOCK_MS = 10;
/** Together they allocate less than the young generation holds (program.ts sets its size): nothing is collected within. */
const ALLOCATION_REQUESTS = 500;
const ALLOCATION_BLOCKS = 9;

async function run({ layer, mode, ...order }: CostOrder): Promise<CostOutcome> {
  const pair = await openPair(layer, mode);
  if (pair.kind === 'absent') return pair;
  const { bare, layered } = pair;
  const count = await warmUp([bare, layered], order.warmupMs);
  const close = openWindow({ serverPids: [], cores: order.core === null ? null : [order.core] });
  const blocks = await alternate(bare, layered, count, order.measureMs);
  const { foreign } = close();
  const added = blocks.map((block) => block.layered - block.bare);
  return {
    kind: 'measured',
    cost: {
      micros: median(added),
      ...medianInterval(added),
      bytes: (await allocated(layered)) - (await allocated(bare)),
      bare: median(blocks.map((block) => block.bare)),
      pairs: blocks.length,
      foreign,
    },
  };
}

async function alternate(bare: Send, layered: Send, count: number, milliseconds: number) {
  const blocks: { bare: number; layered: number }[] = [];
  const end = cpuMillis() + milliseconds;
  for (let turn = 0; cpuMillis() < end; turn++) {
    const bareFirst = turn % 2 === 0;
    const first = await cpuMicros(bareFirst ? bare : layered, count);
    const second = await cpuMicros(bareFirst ? layered : bare, count);
    blocks.push(bareFirst ? { bare: first, layered: second } : { bare: second, layered: first });
  }
  return blocks;
}

/** Lets the JIT settle on both; resolves to the number of requests that fill a block. */
async function warmUp(sends: readonly Send[], milliseconds: number): Promise<number> {
  const end = cpuMillis() + milliseconds;
  let count = 200;
  while (cpuMillis() < end) {
    const start = cpuMillis();
    for (const send of sends) await sendAll(send, count);
    const each = (cpuMillis() - start) / (count * sends.length);
    count = Math.max(CONCURRENCY, Math.ceil(BLOCK_MS / each));
  }
  return count;
}

async function cpuMicros(send: Send, count: number): Promise<number> {
  const before = cpuMillis();
  await sendAll(send, count);
  return ((cpuMillis() - before) * 1000) / count;
}

/** The clock of all here: on a busy machine as much is warmed up and measured as on a quiet one, only later. */
function cpuMillis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Bytes that a request allocates, whether or not they live on. */
async function allocated(send: Send): Promise<number> {
  const found: number[] = [];
  for (let block = 0; block < ALLOCATION_BLOCKS; block++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await sendAll(send, ALLOCATION_REQUESTS);
    found.push((process.memoryUsage().heapUsed - before) / ALLOCATION_REQUESTS);
  }
  return median(found);
}

async function sendAll(send: Send, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await send();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

answer(await run(order<CostOrder>()));
