import { startTLS } from '../network/start-tls.ts';
import { NetworkFailure, type NetworkStream, type NetworkTarget } from '../network/stream.ts';
import type { TLSContext } from '../network/tls.ts';
import type { StagedOpening } from './staged-opening.ts';

/** What TLS with origins is made with. */
export interface Security {
  tlsContext(): TLSContext | Promise<TLSContext>;
}

/**
 * The last stage: a proxy has connected the stream to the target, which is spoken with as if there were no proxy. `early`: bytes that came
 * behind the proxy's word. To be called in the turn in which that came.
 */
export async function secured(
  opening: StagedOpening,
  stream: NetworkStream,
  early: Uint8Array,
  target: NetworkTarget,
  security: Security,
): Promise<NetworkStream> {
  if (target.tls !== null)
    return await opening.enter(startTLS(stream, target, security.tlsContext(), early)).stream;
  if (early.length === 0) {
    stream.unref();
    return stream;
  }
  stream.destroy();
  throw new NetworkFailure(
    `${target.host}:${target.port} sent ${early.length} bytes before anything was asked, through ${stream.remoteAddress ?? 'a proxy'}`,
    [],
  );
}
