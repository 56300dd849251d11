/*
 * HTTP Archive 1.2, as far as it is written here: http://www.softwareishard.com/blog/har-12-spec/. Names that begin with an underscore are
 * this library's own, as the format allows. Times are in milliseconds, sizes in bytes, -1: not known or not applicable.
 */

export interface HAR {
  readonly log: HARLog;
}

export interface HARLog {
  readonly version: '1.2';
  readonly creator: { readonly name: string; readonly version: string };
  readonly entries: readonly HAREntry[];
}

export interface HAREntry {
  /** ISO 8601 */
  readonly startedDateTime: string;
  /** The sum of `timings`, `ssl` left out, for `connect` has it. */
  readonly time: number;
  readonly request: HARRequest;
  /** Of a request without a response, the status is 0. */
  readonly response: HARResponse;
  readonly cache: Readonly<Record<string, never>>;
  readonly timings: HARTimings;
  readonly serverIPAddress?: string;
  readonly connection?: string;
  /** The call that it is part of, why it came about, and which try it is. */
  readonly _call: number;
  readonly _cause: string;
  readonly _attempt: number;
  /** What it failed with. */
  readonly _error?: string;
}

export interface HARPair {
  readonly name: string;
  readonly value: string;
}

export interface HARCookie extends HARPair {
  readonly path?: string;
  readonly domain?: string;
  /** ISO 8601 */
  readonly expires?: string;
  readonly httpOnly?: boolean;
  readonly secure?: boolean;
}

export interface HARRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly cookies: readonly HARCookie[];
  readonly headers: readonly HARPair[];
  readonly queryString: readonly HARPair[];
  readonly postData?: {
    readonly mimeType: string;
    readonly text: string;
    readonly comment?: string;
  };
  readonly headersSize: number;
  readonly bodySize: number;
}

export interface HARResponse {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly cookies: readonly HARCookie[];
  readonly headers: readonly HARPair[];
  readonly content: HARContent;
  readonly redirectURL: string;
  readonly headersSize: number;
  readonly bodySize: number;
}

export interface HARContent {
  /** Decoded, where the body is there; else as it came. */
  readonly size: number;
  /** What the coding saved. */
  readonly compression?: number;
  readonly mimeType: string;
  readonly text?: string;
  readonly encoding?: 'base64';
  readonly comment?: string;
}

export interface HARTimings {
  readonly blocked: number;
  readonly dns: number;
  /** With `ssl` in it, as the format has it. */
  readonly connect: number;
  readonly ssl: number;
  readonly send: number;
  readonly wait: number;
  readonly receive: number;
}
