import { ConnectionPool, type ConnectionPoolOptions } from '../../src/index.ts';
import type { ScriptServer, Step } from '../support/script-server.ts';
import { ca } from '../support/tls.ts';

export const bytes = (...values: (number | string)[]): Buffer =>
  Buffer.concat(
    values.map((each) => (typeof each === 'string' ? Buffer.from(each) : Buffer.of(each))),
  );
export const name = (text: string): Buffer => bytes(3, text.length, text);
export const port = (number: number): Buffer => bytes(number >> 8, number & 255);

export const NO_AUTH: Buffer = bytes(5, 0);
export const USER_PASS: Buffer = bytes(5, 2);
export const GRANTED: Buffer = bytes(5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90);
export const GRANTED_4: Buffer = bytes(0, 90, 0, 0, 0, 0, 0, 0);

/** Waits for these very bytes. */
export const expects =
  (expected: Buffer): Step =>
  async (wire) => {
    const came = await wire.received(expected.length);
    if (!came.equals(expected))
      throw new Error(`${came.toString('hex')} for ${expected.toString('hex')}`);
  };
/** What the client says first, by whether it has credentials. */
export const greeting: Step = expects(bytes(5, 1, 0));
export const greetingWithCredentials: Step = expects(bytes(5, 2, 0, 2));
export const connects = (destination: Buffer, to: number): Step =>
  expects(Buffer.concat([bytes(5, 1, 0), destination, port(to)]));

export const http: Step = (wire) => wire.http();

export function through(
  proxy: ScriptServer,
  scheme: string,
  credentials = '',
  options: ConnectionPoolOptions = {},
): ConnectionPool {
  return new ConnectionPool({
    proxy: `${scheme}://${credentials}127.0.0.1:${proxy.port}`,
    tls: { ca },
    ...options,
  });
}

export const HOSTS = {
  'www.example.test': '10.1.2.3',
  'six.example.test': '2001:db8::1',
  'both.example.test': ['2001:db8::1', '10.1.2.3'],
};
