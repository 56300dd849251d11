import http from 'node:http';
import https from 'node:https';

/** The agents that every client over node:http is given. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
  of(url: string): http.Agent;
}

export function keepAliveAgents(connections: number): Agents {
  const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections };
  const plain = new http.Agent(options);
  const tls = new https.Agent(options);
  return {
    http: plain,
    https: tls,
    of: (url) => (url.startsWith('https:') ? tls : plain),
  };
}
