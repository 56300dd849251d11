import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';

export type OkHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What the echo answers, as JSON. */
export interface Echo {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: string[];
  readonly body: string;
}

export interface OkServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly tls?: TlsOptions;
}

export interface OkServer extends AsyncDisposable {
  /** The origin, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  readonly server: Server;
}

/** A server of Node's own that does all of it right; without a handler it echoes as JSON. */
export async function okServer(
  handler: OkHandler = echo,
  { host = '127.0.0.1', tls }: OkServerOptions = {},
): Promise<OkServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(handler, request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTLSServer(tls, listener);
  let connections = 0;
  server.on(tls === undefined ? 'connection' : 'secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port: 0, host }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    server,
    port,
    url: `${tls === undefined ? 'http' : 'https'}://${authority}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<unknown>((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A handler that fails must fail the test: its client reads the reason in a 500. */
async function answer(
  handler: OkHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await handler(request, response);
  } catch (error) {
    if (!response.headersSent) response.writeHead(500);
    response.end(error instanceof Error ? error.stack : String(error));
  }
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const { method, url, rawHeaders } = request;
  const seen: Echo = { method, url, rawHeaders, body: Buffer.concat(pieces).toString() };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(seen));
}
