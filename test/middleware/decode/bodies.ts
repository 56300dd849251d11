import zlib from 'node:zlib';
import {
  type BodySource,
  type Headers,
  type Request,
  Response,
  type ResponseInit,
  type TransportLike,
} from '../../../src/index.ts';

type Encode = (bytes: Uint8Array) => Uint8Array;

/** Whether this Node has zstd; the types of the oldest one that is supported have not. */
export const HAS_ZSTD: boolean = 'zstdCompressSync' in zlib;
const zstd = zlib as unknown as { zstdCompressSync(bytes: Uint8Array, options: object): Buffer };

/** zstd with a checksum, as its command line writes it, and a window of 2 to this power. */
export function zstdOf(bytes: Uint8Array, windowLog = 0): Uint8Array {
  const { ZSTD_c_checksumFlag, ZSTD_c_windowLog } = zlib.constants as unknown as Record<
    string,
    number
  >;
  return zstd.zstdCompressSync(bytes, {
    params: { [ZSTD_c_checksumFlag as number]: 1, [ZSTD_c_windowLog as number]: windowLog },
  });
}

/** Its default, 11, takes a second for a few megabytes. */
const FAST = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } };

/** Each way of encoding that is undone here: what it is called in Content-Encoding, and how it is done. */
export const ENCODINGS: ReadonlyMap<string, { readonly name: string; readonly encode: Encode }> =
  new Map([
    ['gzip', { name: 'gzip', encode: (bytes: Uint8Array) => zlib.gzipSync(bytes) }],
    ['x-gzip', { name: 'x-gzip', encode: (bytes: Uint8Array) => zlib.gzipSync(bytes) }],
    ['deflate', { name: 'deflate', encode: (bytes: Uint8Array) => zlib.deflateSync(bytes) }],
    ['raw deflate', { name: 'deflate', encode: (bytes: Uint8Array) => zlib.deflateRawSync(bytes) }],
    [
      'stored deflate',
      { name: 'deflate', encode: (bytes: Uint8Array) => zlib.deflateRawSync(bytes, { level: 0 }) },
    ],
    ['br', { name: 'br', encode: (bytes: Uint8Array) => zlib.brotliCompressSync(bytes, FAST) }],
    ...(HAS_ZSTD
      ? ([['zstd', { name: 'zstd', encode: (bytes: Uint8Array) => zstdOf(bytes) }]] as const)
      : []),
  ] as [string, { name: string; encode: Encode }][]);

/** `bytes` in these codings, the first one first. */
export function encoded(bytes: Uint8Array, ...codings: string[]): Uint8Array {
  return codings.reduce((all, coding) => {
    const encoding = ENCODINGS.get(coding);
    if (encoding === undefined) throw new Error(`there is no encoding ${coding}`);
    return encoding.encode(all);
  }, bytes);
}

/** A body that comes in these pieces, and then ends or fails. It knows how it has been used. */
export class Feed implements BodySource {
  readonly trailers: Headers | null;
  bytesReceived = 0;
  pulls = 0;
  cancels = 0;
  readonly #pieces: Uint8Array[];
  readonly #failure: Error | undefined;

  constructor(pieces: Iterable<Uint8Array>, init: { failure?: Error; trailers?: Headers } = {}) {
    this.#pieces = [...pieces];
    this.#failure = init.failure;
    this.trailers = init.trailers ?? null;
  }

  async pull(): Promise<Uint8Array | null> {
    this.pulls++;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      return null;
    }
    this.bytesReceived += piece.byteLength;
    return piece;
  }

  async cancel(): Promise<void> {
    this.cancels++;
  }
}

/** `bytes` cut at these places. */
export function cut(bytes: Uint8Array, ...places: number[]): Uint8Array[] {
  return [0, ...places].map((place, i) => bytes.subarray(place, places[i] ?? bytes.byteLength));
}

/** `bytes` in pieces of this size. */
export function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

/** A transport that answers with what this makes, and keeps the requests. */
export class Answering implements TransportLike {
  readonly requests: Request[] = [];
  readonly #answer: (request: Request) => Response;

  constructor(answer: (request: Request) => Response) {
    this.#answer = answer;
  }

  async send(request: Request): Promise<Response> {
    this.requests.push(request);
    return this.#answer(request);
  }

  async close(): Promise<void> {}
}

/** A transport that answers 200 with this body, said to be in this encoding. */
export function answering(
  encoding: string | null,
  body: ResponseInit['body'],
  status = 200,
): Answering {
  return new Answering(
    (request) => new Response(status, { headers: { 'content-encoding': encoding }, body, request }),
  );
}
