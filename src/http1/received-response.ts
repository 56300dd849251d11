import type { Exchange } from '../exchange.ts';
import type { BodySource } from '../messages/body-source.ts';
import { Response } from '../messages/response.ts';
import type { Arrival } from './arrival.ts';
import { IncomingBody, type BodyFlow } from './incoming-body.ts';
import type { ResponseParser } from './parser.ts';
import { ScopedBody } from './scoped-body.ts';

const EMPTY = Buffer.alloc(0);

/** The response whose head the parser has read. `now`: on the `performance.now()` clock. */
export function receivedResponse(
  { head, headers }: ResponseParser,
  { request, started, timeline }: Exchange,
  body: Uint8Array | BodySource,
  now: number,
): Response {
  timeline?.answered(head, headers);
  return new Response(head.status, {
    statusText: head.statusText,
    headers,
    body,
    request,
    httpVersion: head.minorVersion === 0 ? '1.0' : '1.1',
    elapsed: now - started,
  });
}

/** The same, where all of the body has come with the head. */
export function wholeResponse(
  { parser, from, to }: Arrival,
  exchange: Exchange,
  bytes: Buffer,
  now: number,
): Response {
  // `bytes` is the socket's, and will be read into again.
  const body = from === to ? EMPTY : Buffer.allocUnsafe(to - from);
  if (from !== to) bytes.copy(body, 0, from, to);
  return receivedResponse(parser, exchange, body, now);
}

/** The same, where the body is still to come, by way of `arrival`. */
export function scopedResponse(
  arrival: Arrival,
  exchange: Exchange,
  bytes: Buffer,
  now: number,
  flow: BodyFlow,
): Response {
  const { parser, from, to } = arrival;
  const { framing } = parser;
  const body = new IncomingBody(flow, typeof framing === 'number' ? framing : null);
  arrival.body = body;
  if (to > from) arrival.onBody(bytes, from, to);
  // What is read into one buffer is read in any case, as long as the server does not fall silent for ever.
  const endsByItself = body.isWhole && exchange.timeouts.read < Infinity;
  const scoped = ScopedBody.of(body, endsByItself ? null : () => flow.onDropped(exchange));
  return receivedResponse(parser, exchange, scoped, now);
}
