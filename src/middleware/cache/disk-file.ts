import type { FileHandle } from 'node:fs/promises';
import type { BodySource } from '../../messages/body-source.ts';
import type { StoredHead } from './stored-head.ts';

/*
 * One entry, one file: the body, the head as JSON, and at the very end what tells where they are. A body can so be written before anybody knows
 * how long it is, and a file that was cut short has no end that says so, and counts as none.
 *
 *   body … | head … | "strata01" | length of the body, 8 bytes | length of the head, 4 bytes
 */
const MAGIC = new TextEncoder().encode('strata01');
const FOOTER = MAGIC.byteLength + 8 + 4;

/** How much of a file is read at first: in most, that is all of it. */
const TAIL = 64 * 1024;
const PIECE = 64 * 1024;

/** What stands at the end of a file. */
export interface Ending {
  readonly head: StoredHead;
  readonly bodyLength: number;
  /** The body, where it was read along. */
  readonly body: Uint8Array | null;
}

/** What a file's end says; null where it says nothing: the file was cut short, or is none of ours. */
export async function readEnding(file: FileHandle): Promise<Ending | null> {
  const { size } = await file.stat();
  if (size < FOOTER) return null;
  let tail = await readAt(file, Math.max(0, size - TAIL), size);
  const footer = tail.subarray(-FOOTER);
  if (!MAGIC.every((byte, at) => footer[at] === byte)) return null;
  const view = new DataView(footer.buffer, footer.byteOffset, FOOTER);
  const bodyLength = Number(view.getBigUint64(MAGIC.byteLength));
  const headLength = view.getUint32(MAGIC.byteLength + 8);
  if (bodyLength + headLength + FOOTER !== size) return null;
  if (headLength + FOOTER > tail.byteLength) tail = await readAt(file, bodyLength, size);
  const head = tail.subarray(-FOOTER - headLength, -FOOTER);
  return {
    head: JSON.parse(new TextDecoder().decode(head)) as StoredHead,
    bodyLength,
    body: tail.byteLength === size ? tail.slice(0, bodyLength) : null,
  };
}

/** What comes behind a body. */
export function ending(head: StoredHead, bodyLength: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(json.byteLength + FOOTER);
  bytes.set(json);
  bytes.set(MAGIC, json.byteLength);
  const view = new DataView(bytes.buffer, json.byteLength + MAGIC.byteLength);
  view.setBigUint64(0, BigInt(bodyLength));
  view.setUint32(8, json.byteLength);
  return bytes;
}

/** A body that is read from an open file, which is closed behind its end. */
export class FileSource implements BodySource {
  readonly trailers = null;
  readonly #file: FileHandle;
  readonly #length: number;
  #at = 0;

  constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.#length = length;
  }

  get bytesReceived(): number {
    return this.#at;
  }

  async pull(): Promise<Uint8Array | null> {
    return this.#at === this.#length ? null : this.#take(Math.min(this.#at + PIECE, this.#length));
  }

  async rest(): Promise<Uint8Array> {
    return this.#take(this.#length);
  }

  async cancel(): Promise<void> {
    try {
      await this.#file.close();
    } catch {}
  }

  async #take(end: number): Promise<Uint8Array> {
    try {
      const piece = await readAt(this.#file, this.#at, end);
      this.#at = end;
      if (end === this.#length) await this.#file.close();
      return piece;
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }
}

async function readAt(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesRead } = await file.read(bytes, at, bytes.byteLength - at, start + at);
    if (bytesRead === 0) throw new Error('the cache file is shorter than it was');
    at += bytesRead;
  }
  return bytes;
}
