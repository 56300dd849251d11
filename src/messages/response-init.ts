import { contentOf, type BodyInit } from './body.ts';
import { IterableSource, type BodySource } from './body-source.ts';
import type { Content } from './content/content.ts';
import { HTMLContent, JSONContent, TextContent } from './content/memory.ts';

/** The ways to say what the body of a response is: at most one of them. */
export interface ResponseBodyInit {
  body?: BodyInit | BodySource | null | undefined;
  json?: unknown;
  text?: string | undefined;
  html?: string | undefined;
}

const EMPTY = new Uint8Array(0);
const ONE_BODY = 'response: expected at most one of body, json, text and html';

export function isSource(body: unknown): body is BodySource {
  return (
    typeof body === 'object' && body !== null && typeof (body as BodySource).pull === 'function'
  );
}

/** What the body consists of, and the type that it brings along. @throws TypeError */
export function bodyIn(init: ResponseBodyInit): {
  readonly body: BodySource | Uint8Array;
  readonly contentType: string | undefined;
} {
  const content = contentIn(init);
  const body =
    content === null ? EMPTY : (content.bytes?.() ?? new IterableSource(content.stream()));
  return { body, contentType: content?.contentType };
}

/** @throws TypeError where something is given besides `body`. */
export function refuseOthers({ json, text, html }: ResponseBodyInit): void {
  if (json !== undefined || text !== undefined || html !== undefined) throw new TypeError(ONE_BODY);
}

function contentIn({ body, json, text, html }: ResponseBodyInit): Content | null {
  const given = [body ?? undefined, json, text, html].filter((each) => each !== undefined);
  if (given.length > 1) throw new TypeError(ONE_BODY);
  if (json !== undefined) return new JSONContent(json);
  if (text !== undefined) return new TextContent(text);
  if (html !== undefined) return new HTMLContent(html);
  return body === undefined || body === null ? null : contentOf(body as BodyInit);
}
