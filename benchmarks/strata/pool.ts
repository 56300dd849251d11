import { type Call, check, count, type PeerClient, type PeerOptions } from '../peers/peer.ts';
import { consume } from './consume.ts';
import type { Strata } from './module.ts';

/** The bare pool: no layers, requests built by hand. */
export function openPool(strata: Strata, { connections, headers }: PeerOptions): PeerClient {
  const { ConnectionPool, Headers, Request } = strata;
  const pool = new ConnectionPool(poolOptions(connections));
  const defaults = new Headers(headers);
  const headersOf = (call: Call) =>
    call.headers === undefined ? defaults : defaults.merge(call.headers);
  const send = (call: Call) =>
    pool.send(
      new Request(
        call.method,
        call.url,
        call.body === undefined
          ? { headers: headersOf(call) }
          : { headers: headersOf(call), body: call.body },
      ),
    );
  return {
    async request(call) {
      const response = await send(call);
      check(response.status, response.headers.get('content-type'));
      return (await response.bytes()).length;
    },
    respond: send,
    download: async (call) => count(await send(call)),
    downloadBorrowed: async (call) => consume(await send(call)),
    async upload(call, upload) {
      const body = {
        contentLength: upload.length,
        replayable: true,
        stream: () => upload.chunks(),
      };
      const response = await pool.send(new Request('POST', call.url, { body }));
      return (await response.bytes()).length;
    },
  };
}

/** Room for as many connections as the workload asks for, all kept: it is not their opening that is measured. */
export function poolOptions(connections: number) {
  return {
    limits: {
      maxConnections: connections,
      maxKeepaliveConnections: connections,
      keepaliveExpiry: 60_000,
    },
    // the last of 100,000 waits long for its turn, on a machine that has other things to do
    timeout: { pool: 120_000 },
  };
}
