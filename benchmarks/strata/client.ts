import { check, count, type PeerClient, type PeerOptions } from '../peers/peer.ts';
import { consume } from './consume.ts';
import type { Strata } from './module.ts';
import { poolOptions } from './pool.ts';

/** The complete client with its default layers, and as many more as asked for. */
export function openClient(
  { Client, middleware }: Strata,
  { connections, headers, layers = { count: 0, kind: 'plain' } }: PeerOptions,
): PeerClient {
  const layer = () =>
    layers.kind === 'async'
      ? middleware(async (request, next) => await next.send(request))
      : middleware((request, next) => next.send(request));
  const client = new Client({
    headers,
    ...poolOptions(connections),
    middleware: Array.from({ length: layers.count }, layer),
  });
  return {
    async request({ method, url, headers, body }) {
      const response = await client.request(method, url, {
        ...(headers && { headers }),
        ...(body !== undefined && { body }),
      });
      check(response.status, response.headers.get('content-type'));
      return (await response.bytes()).length;
    },
    respond: (call) => client.stream(call.method, call.url),
    async json(call) {
      const response = await client.get(call.url);
      check(response.status, response.headers.get('content-type'));
      return response.json();
    },
    async download(call) {
      await using response = await client.stream('GET', call.url);
      return await count(response);
    },
    async downloadBorrowed(call) {
      await using response = await client.stream('GET', call.url);
      return await consume(response);
    },
    async upload(call, upload) {
      const body = {
        contentLength: upload.length,
        replayable: true,
        stream: () => upload.chunks(),
      };
      return (await (await client.post(call.url, { body })).bytes()).length;
    },
  };
}
