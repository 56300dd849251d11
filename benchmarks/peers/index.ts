import type { OpenPeer } from './peer.ts';

interface PeerModule {
  readonly open: OpenPeer;
}

/** Every peer by its name. None is loaded before it is asked for, in a process of its own. */
const peers = {
  'strata-pool': () => import('./strata-pool.ts'),
  'strata-client': () => import('./strata-client.ts'),
  'strata-client-5-layers': () => import('./strata-client-5-layers.ts'),
  'strata-fetch': () => import('./strata-fetch.ts'),
  'raw-socket': () => import('./raw-socket.ts'),
  'undici-request': () => import('./undici-request.ts'),
  'undici-dispatch': () => import('./undici-dispatch.ts'),
  'undici-stream': () => import('./undici-stream.ts'),
  'undici-fetch': () => import('./undici-fetch.ts'),
  'node-http': () => import('./node-http.ts'),
  'builtin-fetch': () => import('./builtin-fetch.ts'),
  axios: () => import('./axios.ts'),
  got: () => import('./got.ts'),
  ky: () => import('./ky.ts'),
  'node-fetch': () => import('./node-fetch.ts'),
  smithy: () => import('./smithy.ts'),
  superagent: () => import('./superagent.ts'),
} satisfies Record<string, () => Promise<PeerModule>>;

export type PeerName = keyof typeof peers;

export const peerNames = Object.keys(peers) as PeerName[];

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(peers, name);
}

export function loadPeer(name: PeerName): Promise<PeerModule> {
  return peers[name]();
}
