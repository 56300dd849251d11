import type { FileHandle } from 'node:fs/promises';

/** So much is gathered, in bytes, while a write is under way; and leaves with the next one. */
const BATCH = 1024 * 1024;

/**
 * Writes the pieces to a file, from that place on, and answers the place behind the last one. While one write is under way the next pieces
 * are read, up to a megabyte of them.
 */
export async function write(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  from: number,
): Promise<number> {
  let at = from;
  let gathered: Uint8Array[] = [];
  let size = 0;
  let isIdle = true;
  const flush = async (): Promise<void> => {
    isIdle = false;
    while (size > 0) {
      const batch = gathered;
      const start = at;
      at += size;
      gathered = [];
      size = 0;
      await writeBatch(file, batch, start);
    }
    isIdle = true;
  };
  let writing = Promise.resolve();
  try {
    for await (const piece of pieces) {
      if (piece.byteLength === 0) continue;
      gathered.push(piece);
      size += piece.byteLength;
      if (isIdle) {
        writing = flush();
        // It is looked at when the next batch is due, or at the end.
        writing.catch(() => {});
      } else if (size >= BATCH) await writing;
    }
    await writing;
  } finally {
    await writing.catch(() => {});
  }
  return at;
}

/** A write may take less than it is given. */
async function writeBatch(
  file: FileHandle,
  pieces: readonly Uint8Array[],
  from: number,
): Promise<void> {
  let at = from;
  let left = pieces;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    left = behind(left, bytesWritten);
  }
}

/** What is left of the pieces behind so many bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skipped = bytes;
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as Uint8Array;
    if (skipped < piece.byteLength) return [piece.subarray(skipped), ...pieces.slice(i + 1)];
    skipped -= piece.byteLength;
  }
  return [];
}
