import { gzipSync } from 'node:zlib';

/** What the server answers in front of which layers are measured: a whole response, or one for each target. */
export type Answer = Uint8Array | ((target: string) => Uint8Array);

const COMMON =
  'Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: origin\r\nX-Request-Id: 7c1f0f6e-5b0a-4f0e-9d0c-2f1a6f1f5a10\r\n';
const TEXT = 'Content-Type: text/plain; charset=utf-8\r\n';

function message(fields: string, body: Uint8Array | string, status = '200 OK'): Uint8Array {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 ${status}\r\n${COMMON}${fields}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

const withField = (field: string) => message(`${TEXT}${field}\r\n`, 'x'.repeat(200));

/** The same head and 200 bytes as `/200` of the origin. */
export const usual: Uint8Array = withField('Cache-Control: no-cache');
export const storable: Uint8Array = withField('Cache-Control: max-age=3600');
export const unstorable: Uint8Array = withField('Cache-Control: no-store');
export const setsCookie: Uint8Array = withField('Set-Cookie: session=4f0e9d0c; Path=/; HttpOnly');

/** A kilobyte of JSON, in gzip. */
export const gzipped: Uint8Array = message(
  'Content-Type: application/json\r\nContent-Encoding: gzip\r\n',
  gzipSync(
    JSON.stringify(
      Array.from({ length: 18 }, (_, i) => ({ id: 1000 + i, name: `item number ${i}`, price: i })),
    ),
  ),
);

/** Sends everybody to `/moved`, who is not there yet. */
export function redirecting(target: string): Uint8Array {
  return target === '/moved' ? usual : found;
}

const found = message('Location: /moved\r\n', '', '302 Found');
