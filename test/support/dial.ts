import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A bare client of a server under test: it does nothing by itself. */
export interface Dialled extends Disposable {
  readonly socket: Socket;
  /** What it read, read by read, as latin1. */
  readonly reads: readonly string[];
  /** Settles when the socket is closed: to the error, if one closed it. */
  readonly closed: Promise<NodeJS.ErrnoException | undefined>;
}

export async function dial(
  { port, host = '127.0.0.1' }: { readonly port: number; readonly host?: string },
  { allowHalfOpen = false } = {},
): Promise<Dialled> {
  const socket = connect({ port, host, allowHalfOpen });
  const reads: string[] = [];
  socket.on('data', (bytes: Buffer) => reads.push(bytes.toString('latin1')));
  const closed = new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    socket.once('error', resolve).once('close', () => resolve(undefined));
  });
  await once(socket, 'connect');
  return { socket, reads, closed, [Symbol.dispose]: () => void socket.destroy() };
}
