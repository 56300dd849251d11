import * as strata from '../../src/index.ts';
import { poolOptions } from '../strata/pool.ts';
import { type FetchLike, fetchClient } from './fetch-client.ts';
import type { OpenPeer } from './peer.ts';
import { Unsupported } from './unsupported.ts';

/** The library as a `fetch` function, over a client with its default layers. */
export const open: OpenPeer = async (options) => {
  const toFetch = await findAdapter();
  const client = new strata.Client(poolOptions(options.connections));
  return fetchClient(toFetch(client.transport), options);
};

type ToFetch = (transport: strata.Transport) => FetchLike;

/** Looked for at run time, so that the benchmarks compile before the adapter exists. */
async function findAdapter(): Promise<ToFetch> {
  const url: string = new URL('../../src/adapters/to-fetch.js', import.meta.url).href;
  const module: { toFetch?: ToFetch } = await import(url).catch(() => strata);
  if (module.toFetch === undefined) throw new Unsupported('toFetch does not exist');
  return module.toFetch;
}
