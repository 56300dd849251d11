import { Client, type ClientRequestOptions } from './client.ts';
import type { Response } from './messages/response.ts';
import { ConnectionPool } from './transports/connection-pool.ts';

/** One request with a client of its own, which is closed behind it: for scripts. A program that sends more keeps a `Client`. */
export async function request(
  method: string,
  url: string | URL,
  options?: ClientRequestOptions,
): Promise<Response> {
  const response = await stream(method, url, options);
  await response.read();
  return response;
}

/** The same, scoped: `await using response = await stream('GET', url)`. The connection is closed when the response has ended. */
export async function stream(
  method: string,
  url: string | URL,
  options?: ClientRequestOptions,
): Promise<Response> {
  const pool = new ConnectionPool();
  try {
    return await new Client({ transport: pool }).stream(method, url, options);
  } finally {
    // It closes when the response has ended, however long that takes; nobody needs to wait for it.
    void pool.close({ timeout: Infinity });
  }
}

type Shorthand = (url: string | URL, options?: ClientRequestOptions) => Promise<Response>;

export const get: Shorthand = (url, options) => request('GET', url, options);
export const head: Shorthand = (url, options) => request('HEAD', url, options);
export const options: Shorthand = (url, init) => request('OPTIONS', url, init);
export const post: Shorthand = (url, options) => request('POST', url, options);
export const put: Shorthand = (url, options) => request('PUT', url, options);
export const patch: Shorthand = (url, options) => request('PATCH', url, options);
/** `delete` is a word of the language's own. */
export const del: Shorthand = (url, options) => request('DELETE', url, options);
