import { fetchClient } from './fetch-client.ts';
import type { OpenPeer } from './peer.ts';

/** Node's own `fetch`. Its connections are not limited, nor can they be without undici. */
export const open: OpenPeer = (options) => fetchClient(fetch, options);
