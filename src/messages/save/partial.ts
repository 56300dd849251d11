import { contentRange, strongValidator } from '../validator.ts';
import type { Response } from '../response.ts';

/** What is known of the body that a partial file is the beginning of. */
interface Note {
  /** What `If-Range` is to carry. */
  readonly validator: string;
  /** In bytes; null: the server did not say. */
  readonly size: number | null;
}

/** A partial file, and how much of the body is in it. */
export interface Kept extends Note {
  readonly bytes: number;
}

/** Where the partial file for this path is; beside it there is another one, with the note. */
export function partialPath(path: string): string {
  return `${path}.part`;
}

function notePath(path: string): string {
  return `${partialPath(path)}.json`;
}

/** What a head says of its body as a whole; null where it could not be continued. Decoded bytes are not those that a part would be of. */
export function noteOf({ status, headers }: Response): Note | null {
  const validator = strongValidator(headers);
  const served = headers.get('accept-ranges')?.trim().toLowerCase() !== 'none';
  const encoded = headers.has('content-encoding');
  if (status !== 200 || validator === null || !served || encoded) return null;
  const length = headers.get('content-length');
  return {
    validator,
    size: length === null || headers.has('transfer-encoding') ? null : Number(length),
  };
}

/** What has been kept for this path; null where there is nothing that could be continued. */
export async function keptFor(path: string): Promise<Kept | null> {
  const { readFile, stat } = await import('node:fs/promises');
  try {
    const note: unknown = JSON.parse(await readFile(notePath(path), 'utf8'));
    const { size: bytes } = await stat(partialPath(path));
    return isNote(note) && bytes > 0 && bytes <= (note.size ?? Infinity)
      ? { ...note, bytes }
      : null;
  } catch (error) {
    // Half a note, or none: from the beginning then.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return null;
    throw error;
  }
}

export async function writeNote(path: string, note: Note): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(notePath(path), JSON.stringify(note));
}

export async function removeNote(path: string): Promise<void> {
  const { rm } = await import('node:fs/promises');
  await rm(notePath(path), { force: true });
}

/** The note first: a partial file without one is not gone on with. */
export async function discard(path: string): Promise<void> {
  const { rm } = await import('node:fs/promises');
  await removeNote(path);
  await rm(partialPath(path), { force: true });
}

/** The size of the whole body where this response is all that is missing; null where it is not. */
export function sizeWith(response: Response, kept: Kept): number | null {
  if (response.status !== 206 || response.headers.has('content-encoding')) return null;
  const range = contentRange(response.headers);
  const size = range?.size ?? kept.size;
  const fits =
    range !== null &&
    range.first === kept.bytes &&
    size !== null &&
    range.last === size - 1 &&
    size === (kept.size ?? size);
  return fits && isOfSame(response, kept) ? size : null;
}

/** Whether the server has answered that there is nothing behind what is kept (RFC 9110 §15.5.17). */
export function isAllOf(response: Response, kept: Kept): boolean {
  if (response.status !== 416) return false;
  const range = contentRange(response.headers);
  return range !== null && range.size === kept.bytes && isOfSame(response, kept);
}

/** Whether the answer is about the body that there is a part of. Where it does not say so, `If-Range` has asked for it (RFC 9110 §14.2). */
function isOfSame(response: Response, { validator }: Kept): boolean {
  const tag = response.headers.get(validator.startsWith('"') ? 'etag' : 'last-modified');
  if (tag !== null) return tag === validator;
  return response.hasRequest && response.request.headers.get('if-range') === validator;
}

function isNote(value: unknown): value is Note {
  if (typeof value !== 'object' || value === null) return false;
  const { validator, size } = value as Record<string, unknown>;
  return typeof validator === 'string' && (size === null || typeof size === 'number');
}
