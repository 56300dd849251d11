import type { FileHandle } from 'node:fs/promises';
import type { Response } from './response.ts';
import {
  discard,
  isAllOf,
  keptFor,
  noteOf,
  partialPath,
  removeNote,
  sizeWith,
  writeNote,
} from './save/partial.ts';
import { write } from './save/write.ts';
import { statusFailure } from './status-failure.ts';
import { undecodable } from './undecodable.ts';

/** How a body is saved. */
export interface SaveOptions {
  /**
   * Keep what has come where the body breaks off, in `PATH.part` and `PATH.part.json`, and go on with it where this response is the answer to
   * a request with the headers of `resumeHeaders`. One program at a time. Default false: nothing is kept.
   */
  readonly resume?: boolean | undefined;
  /** Whether the file is on the disk when it gets its name (`fsync`), rather than with the operating system only. Default false. */
  readonly sync?: boolean | undefined;
  /** The permissions of the file, less what the process's umask takes away. Default 0o666. */
  readonly mode?: number | undefined;
}

/** A file that has been saved. */
export interface SavedFile {
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
}

const OPTION_NAMES: readonly string[] = ['resume', 'sync', 'mode'];

/** Writes a response's body to a file that is there in full or not at all. Whatever happens, the response is closed. */
export async function saveTo(
  response: Response,
  path: string | URL,
  options: SaveOptions = {},
): Promise<SavedFile> {
  try {
    checkOptions(options);
    const file = await pathIn(path);
    const save = options.resume === true ? saveResumably : saveAtOnce;
    const bytes = await save(response, file, options);
    return { path: file, bytes };
  } finally {
    await response.close();
  }
}

/**
 * The headers of a request that is to go on with what `saveTo(path, { resume: true })` has kept: `Range` and `If-Range` where there is
 * something, so that a body that has changed meanwhile comes anew; and `Accept-Encoding: identity`, for compressed bodies have no parts.
 */
export async function resumeHeaders(path: string | URL): Promise<Record<string, string>> {
  const kept = await keptFor(await pathIn(path));
  return {
    'accept-encoding': 'identity',
    ...(kept !== null && { range: `bytes=${kept.bytes}-`, 'if-range': kept.validator }),
  };
}

async function saveAtOnce(response: Response, path: string, options: SaveOptions): Promise<number> {
  if (!response.ok) throw statusFailure(response, '');
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    const bytes = await writeFrom(0, response, temporary, 'wx', options);
    await giveName(temporary, path, options);
    return bytes;
  } catch (error) {
    const { rm } = await import('node:fs/promises');
    await rm(temporary, { force: true });
    throw error;
  }
}

async function saveResumably(
  response: Response,
  path: string,
  options: SaveOptions,
): Promise<number> {
  const bytes =
    response.status === 200
      ? await saveFromStart(response, path, options)
      : await goOn(response, path, options);
  await giveName(partialPath(path), path, options);
  await removeNote(path);
  return bytes;
}

async function saveFromStart(
  response: Response,
  path: string,
  options: SaveOptions,
): Promise<number> {
  const note = noteOf(response);
  await discard(path);
  try {
    if (note !== null) await writeNote(path, note);
    return await writeFrom(0, response, partialPath(path), 'w', options);
  } catch (error) {
    if (note === null) await discard(path);
    throw error;
  }
}

async function goOn(response: Response, path: string, options: SaveOptions): Promise<number> {
  const kept = await keptFor(path);
  if (kept !== null && isAllOf(response, kept)) return kept.bytes;
  if (response.status !== 206 && response.status !== 416) throw statusFailure(response, '');
  const size = kept === null ? null : sizeWith(response, kept);
  if (kept === null || size === null) {
    // It would not fit the next time either.
    await discard(path);
    if (response.status === 416) throw statusFailure(response, '');
    const range = response.headers.get('content-range') ?? 'no Content-Range';
    throw undecodable(
      response,
      `${range} is not what is missing of the file: ${kept?.bytes ?? 'no'} bytes are there`,
    );
  }
  const bytes = await writeFrom(kept.bytes, response, partialPath(path), 'r+', options);
  if (bytes === size) return bytes;
  await discard(path);
  throw undecodable(response, `the file came to ${bytes} bytes, not to ${size}`);
}

/** Writes what comes to a file, from that place on; answers the place behind it. */
async function writeFrom(
  from: number,
  response: Response,
  path: string,
  flags: 'wx' | 'w' | 'r+',
  { mode = 0o666, sync = false }: SaveOptions,
): Promise<number> {
  const { open } = await import('node:fs/promises');
  const file: FileHandle = await open(path, flags, mode);
  try {
    const end = await write(file, response, from);
    if (sync) await file.sync();
    return end;
  } finally {
    await file.close();
  }
}

async function giveName(from: string, to: string, { sync = false }: SaveOptions): Promise<void> {
  const { open, rename } = await import('node:fs/promises');
  await rename(from, to);
  if (!sync) return;
  const paths = await import('node:path');
  // The name is on the disk when the folder is. Where folders cannot be opened (Windows), there is no way to ask for that.
  const folder = await open(paths.dirname(to)).catch(() => null);
  if (folder === null) return;
  try {
    await folder.sync();
  } catch {
  } finally {
    await folder.close();
  }
}

async function pathIn(path: string | URL): Promise<string> {
  if (typeof path === 'string' && path !== '') return path;
  if (path instanceof URL && path.protocol === 'file:') {
    const { fileURLToPath } = await import('node:url');
    return fileURLToPath(path);
  }
  throw new TypeError(
    `saveTo: expected a path or a file: URL, got ${path instanceof URL ? path.protocol : path === '' ? 'an empty string' : typeof path}`,
  );
}

function checkOptions(options: SaveOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      `saveTo: expected { resume, sync, mode }, got ${options === null ? 'null' : typeof options}`,
    );
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.includes(name));
  if (unknown !== undefined)
    throw new TypeError(
      `saveTo: there is no option ${JSON.stringify(unknown)}, only ${OPTION_NAMES.join(', ')}`,
    );
  for (const name of ['resume', 'sync'] as const) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`saveTo: ${name}: expected true or false, got ${typeof value}`);
  }
  const { mode } = options;
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777))
    throw new TypeError(`saveTo: mode: expected permissions such as 0o644, got ${String(mode)}`);
}
