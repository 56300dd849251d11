import type { BodyInit } from '../../messages/body.ts';
import { BlobContent, StreamContent, type Piece } from '../../messages/content/stream.ts';

/** How much of the body of a `Request` is looked at before it is sent, in bytes, and for how long, in milliseconds. */
const PEEK_BYTES = 64 * 1024;
const PEEK_TIME = 50;

/**
 * What fetch takes as a body, as this library has it. Those of other implementations (a `Blob`, a `FormData`, a stream) are known by
 * what they can do; what is nothing of all that is sent as text, as fetch does.
 */
export function bodyOf(body: unknown): BodyInit {
  if (typeof body !== 'object' || body === null) return textOf(body);
  if (isOneOfOurs(body)) return body;
  const kind = Object.prototype.toString.call(body).slice(8, -1);
  if (kind === 'FormData') return formOf(body as FormData);
  if (kind === 'Blob' || kind === 'File') return new BlobContent(body as Blob);
  if (kind === 'URLSearchParams') return new URLSearchParams(textOf(body));
  if (Symbol.asyncIterator in body || 'getReader' in body)
    return new StreamContent(body as AsyncIterable<Piece>);
  return textOf(body);
}

/** As fetch makes text of what should be some. @throws TypeError for a symbol */
export function textOf(value: unknown): string {
  return `${value as string}`;
}

function isOneOfOurs(
  body: object,
): body is ArrayBuffer | ArrayBufferView | Blob | FormData | URLSearchParams {
  return (
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob
  );
}

function formOf(foreign: Iterable<[string, string | Blob]>): FormData {
  const form = new FormData();
  for (const [name, value] of foreign) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, (value as { name?: string }).name);
  }
  return form;
}

/**
 * The body of a `Request`, of which nothing is known but that it is a stream. Most are short and in memory: one that ends within the first
 * 64 KiB and 50 ms is sent as bytes, with its length, and can be sent again after a 307 or on a connection that had gone stale.
 */
export async function peeked(body: unknown): Promise<BodyInit> {
  const pieces = new StreamContent(body as AsyncIterable<Piece>).stream()[Symbol.asyncIterator]();
  const held: Uint8Array<ArrayBuffer>[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, PEEK_TIME, 'late');
  });
  let next = pieces.next();
  try {
    for (let bytes = 0; bytes <= PEEK_BYTES; next = pieces.next()) {
      const result = await Promise.race([next, late]);
      if (result === 'late') break;
      if (result.done === true) return new Uint8Array(await new Blob(held).arrayBuffer());
      held.push(result.value as Uint8Array<ArrayBuffer>);
      bytes += result.value.byteLength;
    }
  } finally {
    clearTimeout(timer);
  }
  // It may fail before somebody asks for it.
  next.catch(() => {});
  return following(held, next, pieces);
}

async function* following(
  held: readonly Uint8Array[],
  next: Promise<IteratorResult<Uint8Array>>,
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* held;
    for (let result = await next; result.done !== true; result = await pieces.next())
      yield result.value;
  } finally {
    await pieces.return?.();
  }
}
