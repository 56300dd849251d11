import type { Transport } from '../../src/index.ts';
import { poolOptions } from '../strata/pool.ts';
import { strata } from '../strata/shipped.ts';
import { type FetchLike, fetchClient } from './fetch-client.ts';
import type { OpenPeer } from './peer.ts';
import { Unsupported } from './unsupported.ts';

/** The library as a `fetch` function, over a client with its default layers. */
export const open: OpenPeer = async (options) => {
  const { toFetch } = strata as { toFetch?: (transport: Transport) => FetchLike };
  if (toFetch === undefined) throw new Unsupported('toFetch does not exist');
  const client = new strata.Client(poolOptions(options.connections));
  return fetchClient(toFetch(client.transport), options);
};
