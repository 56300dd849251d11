import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A server on loopback, on a port that is free. */
export class Loopback implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  static async start(handler: Handler): Promise<Loopback> {
    const server = createServer((request, response) => {
      // What fails in a handler is the end of that connection.
      void (async () => handler(request, response))().catch((error: unknown) =>
        response.destroy(error as Error),
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Loopback(server);
  }

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export function sendJSON(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
