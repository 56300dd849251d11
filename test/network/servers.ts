import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTLSServer, type TlsOptions, type TLSSocket } from 'node:tls';
import { identities } from '../support/tls.ts';

/** A listener on loopback for one test: at the end of its scope everything that it has accepted is gone. */
export class Listener implements AsyncDisposable {
  readonly sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    });
  }

  static async tcp(
    serve: (socket: Socket) => void,
    where: { host?: string; port?: number; path?: string } = {},
  ): Promise<Listener> {
    return await Listener.#listen(
      createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        serve(socket);
      }),
      where,
    );
  }

  static async tls(
    serve: (socket: TLSSocket) => void,
    options: TlsOptions = {},
    where: { host?: string; port?: number; path?: string } = {},
  ): Promise<Listener> {
    const server = createTLSServer({ ...identities.server, allowHalfOpen: true, ...options });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    return await Listener.#listen(server, where);
  }

  static async #listen(
    server: Server,
    where: { host?: string; port?: number; path?: string },
  ): Promise<Listener> {
    const listener = new Listener(server);
    server.listen(where.path === undefined ? { host: '127.0.0.1', port: 0, ...where } : where);
    await once(server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when the client has closed each connection accepted so far. */
  async idle(): Promise<void> {
    const open = [...this.sockets].filter((socket) => !socket.readableEnded);
    const over = (socket: Socket): Promise<unknown> =>
      Promise.race([once(socket.resume(), 'end'), once(socket, 'close')]);
    await Promise.all(open.map(over));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
