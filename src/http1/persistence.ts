import type { Headers } from '../messages/headers.ts';
import type { Framing } from './framing.ts';
import { CONNECTION, KEEP_ALIVE, type HeadScanner } from './head-scanner.ts';
import { tokens, type RequestHead } from './request-head.ts';

/** What a server says in Keep-Alive: how long it waits for another request, in milliseconds, and how many more it takes. */
export interface KeepAlive {
  readonly timeout: number;
  readonly max: number;
}

/** It did not say. */
export const NO_HINT: KeepAlive = { timeout: Infinity, max: Infinity };

/** Whether the connection can be used again once this response is complete (RFC 9112 §9.3). */
export function persists(
  request: RequestHead,
  head: HeadScanner,
  headers: Headers,
  framing: Framing,
): boolean {
  if (request.close || framing === 'until-close') return false;
  const options = (head.fields & CONNECTION) === 0 ? [] : tokens(headers.get('connection'));
  if (options.includes('close')) return false;
  return head.minorVersion > 0 || options.includes('keep-alive');
}

/** Reads `Keep-Alive: timeout=5, max=100` (in no RFC since 2068, and sent by many). The same text is read once. */
export class KeepAliveReader {
  hint: KeepAlive = NO_HINT;
  #text: string | null = null;

  read(head: HeadScanner, headers: Headers): void {
    if ((head.fields & KEEP_ALIVE) === 0) return;
    const text = headers.get('keep-alive') ?? '';
    if (text === this.#text) return;
    this.#text = text;
    this.hint = { timeout: number(text, TIMEOUT) * 1000, max: number(text, MAX) };
  }
}

const TIMEOUT = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i;
const MAX = /(?:^|[\s,;])max\s*=\s*"?(\d{1,9})/i;

function number(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  return match === null ? Infinity : Number(match[1]);
}
