import type { Headers } from '../messages/headers.ts';

type Zlib = typeof import('node:zlib');
type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** What comes out of a body to be stored: a bomb is kept as it came. */
const MAX_DECODED = 256 * 1024 * 1024;

/** What is not there, as zstd before Node 22.15, is not undone. */
const DECODERS: Readonly<Record<string, (zlib: Zlib) => Decoder | undefined>> = {
  gzip: (zlib) => zlib.gunzipSync,
  'x-gzip': (zlib) => zlib.gunzipSync,
  deflate: (zlib) => (bytes, options) =>
    // Some servers leave the zlib format out: its first byte says 8 in the low half.
    ((bytes[0] ?? 0) & 0x0f) === 8
      ? zlib.inflateSync(bytes, options)
      : zlib.inflateRawSync(bytes, options),
  br: (zlib) => zlib.brotliDecompressSync,
  zstd: (zlib) => (zlib as { zstdDecompressSync?: Decoder }).zstdDecompressSync,
};

/** A body, and the fields that tell of it. */
export interface Coded {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/**
 * The body without its content codings, and the headers without Content-Encoding: people can read it then, and so can every runtime. As it
 * came where a coding is not known, or the body is not what it should be.
 */
export async function withoutCodings(coded: Coded): Promise<Coded> {
  const { headers } = coded;
  const codings = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  // Of an empty body (HEAD, 304) the field tells what there would be.
  if (codings.length === 0 || coded.bytes.byteLength === 0) return coded;
  const zlib = await import('node:zlib');
  let { bytes } = coded;
  try {
    for (const coding of codings.reverse()) {
      const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding]?.(zlib) : undefined;
      if (decoder === undefined) return coded;
      bytes = decoder(bytes, { maxOutputLength: MAX_DECODED });
    }
  } catch {
    return coded;
  }
  return { headers: headers.without('content-encoding'), bytes };
}
