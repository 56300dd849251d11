import type { Exchange } from '../exchange.ts';
import type { BodySource } from '../messages/body-source.ts';
import { Response } from '../messages/response.ts';
import type { ResponseParser } from './parser.ts';

/** The response whose head the parser has read. `now`: on the `performance.now()` clock. */
export function receivedResponse(
  { head, headers }: ResponseParser,
  { request, started }: Exchange,
  body: Uint8Array | BodySource,
  now: number,
): Response {
  return new Response(head.status, {
    statusText: head.statusText,
    headers,
    body,
    request,
    httpVersion: head.minorVersion === 0 ? '1.0' : '1.1',
    elapsed: now - started,
  });
}
