import { requestHead, type RequestHead } from '../../src/http1/request-head.ts';
import type { Content } from '../../src/messages/content/content.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';

export const BYTES = new Uint8Array([1, 2, 3, 4, 5]);

/** The head of a request with what `init` gives. */
export function headOf(
  method: string,
  init: RequestInit = {},
  target = '/a?b',
  host = 'h:81',
): RequestHead {
  return requestHead(new Request(method, 'http://h:81/a?b', init), target, host);
}

/** The lines of a head, which must end where it says. */
export function linesOf(head: RequestHead): string[] {
  const end = head.text.indexOf('\r\n\r\n');
  if (end !== head.text.length - 4)
    throw new Error(`the head ends early: ${JSON.stringify(head.text)}`);
  return head.text.slice(0, end).split('\r\n');
}

/** A body of the caller's own. */
export function content(parts: Partial<Record<keyof Content, unknown>> = {}): Content {
  return { replayable: false, async *stream() {}, ...parts } as Content;
}
