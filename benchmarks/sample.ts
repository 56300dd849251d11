import type { Surroundings } from './machine/window.ts';
import { isPeerName, loadPeer, type PeerName } from './peers/index.ts';
import { Unsupported } from './peers/unsupported.ts';
import { answer, order } from './program.ts';
import { measure } from './workloads/measure.ts';
import type { Measurement } from './workloads/measurement.ts';
import type { Workload } from './workloads/workload.ts';

/**
 * The program of one sample: one peer under one workload in a process of its own.
 * It is given a `SampleOrder` as JSON and writes an `Outcome` as JSON.
 */

export interface SampleOrder {
  readonly workload: Workload;
  readonly peer: string;
  readonly origins: readonly string[];
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly surroundings: Surroundings;
}

export type Outcome =
  | { readonly kind: 'measured'; readonly measurement: Measurement }
  /** The peer's package is not installed, or it cannot do this. */
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

async function run(order: SampleOrder): Promise<Outcome> {
  const { peer, workload } = order;
  if (!isPeerName(peer)) throw new Error(`unknown: ${peer}`);
  try {
    const load = async () => (await loadPeer(peer)).open;
    return { kind: 'measured', measurement: await measure(workload, { ...order, load }) };
  } catch (error) {
    if (!(error instanceof Error)) return { kind: 'failed', reason: String(error) };
    if (isAbsence(error, peer)) return { kind: 'absent', reason: error.message };
    return { kind: 'failed', reason: error.stack ?? error.message };
  }
}

/** Of this library nothing may be missing but what is not written yet. */
function isAbsence(error: Error, peer: PeerName): boolean {
  if (error instanceof Unsupported) return true;
  const notFound = 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  return notFound && !peer.startsWith('strata');
}

answer(await run(order<SampleOrder>()));
