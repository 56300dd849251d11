import { utf8Length } from '../utf8-length.ts';
import type { Content } from './content.ts';

/** Bytes that are in memory. */
export class BytesContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number;
  readonly replayable = true;
  readonly #bytes: Uint8Array;

  /** @throws TypeError */
  constructor(bytes: Uint8Array, contentType?: string) {
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`bytes content: expected a Uint8Array, got ${typeof bytes}`);
    checkType('bytes', contentType);
    this.#bytes = bytes;
    this.contentType = contentType;
    this.contentLength = bytes.byteLength;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    if (this.contentLength > 0) yield this.#bytes;
  }
}

/** Text, sent as UTF-8; `text/plain;charset=UTF-8` unless another type is given. */
export class TextContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number;
  readonly replayable = true;
  readonly #text: string;
  #bytes: Uint8Array | undefined;

  constructor(text: string, contentType: string = 'text/plain;charset=UTF-8') {
    if (typeof text !== 'string')
      throw new TypeError(`text content: expected a string, got ${typeof text}`);
    checkType('text', contentType);
    this.#text = text;
    this.contentType = contentType;
    this.contentLength = utf8Length(text);
  }

  get ascii(): string | undefined {
    return this.contentLength === this.#text.length ? this.#text : undefined;
  }

  bytes(): Uint8Array {
    return (this.#bytes ??= new TextEncoder().encode(this.#text));
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    if (this.contentLength > 0) yield this.bytes();
  }
}

/** `text/html;charset=UTF-8`. */
export class HTMLContent extends TextContent {
  constructor(html: string) {
    super(html, 'text/html;charset=UTF-8');
  }
}

/** `JSON.stringify(value)` as `application/json`. @throws TypeError where JSON has no word for the value, or it contains itself. */
export class JSONContent extends TextContent {
  constructor(value: unknown) {
    super(jsonOf(value), 'application/json');
  }
}

function jsonOf(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (error) {
    // What a toJSON of the caller's throws is the caller's own.
    if (!(error instanceof TypeError)) throw error;
    cause = error;
  }
  if (text !== undefined) return text;
  const why =
    cause instanceof Error ? `: ${cause.message.split('\n', 1)[0]}` : `, got ${typeof value}`;
  throw new TypeError(`json: expected a value that JSON can hold${why}`, { cause });
}

function checkType(what: string, contentType: unknown): void {
  if (contentType === undefined || typeof contentType === 'string') return;
  throw new TypeError(
    `${what} content: expected a string as its type, got ${contentType === null ? 'null' : typeof contentType}`,
  );
}

/** What a form can be made of: a value that is a list repeats its field; null and undefined are left out. */
export type FormInit =
  | URLSearchParams
  | Readonly<Record<string, FormValue | readonly FormValue[]>>
  | Iterable<readonly [name: string, value: string]>;
export type FormValue = string | number | boolean | null | undefined;

/** Fields as `application/x-www-form-urlencoded` (WHATWG URL §5). */
export class FormContent extends TextContent {
  constructor(fields: FormInit) {
    super(
      searchParams('form', fields).toString(),
      'application/x-www-form-urlencoded;charset=UTF-8',
    );
  }
}

/** The record, pairs or `URLSearchParams` that forms and queries are given as. `option` is named in errors. */
export function searchParams(option: string, init: FormInit): URLSearchParams {
  if (init instanceof URLSearchParams) return init;
  if (init === null || typeof init !== 'object') {
    throw new TypeError(
      `${option}: expected a record, pairs or URLSearchParams, got ${init === null ? 'null' : typeof init}`,
    );
  }
  const params = new URLSearchParams();
  const pairs: Iterable<unknown> =
    Symbol.iterator in init ? (init as Iterable<unknown>) : Object.entries(init);
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError(`${option}: expected pairs of name and value`);
    }
    const [name, value] = pair as [string, FormValue | readonly FormValue[]];
    for (const each of Array.isArray(value)
      ? (value as readonly FormValue[])
      : [value as FormValue]) {
      if (each === null || each === undefined) continue;
      if (typeof each === 'object' || typeof each === 'function' || typeof each === 'symbol') {
        throw new TypeError(
          `${option}.${name}: expected a string, number or boolean, got ${typeof each}`,
        );
      }
      params.append(name, String(each));
    }
  }
  return params;
}
