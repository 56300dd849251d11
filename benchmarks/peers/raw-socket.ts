import net from 'node:net';
import tls from 'node:tls';
import type { Call, OpenPeer } from './peer.ts';

/**
 * Not a client but the limit: what Node's sockets cost by themselves. The request is written as it was prepared,
 * the response is only counted: its length is learnt once and taken for granted from then on.
 */
export const open: OpenPeer = ({ headers }) => {
  const connect = (call: Call, onBytes: (n: number, bytes: Uint8Array) => void): net.Socket => {
    const { hostname, port } = new URL(call.origin);
    const onread = {
      buffer: Buffer.allocUnsafe(65_536),
      callback(n: number, bytes: Uint8Array) {
        onBytes(n, bytes);
        return true;
      },
    };
    const to = { host: hostname, port: Number(port), noDelay: true, onread };
    const secure = call.origin.startsWith('https:');
    const socket = secure ? tls.connect(to) : net.connect(to);
    socket.on('error', (error) => {
      throw error;
    });
    return socket;
  };
  return {
    loop(calls, concurrency, completed) {
      const [call] = calls;
      if (call === undefined) throw new Error('no call');
      const request = wire(call, headers);
      let stopped = false;
      let expected = 0;
      const start = () => {
        let left = 0;
        const socket = connect(call, (n, bytes) => {
          if (expected === 0) {
            const frame = frameOf(bytes.subarray(0, n));
            expected = frame.head + frame.body;
          }
          if (left === 0) left = expected;
          left -= n;
          if (left > 0) return;
          completed();
          if (!stopped) socket.write(request, 'latin1');
        });
        socket.write(request, 'latin1');
      };
      for (let i = 0; i < concurrency; i++) start();
      return () => {
        stopped = true;
      };
    },
    downloadBorrowed: (call) =>
      new Promise((resolve) => {
        let frame: Frame | undefined;
        let received = 0;
        const socket = connect(call, (n, bytes) => {
          frame ??= frameOf(bytes.subarray(0, n));
          received += n;
          if (received < frame.head + frame.body) return;
          socket.destroy();
          resolve(frame.body);
        });
        socket.write(wire(call, headers), 'latin1');
      }),
  };
};

function wire(call: Call, headers: Readonly<Record<string, string>>): string {
  const { body = '' } = call;
  const fields: Record<string, string> = { host: new URL(call.origin).host, ...headers };
  if (call.method === 'POST') fields['content-length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${call.method} ${call.path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

interface Frame {
  readonly head: number;
  readonly body: number;
}

function frameOf(start: Uint8Array): Frame {
  const text = Buffer.from(start).toString('latin1');
  const head = text.indexOf('\r\n\r\n') + 4;
  const body = Number(/^content-length: *(\d+)/im.exec(text)?.[1]);
  if (head < 4 || !Number.isInteger(body)) throw new Error('no whole head with a length');
  return { head, body };
}
