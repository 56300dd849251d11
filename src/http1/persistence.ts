import type { Headers } from '../messages/headers.ts';
import { CONNECTION, KEEP_ALIVE, TRANSFER_ENCODING, type HeadScanner } from './head-scanner.ts';
import { tokens } from './list.ts';
import type { ResponseParser } from './parser.ts';
import type { RequestHead } from './request-head.ts';

/** What a server says in Keep-Alive: how long it waits for another request, in milliseconds, and how many it takes in all. */
export interface KeepAlive {
  readonly timeout: number;
  readonly max: number;
}

/** It did not say. */
export const NO_HINT: KeepAlive = { timeout: Infinity, max: Infinity };

/**
 * Reads what a server says of its connection. It seldom says anything new: the same text is taken apart once.
 */
export class Persistence {
  keepAlive: KeepAlive = NO_HINT;
  #keepAliveText: string | null = null;
  #connection: readonly string[] = [];
  #connectionText: string | null = null;

  /** Whether the connection can be used again once this response, the `served`th, is complete (RFC 9112 §9.3). */
  after(request: RequestHead, { head, headers, framing }: ResponseParser, served: number): boolean {
    this.#readKeepAlive(head, headers, served);
    if (request.close || framing === 'until-close') return false;
    const options = this.#connectionOptions(head, headers);
    if (options.includes('close')) return false;
    if (head.minorVersion > 0) return true;
    // RFC 9112 §6.1: HTTP/1.0 knows no Transfer-Encoding, so whoever forwarded this may not have understood it.
    return options.includes('keep-alive') && (head.fields & TRANSFER_ENCODING) === 0;
  }

  #connectionOptions(head: HeadScanner, headers: Headers): readonly string[] {
    const text = (head.fields & CONNECTION) === 0 ? null : headers.get('connection');
    if (text !== this.#connectionText) {
      this.#connectionText = text;
      this.#connection = tokens(text);
    }
    return this.#connection;
  }

  /**
   * `Keep-Alive: timeout=5, max=100`: in no RFC since 2068, and sent by many. Some count `max` down with each response (Apache), some
   * always say the same (Node): the least that it has come to is right for the first, and one too many, at worst, for the second.
   */
  #readKeepAlive(head: HeadScanner, headers: Headers, served: number): void {
    if ((head.fields & KEEP_ALIVE) === 0) return;
    const text = headers.get('keep-alive') ?? '';
    if (text === this.#keepAliveText) return;
    this.#keepAliveText = text;
    this.keepAlive = {
      timeout: number(text, TIMEOUT) * 1000,
      max: Math.min(this.keepAlive.max, served + number(text, MAX)),
    };
  }
}

const TIMEOUT = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i;
const MAX = /(?:^|[\s,;])max\s*=\s*"?(\d{1,9})/i;

function number(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  return match === null ? Infinity : Number(match[1]);
}
