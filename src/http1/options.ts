import type { Duplex } from 'node:stream';
import type { Exchange } from '../exchange.ts';
import type { NetworkStream } from '../network/stream.ts';
import type { ParserLimits } from './limits.ts';
import { requestHead, type RequestHead } from './request-head.ts';

/** What the connections to one origin have in common. */
export interface Http1Options {
  readonly limits: ParserLimits;
  /** How many exchanges may be under way at once. */
  readonly pipelining: number;
  /** What Host says (RFC 9110 §7.2). */
  readonly host: string;
  /** How requests are put where a proxy is on the way; undefined: as they are. */
  readonly proxied?: ProxiedHeads | undefined;
  /** One read buffer for all connections: what a read brings is dealt with before the next one. */
  readonly readBuffer: Buffer;
  /** Makes a Node stream of a connection that HTTP has left, and of bytes that came already. */
  readonly toDuplex: (stream: NetworkStream, early: Buffer) => Duplex;
}

/** Makes the heads of requests that go through a proxy: what is for the proxy is added here, where no layer sees it. */
export interface ProxiedHeads {
  /** `host`: the origin's. @throws LocalProtocolError */
  headOf(exchange: Exchange, host: string): RequestHead;
}

/** The head of an exchange's request, as these connections send it. @throws LocalProtocolError */
export function headOf(exchange: Exchange, { host, proxied }: Http1Options): RequestHead {
  const { request } = exchange;
  return proxied === undefined
    ? requestHead(request, request.extensions.target ?? request.target, host)
    : proxied.headOf(exchange, host);
}
