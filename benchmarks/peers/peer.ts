/**
 * The interface that every HTTP client here is put behind: as thin as can be, so that the client is measured.
 * Nothing closes a client: each has a process to itself, which ends.
 */

/** One request, made before the clock runs. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly origin: string;
  readonly path: string;
  /** Fields of this call alone, beside the peer's defaults. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request body of known length that is never in memory as a whole. */
export interface Upload {
  readonly length: number;
  chunks(): AsyncGenerator<Uint8Array, void>;
}

export interface PeerOptions {
  /** One, or as many as the workload spreads over. */
  readonly origins: readonly string[];
  /** Connections to all origins together. */
  readonly connections: number;
  /** Fields of every request: a default of the client where it has such a thing. */
  readonly headers: Readonly<Record<string, string>>;
  /** Keep a cookie jar, where the client takes one. */
  readonly cookies: boolean;
  /** Layers to be added that do nothing, for who has such a thing. */
  readonly layers?: Layers;
}

/** `async`: each is an async function that awaits the next; `plain`: each returns what the next returns. */
export interface Layers {
  readonly count: number;
  readonly kind: 'async' | 'plain';
}

export interface PeerClient {
  /** Sends, reads status and one header (`check`), and the body to bytes; resolves to the number of bytes. */
  request?(call: Call): Promise<number>;
  /** Sends; resolves to the response, its body unread. */
  respond?(call: Call): Promise<unknown>;
  /** Resolves to a decoded, parsed JSON document. */
  json?(call: Call): Promise<unknown>;
  /** Reads a long body as a stream of chunks that the reader owns; resolves to the number of bytes. */
  download?(call: Call): Promise<number>;
  /** The same with chunks that are only lent: valid until the sink returns. */
  downloadBorrowed?(call: Call): Promise<number>;
  /** Resolves to the length of the answer. */
  upload?(call: Call, upload: Upload): Promise<number>;
  /** Keeps `concurrency` requests in flight until told to stop: for what has no promises to await. */
  loop?(calls: readonly Call[], concurrency: number, completed: () => void): () => void;
}

export type OpenPeer = (options: PeerOptions) => PeerClient | Promise<PeerClient>;

/** What each client must have looked at before a response counts. */
export function check(status: number | undefined, contentType: unknown): void {
  if (status !== 200) throw new Error(`status ${status}, not 200`);
  if (typeof contentType !== 'string') throw new Error('the response has no Content-Type');
}

/** For peers without defaults of their own. */
export function headersOf(
  defaults: Readonly<Record<string, string>>,
  call: Call,
): Record<string, string> {
  return call.headers === undefined ? defaults : { ...defaults, ...call.headers };
}

/** Reads a stream of chunks to its end; resolves to the number of bytes. */
export async function count(chunks: AsyncIterable<Uint8Array | string>): Promise<number> {
  let length = 0;
  for await (const chunk of chunks) length += chunk.length;
  return length;
}
