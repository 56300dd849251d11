import { Agent, fetch } from 'undici';
import { fetchClient } from './fetch-client.ts';
import type { OpenPeer } from './peer.ts';

/** The `fetch` of the undici package, over as many connections as everybody has. */
export const open: OpenPeer = (options) => {
  const dispatcher = new Agent({ connections: options.connections, keepAliveTimeout: 60_000 });
  return fetchClient((url, init) => fetch(url, { ...init, dispatcher }), options);
};
