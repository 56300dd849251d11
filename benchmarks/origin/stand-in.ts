import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { RequestReader } from './request-reader.ts';

/**
 * origin.c in Node, for machines without a C compiler: the same arguments, the same announcement, the same answers.
 * It costs about as much as the client that it serves.
 */

const COMMON =
  'HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: origin\r\nCache-Control: no-cache\r\n';
const MEBIBYTE = 2 ** 20;

interface Answer {
  readonly head: Buffer;
  readonly block: Buffer;
  readonly repeat: number;
  readonly tail: string;
}

function whole(fields: string, body: Buffer): Answer {
  const head = Buffer.from(`${COMMON}${fields}\r\nContent-Length: ${body.length}\r\n\r\n`);
  return { head: Buffer.concat([head, body]), block: body, repeat: 0, tail: '' };
}

function streamed(framing: string, block: Buffer, repeat: number, tail: string): Answer {
  const fields = `Content-Type: application/octet-stream\r\n${framing}\r\n\r\n`;
  return { head: Buffer.from(COMMON + fields), block, repeat, tail };
}

function chunked(size: number, repeat: number): Answer {
  const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;
  const block = Buffer.from(chunk.repeat(MEBIBYTE / size), 'latin1');
  return streamed('Transfer-Encoding: chunked', block, repeat, '0\r\n\r\n');
}

function option(name: string): string[] {
  const at = process.argv.indexOf(name);
  return at < 0 ? [] : process.argv.slice(at + 1);
}

const [jsonFile = ''] = option('--json');
const TEXT = 'Content-Type: text/plain; charset=utf-8';
const empty = whole(TEXT, Buffer.alloc(0));
const answers = new Map<string, Answer>([
  ['/200', whole(TEXT, Buffer.alloc(200, 'x'))],
  ['/unfinished', streamed('Content-Length: 65536', Buffer.alloc(0), 0, '')],
  ['/64k', whole('Content-Type: application/octet-stream', Buffer.alloc(65_536, 'x'))],
  ['/1g', streamed('Content-Length: 1073741824', Buffer.alloc(MEBIBYTE, 'x'), 1024, '')],
  ['/chunked16k', chunked(16_384, 1024)],
  ['/chunked1k', chunked(1024, 256)],
  [
    '/session',
    whole(`${TEXT}\r\nSet-Cookie: session=4f0e9d0c2f1a6f1f5a10; Path=/`, Buffer.alloc(0)),
  ],
]);
if (jsonFile !== '') {
  const fields =
    'Content-Type: application/json\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding';
  answers.set('/json', whole(fields, readFileSync(jsonFile)));
}

let held: net.Socket[] = [];

async function answer(socket: net.Socket, method: string, path: string, length: number) {
  if (method === 'POST') {
    const body = Buffer.from(`{"length":${length}}`);
    return send(socket, whole('Content-Type: application/json', body));
  }
  if (path.startsWith('/hold/')) {
    held.push(socket);
    if (held.length < Number(path.slice(6))) return;
    for (const one of held) one.write(empty.head);
    held = [];
    return;
  }
  return send(socket, answers.get(path) ?? made(path) ?? empty);
}

/** What is asked for by a number. */
function made(path: string): Answer | null {
  const [, kind, text = ''] = path.split('/');
  const count = Number(text);
  if (kind === 'fields') {
    const fields = Array.from(
      { length: count },
      (_, i) => `\r\nX-Field-${i}: value-of-field-number-${i}`,
    );
    return whole(`${TEXT}${fields.join('')}`, Buffer.alloc(200, 'x'));
  }
  if (kind !== 'bytes') return null;
  const rest = 'x'.repeat(count % MEBIBYTE);
  return streamed(
    `Content-Length: ${count}`,
    Buffer.alloc(MEBIBYTE, 'x'),
    Math.floor(count / MEBIBYTE),
    rest,
  );
}

async function send(socket: net.Socket, { head, block, repeat, tail }: Answer) {
  socket.write(head);
  for (let i = 0; i < repeat && !socket.destroyed; i++) {
    if (!socket.write(block)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
  if (tail !== '') socket.write(tail);
}

function serve(socket: net.Socket): void {
  if (socket.remoteAddress?.startsWith('127.') !== true) {
    socket.destroy();
    return;
  }
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  let last: Promise<unknown> = Promise.resolve();
  const reader = new RequestReader((method, path, length) => {
    // pipelined requests are answered in their order
    last = last.then(() => answer(socket, method, path, length)).catch(() => socket.destroy());
  });
  socket.on('data', (bytes: Buffer) => reader.push(bytes));
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

const port = await listen(net.createServer(serve));
const [certificate, key] = option('--tls');
const tlsPort =
  certificate === undefined || key === undefined
    ? 0
    : await listen(
        tls.createServer(
          { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3' },
          serve,
        ),
      );
process.stdout.write(`${JSON.stringify({ port, tlsPort })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
