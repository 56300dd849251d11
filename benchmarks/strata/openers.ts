import type { PeerClient, PeerOptions } from '../peers/peer.ts';
import { openClient } from './client.ts';
import type { Strata } from './module.ts';
import { openPool } from './pool.ts';

/** The peers of this library, each to be made of whatever build it is given. */
export const openers = {
  'strata-pool': openPool,
  'strata-client': openClient,
  'strata-client-5-layers': (strata, options) =>
    openClient(strata, { ...options, layers: { count: 5, kind: 'async' } }),
} satisfies Record<string, (strata: Strata, options: PeerOptions) => PeerClient>;

export type StrataPeer = keyof typeof openers;

export function isStrataPeer(name: string): name is StrataPeer {
  return Object.hasOwn(openers, name);
}
