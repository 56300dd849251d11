import { contentOf, type BodyInit } from '../body.ts';
import { Headers, type HeadersInit } from '../headers.ts';
import type { Content } from './content.ts';
import { lastPart } from './file.ts';
import { mediaTypeOf } from './media-type.ts';
import { searchParams, TextContent, type FormInit } from './memory.ts';
import { PartsContent, type Part } from './parts.ts';

/** A file in a form, in full. Without a type it is guessed from the file name; no file name, no type. */
export type PartInit = readonly [
  filename: string | null,
  content: BodyInit | number | boolean,
  contentType?: string | null | undefined,
  headers?: HeadersInit | undefined,
];

/** What a field of a multipart form can be. `null` and `undefined` are left out. */
export type MultipartValue = PartInit | BodyInit | number | boolean | null | undefined;

/** The fields: a record, or a list of `[field, value]` where one comes more than once. */
export type MultipartInit =
  | Readonly<Record<string, MultipartValue>>
  | Iterable<readonly [field: string, value: MultipartValue]>;

export interface MultipartOptions {
  /** Fields that are no files: they come first. */
  form?: FormInit | undefined;
  /** What parts are divided by. Default: one that comes up by chance nowhere. */
  boundary?: string | undefined;
}

/** What httpx calls a file that has no name. */
const UNNAMED = 'upload';

/**
 * A form with files, as `multipart/form-data` (RFC 7578). What a field's value is decides how it is sent:
 *
 * - a string, number or boolean: a plain field;
 * - a file (`File`, `FileContent`, the stream of `fs.createReadStream`): under its name, with its type;
 * - bytes, a `Blob`, any other stream or iterable: a file called `upload`;
 * - any other `Content`: a plain field with the content's type, as `new JSONContent(…)` has one;
 * - `[filename, content, type?, headers?]`: as it says. The type is guessed from the file name, else `application/octet-stream`;
 *   with `null` for the file name there is none, unless the headers have it.
 */
export class MultipartContent extends PartsContent {
  /** @throws TypeError where a field, a header or the boundary is not what it has to be. */
  constructor(fields: MultipartInit, { form, boundary }: MultipartOptions = {}) {
    super(partsOf(fields, form), boundary);
  }
}

function* partsOf(fields: MultipartInit, form: FormInit | undefined): Iterable<Part> {
  if (form !== undefined) {
    for (const [name, value] of searchParams('form', form)) yield plain(name, value);
  }
  for (const [name, value] of pairsOf(fields)) {
    if (value !== null && value !== undefined) yield partOf(name, value);
  }
}

function* pairsOf(fields: MultipartInit): Iterable<readonly [string, MultipartValue]> {
  if (typeof fields !== 'object' || fields === null) {
    throw new TypeError(
      `multipart: expected a record or a list of [field, value], got ${fields === null ? 'null' : typeof fields}`,
    );
  }
  const pairs: Iterable<unknown> =
    Symbol.iterator in fields ? (fields as Iterable<unknown>) : Object.entries(fields);
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string')
      throw new TypeError('multipart: expected a list of [field, value]');
    yield pair as unknown as readonly [string, MultipartValue];
  }
}

function partOf(name: string, value: NonNullable<MultipartValue>): Part {
  if (isPlain(value)) return plain(name, value);
  if (Array.isArray(value)) return fullPart(name, value as unknown as PartInit);
  const content = contentOf(value as BodyInit, `multipart.${name}`);
  const filename = filenameOf(value, content);
  const type = content.contentType ?? (filename === null ? null : mediaTypeOf(filename));
  return part(name, filename, content, type);
}

function fullPart(name: string, value: PartInit): Part {
  const [filename, body, type, headers] = value;
  const named = filename === null || typeof filename === 'string';
  const typed = type === undefined || type === null || typeof type === 'string';
  if (value.length < 2 || value.length > 4 || !named || !typed) {
    throw new TypeError(
      `multipart.${name}: expected [filename | null, content, type?, headers?]; a field that comes more than once needs a list of [field, value]`,
    );
  }
  const content = isPlain(body)
    ? new TextContent(String(body))
    : contentOf(body, `multipart.${name}`);
  // As httpx has it, an empty name is none.
  if (filename === null || filename === '') return part(name, null, content, null, headers);
  const own = isPlain(body) ? undefined : content.contentType;
  return part(name, filename, content, type ?? own ?? mediaTypeOf(filename), headers);
}

function plain(name: string, value: string | number | boolean): Part {
  return { name, filename: null, content: new TextContent(String(value)) };
}

/** A type in `headers` comes before the other one. */
function part(
  name: string,
  filename: string | null,
  content: Content,
  type: string | null,
  headers?: HeadersInit,
): Part {
  const own = headersIn(name, headers);
  if (own.has('content-disposition')) {
    throw new TypeError(
      `multipart.${name}: Content-Disposition is made of the name and the file name`,
    );
  }
  if (type === null || own.has('content-type')) return { name, filename, content, headers: own };
  const typed = headersIn(name, { 'Content-Type': type });
  return { name, filename, content, headers: typed.merge(own) };
}

/** @throws TypeError that names the field of the form, besides what is wrong. */
function headersIn(field: string, init: HeadersInit | undefined): Headers {
  try {
    return Headers.from(init);
  } catch (cause) {
    throw new TypeError(`multipart.${field}: ${(cause as Error).message}`, { cause });
  }
}

/** null: it is no file. */
function filenameOf(value: object, content: Content): string | null {
  if ((value as Content) === content) return content.filename ?? null;
  const { name, path } = value as { name?: unknown; path?: unknown };
  if (typeof name === 'string' && name !== '') return name;
  // The stream of fs.createReadStream.
  return typeof path === 'string' ? lastPart(path) : UNNAMED;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
