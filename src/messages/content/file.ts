import type { FileHandle } from 'node:fs/promises';
import { HTTPError } from '../../errors.ts';
import type { Content } from './content.ts';
import { mediaTypeOf } from './media-type.ts';

/** What is to be said of a file instead of what it says itself. */
export interface FileOptions {
  /** Default: by the ending of the file's name, else `application/octet-stream`. */
  contentType?: string | undefined;
  /** Bytes: for a pipe or a device, which cannot tell. Of a file it has to be its size. */
  contentLength?: number | undefined;
  /** What a multipart form calls it. Default: the last part of the path. */
  filename?: string | undefined;
}

/** So much is read at a time, and in memory. */
const PIECE = 128 * 1024;

/**
 * A file on the disk, read piece by piece when it is sent, as often as it is sent. Its size is taken when this is made: where it is not
 * the same when it is sent, that is an error, before the last byte has left. What is not a regular file (a pipe, a device) is sent once.
 */
export class FileContent implements Content {
  readonly path: string | URL;
  readonly filename: string;
  readonly contentType: string;
  readonly contentLength: number | undefined;
  readonly replayable: boolean;

  /** @throws the file system's own error, which names the path, where there is no such file. @throws TypeError on a directory, or bad input. */
  constructor(path: string | URL, options: FileOptions = {}) {
    const name = checked(path);
    const { contentType, contentLength, filename } = options;
    for (const [option, text] of Object.entries({ contentType, filename })) {
      if (text !== undefined && typeof text !== 'string')
        throw new TypeError(`FileContent: ${option}: expected a string, got ${typeof text}`);
    }
    const status = fileSystem().statSync(path);
    if (status.isDirectory()) throw new TypeError(`FileContent: ${name} is a directory`);
    const size = status.isFile() ? status.size : contentLength;
    if (contentLength !== undefined && contentLength !== size) {
      throw new TypeError(
        `FileContent: contentLength is ${contentLength}, but ${name} has ${size} bytes`,
      );
    }
    this.path = path;
    this.filename = filename ?? lastPart(name);
    this.contentType = contentType ?? mediaTypeOf(this.filename);
    this.contentLength = size;
    this.replayable = status.isFile();
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    const { open } = await import('node:fs/promises');
    const file = await open(this.path);
    try {
      yield* this.replayable ? this.#sized(file) : pieces(file, Infinity);
    } finally {
      await file.close();
    }
  }

  /** Its size is looked at before the first piece and before the last one: a body that is not whole must not look as if it were. */
  async *#sized(file: FileHandle): AsyncGenerator<Uint8Array> {
    await this.#expectSize(file);
    let left = this.contentLength as number;
    for await (const piece of pieces(file, left)) {
      left -= piece.byteLength;
      if (left === 0) await this.#expectSize(file);
      yield piece;
    }
    if (left > 0) await this.#expectSize(file, (this.contentLength as number) - left);
  }

  async #expectSize(file: FileHandle, size?: number): Promise<void> {
    const now = size ?? (await file.stat()).size;
    if (now === this.contentLength) return;
    throw new HTTPError(
      `the file ${String(this.path)} has changed: it had ${this.contentLength} bytes, now it has ${now}`,
    );
  }
}

/** Up to so many bytes of what is left of a file. */
async function* pieces(file: FileHandle, length: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0;) {
    // A piece is the reader's once it is handed out: each has a buffer of its own.
    const buffer = new Uint8Array(Math.min(PIECE, left));
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, null);
    if (bytesRead === 0) return;
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Node's, without an import: this file is loaded where there is none, too. */
function fileSystem(): typeof import('node:fs') {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function')
    throw new TypeError('FileContent: there is no file system here');
  return process.getBuiltinModule('node:fs');
}

function checked(path: string | URL): string {
  if (typeof path === 'string') return path;
  if (path instanceof URL && path.protocol === 'file:') return decodeURIComponent(path.pathname);
  throw new TypeError(
    `FileContent: expected a path or a file: URL, got ${path instanceof URL ? path.protocol : typeof path}`,
  );
}

/** The name of a file without its folders, whichever way they are divided. */
export function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
