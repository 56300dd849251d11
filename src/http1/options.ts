import type { Duplex } from 'node:stream';
import type { NetworkStream } from '../network/stream.ts';
import type { ParserLimits } from './limits.ts';

/** What the connections to one origin have in common. */
export interface Http1Options {
  readonly limits: ParserLimits;
  /** What Host says (RFC 9110 §7.2). */
  readonly host: string;
  /** One read buffer for all connections: what a read brings is dealt with before the next one. */
  readonly readBuffer: Buffer;
  /** Makes a Node stream of a connection that HTTP has left, and of bytes that came already. */
  readonly toDuplex: (stream: NetworkStream, early: Buffer) => Duplex;
}
