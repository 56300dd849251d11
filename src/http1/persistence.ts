import type { Headers } from '../messages/headers.ts';
import type { Framing } from './framing.ts';
import { CONNECTION, KEEP_ALIVE, type HeadScanner } from './head-scanner.ts';
import { tokens } from './list.ts';
import type { RequestHead } from './request-head.ts';

/** What a server says in Keep-Alive: how long it waits for another request, in milliseconds, and how many more it takes. */
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

  /** Whether the connection can be used again once this response is complete (RFC 9112 §9.3). */
  after(request: RequestHead, head: HeadScanner, headers: Headers, framing: Framing): boolean {
    this.#readKeepAlive(head, headers);
    if (request.close || framing === 'until-close') return false;
    const options = this.#connectionOptions(head, headers);
    if (options.includes('close')) return false;
    return head.minorVersion > 0 || options.includes('keep-alive');
  }

  #connectionOptions(head: HeadScanner, headers: Headers): readonly string[] {
    const text = (head.fields & CONNECTION) === 0 ? null : headers.get('connection');
    if (text !== this.#connectionText) {
      this.#connectionText = text;
      this.#connection = tokens(text);
    }
    return this.#connection;
  }

  /** `Keep-Alive: timeout=5, max=100`: in no RFC since 2068, and sent by many. */
  #readKeepAlive(head: HeadScanner, headers: Headers): void {
    if ((head.fields & KEEP_ALIVE) === 0) return;
    const text = headers.get('keep-alive') ?? '';
    if (text === this.#keepAliveText) return;
    this.#keepAliveText = text;
    this.keepAlive = { timeout: number(text, TIMEOUT) * 1000, max: number(text, MAX) };
  }
}

const TIMEOUT = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i;
const MAX = /(?:^|[\s,;])max\s*=\s*"?(\d{1,9})/i;

function number(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  return match === null ? Infinity : Number(match[1]);
}
