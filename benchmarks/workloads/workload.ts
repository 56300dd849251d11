import type { PeerName } from '../peers/index.ts';
import type { Layers } from '../peers/peer.ts';

interface Common {
  /** Named by its shape: method and size, then concurrency. */
  readonly name: string;
  readonly title: string;
  /** Of the cost, which is what is compared; less is better. */
  readonly unit:
    | 'CPU-µs/request'
    | 'CPU-ms/GiB'
    | 'ms'
    | 'µs at p99'
    | 'heap bytes/connection'
    | 'heap bytes/request'
    | 'heap bytes/response';
  /** What every ratio is against. */
  readonly baseline: PeerName;
  /** Who is measured when nobody is named. */
  readonly peers: readonly PeerName[];
  readonly tls?: boolean;
}

interface Requests extends Common {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Give each request an identifier of its own, so that no head is like the one before. */
  readonly requestIds?: boolean;
  /** The length of the answer's body; of a decoded one, its `total`. */
  readonly expects: number;
  readonly connections: number;
  /** Layers that do nothing, around what is measured. */
  readonly layers?: Layers;
}

/** So many requests in flight at any time. */
export interface ClosedLoop extends Requests {
  readonly shape: 'closed-loop';
  readonly concurrency: number;
  /** Servers to spread over, one connection to each. */
  readonly origins?: number;
  /** An API call: gzip undone, JSON parsed, a session in the cookie jar, redirects allowed. */
  readonly decoded?: true;
  /** Read the body chunk by chunk, as a long one would be, instead of to bytes. */
  readonly chunkwise?: true;
}

/** Requests that begin when their time has come, however long those before them take. */
export interface OpenLoop extends Requests {
  readonly shape: 'open-loop';
  /** Requests a second. */
  readonly arrivals: number;
}

/** So many requests at once, then nothing, again and again. */
export interface Burst extends Requests {
  readonly shape: 'burst';
  readonly requests: number;
}

/** One long body, down or up. */
export interface Transfer extends Common {
  readonly shape: 'transfer';
  readonly direction: 'download' | 'download-borrowed' | 'upload';
  readonly path: string;
  readonly bytes: number;
}

/** Import of the library and its first request, in a process that has done nothing else. */
export interface ColdStart extends Common {
  readonly shape: 'cold-start';
}

/** What is kept in memory while nothing happens, each by so many. */
export interface Memory extends Common {
  readonly shape: 'memory';
  readonly holds: 'idle connections' | 'queued requests' | 'open responses';
  readonly count: number;
}

export type Workload = ClosedLoop | OpenLoop | Burst | Transfer | ColdStart | Memory;
