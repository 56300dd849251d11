import { check, count, headersOf, type PeerClient, type PeerOptions } from './peer.ts';

/** What the peers share that are a `fetch` function; structural, because each brings types of its own. */
export interface FetchLike {
  (
    url: string,
    init: { method: string; headers: Record<string, string>; body?: string },
  ): Promise<{
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    readonly body: AsyncIterable<Uint8Array | string> | null;
    arrayBuffer(): Promise<ArrayBuffer>;
    json(): Promise<unknown>;
  }>;
}

export function fetchClient(fetch: FetchLike, { headers }: PeerOptions): PeerClient {
  return {
    async request(call) {
      const { method, body } = call;
      const init = { method, headers: headersOf(headers, call) };
      const response = await fetch(call.url, body === undefined ? init : { ...init, body });
      check(response.status, response.headers.get('content-type'));
      return (await response.arrayBuffer()).byteLength;
    },
    async json(call) {
      const response = await fetch(call.url, { method: 'GET', headers: headersOf(headers, call) });
      check(response.status, response.headers.get('content-type'));
      return response.json();
    },
    async download(call) {
      const { body } = await fetch(call.url, { method: 'GET', headers });
      return body === null ? 0 : count(body);
    },
  };
}
