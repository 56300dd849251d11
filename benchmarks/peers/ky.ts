import ky from 'ky';
import { fetchClient } from './fetch-client.ts';
import type { OpenPeer } from './peer.ts';

/** ky, over Node's own `fetch`. */
export const open: OpenPeer = (options) => {
  const client = ky.create({ headers: { ...options.headers } });
  return fetchClient((url, init) => client(url, init), { ...options, headers: {} });
};
