import type { Coding } from './codings.ts';
import { ZstdFrames } from './zstd-frames.ts';
import type { Decompressor } from './zlib-stream.ts';

/** `node:zlib`, with what the types of the oldest Node that is supported leave out. */
export type Zlib = typeof import('node:zlib') & {
  createZstdDecompress(options: object): Decompressor;
  zstdDecompressSync(bytes: Uint8Array, options: object): unknown;
};

/** Pieces that a stream hands out. Smaller ones cost more turns of the thread pool, larger ones gain nothing. */
const PIECE = 64 * 1024;
/** A first buffer for what is decoded at once: JSON, HTML and the like grow to some four to eight times their size. */
const GROWTH = 8;
const LEAST_BUFFER = 1024;
/** 8 MiB, the largest window that a `zstd` body may ask for (RFC 9659 §3). The decoder would go along with 128 MiB. */
const ZSTD_WINDOW_LOG = 23;

let loaded: Zlib | null = null;

/** Loads `node:zlib`, the first time. */
export async function loadZlib(): Promise<Zlib> {
  return (loaded ??= (await import('node:zlib')) as unknown as Zlib);
}

/** A stream for a body that begins with these bytes. */
export function createDecompressor(zlib: Zlib, coding: Coding, start: Uint8Array): Decompressor {
  // It holds back no more than what it has at hand.
  const options = { chunkSize: PIECE, readableHighWaterMark: 1 };
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip(options);
    case 'deflate':
      return hasZlibHeader(start) ? zlib.createInflate(options) : zlib.createInflateRaw(options);
    case 'br':
      return zlib.createBrotliDecompress(options);
    case 'zstd':
      return zlib.createZstdDecompress({ ...options, ...zstdParams(zlib) });
  }
}

/**
 * Decodes a whole body on the spot: for small ones, where a stream, or a turn of the thread pool, costs more than what is done in it.
 * null where this is more than `limit`, or not for this way. @throws what zlib says.
 */
export function decodeAtOnce(
  zlib: Zlib,
  coding: Coding,
  bytes: Uint8Array,
  limit: number,
): { decoded: Uint8Array; surplus: Uint8Array } | null {
  const chunkSize = Math.min(Math.max(bytes.byteLength * GROWTH, LEAST_BUFFER), PIECE);
  const options = { chunkSize, maxOutputLength: limit, info: true };
  let result: unknown;
  try {
    switch (coding) {
      case 'gzip':
        result = zlib.gunzipSync(bytes, options);
        break;
      case 'deflate':
        result = hasZlibHeader(bytes)
          ? zlib.inflateSync(bytes, options)
          : zlib.inflateRawSync(bytes, options);
        break;
      case 'br':
        result = zlib.brotliDecompressSync(bytes, options);
        break;
      case 'zstd': {
        if (!isOneFrame(bytes)) return null;
        result = zlib.zstdDecompressSync(bytes, { ...options, ...zstdParams(zlib) });
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw error;
  }
  const { buffer, engine } = result as { buffer: Uint8Array; engine: Decompressor };
  return { decoded: buffer, surplus: bytes.subarray(engine.bytesWritten) };
}

/**
 * `deflate` is the zlib format (RFC 9110 §8.4.1.2), and some servers send what is inside of that alone. The first byte tells: in the
 * format's header the lower half is 8, the method; a deflate block that begins so would be a stored one with padding that is not zero.
 */
function hasZlibHeader(start: Uint8Array): boolean {
  return ((start[0] as number) & 0x0f) === 8;
}

function isOneFrame(bytes: Uint8Array): boolean {
  const frames = new ZstdFrames();
  return frames.split(bytes).length === 1 && frames.complete;
}

function zstdParams({ constants }: Zlib): object {
  const { ZSTD_d_windowLogMax } = constants as unknown as { ZSTD_d_windowLogMax: number };
  return { params: { [ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } };
}
