import { createHash } from 'node:crypto';
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as forwardSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { okServer, type OkServer } from '../support/ok-server.ts';
import { ca, identities } from '../support/tls.ts';

/** What the proxy asks for: nothing, `user:secret` as Basic, or the same as Digest. */
export type Asks = 'nothing' | 'basic' | 'digest';

export interface WorkingProxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Each request line that came, and `+` behind it where the credentials were right. */
  readonly seen: string[];
  /** Headers of each, in the same order. */
  readonly headers: IncomingMessage['headers'][];
  /** Connections accepted so far. */
  readonly connections: number;
}

const NONCE = 'dcd98b7102dd2f0e8b11d0f600bfb0c093';

/** A proxy that does its work: forwards, and opens tunnels. */
export async function workingProxy({
  tls = false,
  asks = 'nothing',
}: { tls?: boolean; asks?: Asks } = {}): Promise<WorkingProxy> {
  const seen: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const tunnels = new Set<Duplex>();

  const admits = (request: IncomingMessage): boolean => {
    const admitted = asks === 'nothing' || isRight(request, asks);
    seen.push(`${request.method} ${request.url}${admitted && asks !== 'nothing' ? ' +' : ''}`);
    headers.push(request.headers);
    return admitted;
  };
  const challenge =
    asks === 'digest'
      ? `Digest realm="proxy", qop="auth", algorithm=MD5, nonce="${NONCE}"`
      : 'Basic realm="proxy"';

  const server: OkServer = await okServer(
    async (request: IncomingMessage, response: ServerResponse) => {
      if (!admits(request)) {
        for await (const piece of request) void piece;
        response.writeHead(407, { 'proxy-authenticate': challenge });
        response.end('who are you?');
        return;
      }
      const send = request.url?.startsWith('https:') === true ? forwardSecurely : forward;
      const { 'proxy-authorization': _, ...kept } = request.headers;
      const options = { method: request.method, headers: kept, ca, agent: false as const };
      const onward = send(String(request.url), options, (answer) => {
        const { connection: _own, 'keep-alive': _ownToo, ...end } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, end);
        answer.pipe(response);
      });
      onward.on('error', () => response.writeHead(502).end('no way'));
      request.pipe(onward);
    },
    tls ? { tls: identities.server } : {},
  );
  server.server.on('connect', (request: IncomingMessage, client: Socket, early: Buffer) => {
    tunnels.add(client);
    client.on('error', () => {}).on('close', () => tunnels.delete(client));
    if (!admits(request)) {
      const body = 'who are you?';
      client.write(
        `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: ${challenge}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      client.end();
      return;
    }
    const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(String(request.url)) ?? [];
    const address = host.endsWith('.test') ? '127.0.0.1' : host;
    const origin = connect({ host: address, port: Number(port) });
    tunnels.add(origin);
    origin.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
    origin.on('close', () => client.destroy());
    client.on('close', () => origin.destroy());
    origin.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (early.length > 0) origin.write(early);
      origin.pipe(client).pipe(origin);
    });
  });
  return {
    url: server.url,
    port: server.port,
    seen,
    headers,
    get connections() {
      return server.connections;
    },
    async [Symbol.asyncDispose]() {
      for (const each of tunnels) each.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

function isRight({ headers, method, url }: IncomingMessage, asks: 'basic' | 'digest'): boolean {
  const given = headers['proxy-authorization'] ?? '';
  if (asks === 'basic') return given === `Basic ${btoa('user:secret')}`;
  const field = (name: string): string =>
    new RegExp(`[ ,]${name}="?([^",]*)"?`).exec(given)?.[1] ?? '';
  const expectedURI = method === 'CONNECT' ? url : new URL(String(url)).pathname;
  const proof = md5(
    [
      md5('user:proxy:secret'),
      NONCE,
      field('nc'),
      field('cnonce'),
      'auth',
      md5(`${method}:${expectedURI}`),
    ].join(':'),
  );
  return given.startsWith('Digest ') && field('response') === proof;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
