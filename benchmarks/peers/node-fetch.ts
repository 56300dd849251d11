import fetch from 'node-fetch';
import { fetchClient } from './fetch-client.ts';
import { keepAliveAgents } from './keep-alive-agents.ts';
import type { OpenPeer } from './peer.ts';

export const open: OpenPeer = (options) => {
  const agents = keepAliveAgents(options.connections);
  return fetchClient((url, init) => fetch(url, { ...init, agent: agents.of(url) }), options);
};
