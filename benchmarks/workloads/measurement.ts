import type { Surroundings, Usage } from '../machine/window.ts';
import type { OpenPeer, PeerClient } from '../peers/peer.ts';
import { Unsupported } from '../peers/unsupported.ts';

/** What a shape is given to work with, in the process of one sample. */
export interface Setting {
  readonly origins: readonly string[];
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly surroundings: Surroundings;
  /** Loads the peer's module, and with it the library. */
  load(): Promise<OpenPeer>;
}

/** What came of it. */
export interface Measurement {
  /** In the workload's unit, less is better. */
  readonly cost: number;
  /** Requests or megabytes a second, where that says something. */
  readonly rate: number | null;
  readonly usage: Usage | null;
  /** Further figures by name and unit, for the last column. */
  readonly extra: Readonly<Record<string, number>>;
}

/** One method of a peer; `Unsupported` where the peer has none. */
export function ability<Name extends keyof PeerClient>(
  client: PeerClient,
  name: Name,
): NonNullable<PeerClient[Name]> {
  const method = client[name];
  if (method === undefined) throw new Unsupported(`no ${name}`);
  return method;
}
