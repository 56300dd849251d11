import type { Headers } from '../../messages/headers.ts';

/**
 * The milliseconds that a server asks to be left alone for; null where it does not ask, or not in a way that can be read.
 *
 * `retry-after-ms` is what Azure and others say for less than a second; `Retry-After` is seconds or a date (RFC 9110 §10.2.3);
 * `RateLimit-Reset` and its kin are seconds, or a time as seconds since 1970.
 */
export function delayAsked(headers: Headers, now: number = Date.now()): number | null {
  const milliseconds = number(headers.get('retry-after-ms'));
  if (milliseconds !== null) return milliseconds;
  const after = headers.get('retry-after');
  if (after !== null) return secondsOrDate(after, now);
  const reset = number(headers.get('ratelimit-reset') ?? headers.get('x-ratelimit-reset'));
  if (reset === null) return null;
  return reset > LOOKS_LIKE_A_TIME ? Math.max(0, reset * 1000 - now) : reset * 1000;
}

/** In the year 2001. Nobody asks for a wait of thirty years. */
const LOOKS_LIKE_A_TIME = 1_000_000_000;

function secondsOrDate(text: string, now: number): number | null {
  const seconds = number(text);
  if (seconds !== null) return seconds * 1000;
  // An HTTP-date begins with the name of a day; Date.parse would make a date of nearly anything.
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text)) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : Math.max(0, time - now);
}

function number(text: string | null): number | null {
  return text !== null && /^\d{1,12}(?:\.\d{1,6})?$/.test(text) ? Number(text) : null;
}
