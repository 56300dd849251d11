import { charsetOf } from '../messages/text.ts';
import type { TracedBody } from '../middleware/trace.ts';
import type { HARContent } from './har-format.ts';

/** No body is decoded to more than this, in bytes. */
const MAX_DECODED = 64 * 1024 * 1024;
const TEXT =
  /^text\/|^application\/(?:.*[-.+])?(?:json|xml|javascript|ecmascript|x-www-form-urlencoded|graphql|yaml|ndjson)\b/i;

/** A body as text, or as base64 where it is none. */
export interface WrittenBody {
  readonly text: string;
  readonly encoding?: 'base64';
}

/** The content of a response: as its reader had it, where that can be told. `size`: bytes on the wire. */
export function contentOf(
  body: TracedBody | null,
  mimeType: string,
  coding: string | null,
  size: number,
): HARContent {
  if (body === null) return { size, mimeType };
  if (body.bytes.byteLength === 0 && !body.truncated) return { size: 0, mimeType, text: '' };
  if (body.truncated) {
    const kept = coding === null ? written(body.bytes, mimeType) : base64(body.bytes);
    return { size, mimeType, ...kept, comment: `the first ${body.bytes.byteLength} bytes` };
  }
  if (coding === null)
    return { size: body.bytes.byteLength, mimeType, ...written(body.bytes, mimeType) };
  const decoded = decodedBody(body.bytes, coding);
  if (decoded === null)
    return { size, mimeType, ...base64(body.bytes), comment: `encoded: ${coding}` };
  const compression = decoded.byteLength - body.bytes.byteLength;
  return { size: decoded.byteLength, compression, mimeType, ...written(decoded, mimeType) };
}

export function written(bytes: Uint8Array, mimeType: string): WrittenBody {
  if (bytes.byteLength > 0 && !TEXT.test(mimeType)) return base64(bytes);
  const charset = charsetOf(mimeType) ?? 'utf-8';
  try {
    return { text: new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return base64(bytes);
  }
}

function base64(bytes: Uint8Array): WrittenBody {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { text: btoa(binary), encoding: 'base64' };
}

type Decoders = Readonly<Record<string, typeof import('node:zlib').gunzipSync | undefined>>;

/** What undoes a coding, where this Node.js has it. */
const DECODERS: ReadonlyMap<string, string> = new Map([
  ['gzip', 'gunzipSync'],
  ['x-gzip', 'gunzipSync'],
  ['deflate', 'inflateSync'],
  ['br', 'brotliDecompressSync'],
  ['zstd', 'zstdDecompressSync'],
]);

/** null: it cannot be decoded, or not here. */
function decodedBody(bytes: Uint8Array, coding: string): Uint8Array | null {
  // Where there is no Node.js, there is no zlib that answers at once.
  const zlib: object | undefined = globalThis.process?.getBuiltinModule?.('node:zlib');
  const name = DECODERS.get(coding.trim().toLowerCase()) ?? '';
  try {
    return (
      (zlib as Decoders | undefined)?.[name]?.(bytes, { maxOutputLength: MAX_DECODED }) ?? null
    );
  } catch {
    return null;
  }
}
