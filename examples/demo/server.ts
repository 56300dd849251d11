import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/** Bytes of the download. */
const ARCHIVE_SIZE = 50_000_000;
const PIECE = Buffer.alloc(64 * 1024, 'strata ');

const CATALOGUE = JSON.stringify(
  Array.from({ length: 500 }, (_, id) => ({
    id,
    name: `Layer ${id}`,
    depth: id % 7,
    inStock: id % 3 === 0,
  })),
);

/** Something to talk to: it listens on loopback, on a port that is free. */
export class DemoServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  static async start(): Promise<DemoServer> {
    const server = createServer((request, response) => {
      answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new DemoServer(server);
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

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url}`;
  switch (route) {
    case 'GET /':
      response
        .writeHead(302, { location: '/hello', 'set-cookie': 'visitor=7; Path=/; HttpOnly' })
        .end();
      return;
    case 'GET /hello':
      sendJSON(response, 200, { hello: 'world', cookie: request.headers.cookie ?? null });
      return;
    case 'POST /orders':
      sendJSON(response, 201, { number: 1001, ordered: await json(request) });
      return;
    case 'GET /catalogue':
      sendCatalogue(request, response);
      return;
    case 'GET /slow':
      await delay(40);
      response.end('at last');
      return;
    case 'GET /archive':
      await sendArchive(response);
      return;
    default:
      response.writeHead(404).end(`there is no ${route}`);
  }
}

function sendJSON(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function sendCatalogue(request: IncomingMessage, response: ServerResponse): void {
  const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const body = zipped ? gzipSync(CATALOGUE) : Buffer.from(CATALOGUE);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': body.byteLength,
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(body);
}

async function sendArchive(response: ServerResponse): Promise<void> {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': ARCHIVE_SIZE,
  });
  for (let left = ARCHIVE_SIZE; left > 0; left -= PIECE.byteLength) {
    if (!response.write(PIECE.subarray(0, Math.min(left, PIECE.byteLength))))
      await once(response, 'drain');
  }
  response.end();
}
