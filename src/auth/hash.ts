import { hexOf } from './bytes.ts';

/** The algorithms of RFC 7616 §6.1, without `-sess`. */
export type HashName = 'MD5' | 'SHA-256' | 'SHA-512-256';

/** Hashes bytes, given whole or in pieces: in lower-case hexadecimal digits. */
export type Hash = (data: Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array>) => Promise<string>;

const NODE_NAMES: Readonly<Record<HashName, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
};

/**
 * The function of that name; null where there is none: WebCrypto has neither MD5 nor SHA-512/256, which are Node's own, and a Node that
 * keeps to FIPS has no MD5.
 */
export async function hashNamed(name: HashName): Promise<Hash | null> {
  const node = await nodeHash(NODE_NAMES[name]);
  const subtle = (globalThis.crypto as Partial<typeof globalThis.crypto> | undefined)?.subtle;
  if (name !== 'SHA-256' || subtle === undefined) return node;
  return async (data) => {
    // In pieces, WebCrypto cannot.
    if (!(data instanceof Uint8Array) && node !== null) return node(data);
    const whole = data instanceof Uint8Array ? data : await gathered(data);
    return hexOf(new Uint8Array(await subtle.digest('SHA-256', whole)));
  };
}

async function nodeHash(name: string): Promise<Hash | null> {
  try {
    const { createHash } = await import('node:crypto');
    createHash(name);
    return async (data) => {
      const hash = createHash(name);
      if (data instanceof Uint8Array) hash.update(data);
      else for await (const piece of data) hash.update(piece);
      return hash.digest('hex');
    };
  } catch {
    return null;
  }
}

async function gathered(data: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of data) pieces.push(piece as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
