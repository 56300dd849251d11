import type { CookieJar } from 'tough-cookie';
import type { Headers } from './messages/headers.ts';

/** Cookies to be sent by name: numbers and booleans are written out, `null` and `undefined` are left out. */
export type CookiesInit = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A jar of tough-cookie's; cookies to send with every request; true: a new jar; false: no cookies are kept. */
export type CookiesOption = CookieJar | CookiesInit | boolean | undefined;

export function isJar(cookies: CookiesOption): cookies is CookieJar {
  return (
    typeof cookies === 'object' && cookies !== null && typeof cookies.getCookieString === 'function'
  );
}

/** @throws TypeError where it is no jar and no boolean either. */
export function isRecord(cookies: CookiesOption): cookies is CookiesInit {
  if (typeof cookies === 'boolean' || isJar(cookies)) return false;
  if (typeof cookies === 'object' && cookies !== null) return true;
  const came = cookies === null ? 'null' : typeof cookies;
  throw new TypeError(`cookies: expected a CookieJar, a record or a boolean, got ${came}`);
}

/** What would end a name or a pair (RFC 6265 §4.2.1); line breaks are refused in any header. */
const NOT_IN_NAME = /[\s=;]/;

/** @throws TypeError where one of them would be more than one, or none. */
export function checkedCookies(cookies: CookiesInit): CookiesInit {
  if (typeof cookies !== 'object' || cookies === null || isJar(cookies)) {
    throw new TypeError('cookies: expected a record of names and values');
  }
  for (const [name, value] of Object.entries(cookies) as [string, unknown][]) {
    if (name === '' || NOT_IN_NAME.test(name)) {
      throw new TypeError(
        `cookies: expected a name without white space, = and ;, got ${JSON.stringify(name)}`,
      );
    }
    if (value === null || value === undefined) continue;
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(
        `cookies.${name}: expected a string, number or boolean, got ${typeof value}`,
      );
    }
    // The value itself may be a secret.
    if (typeof value === 'string' && value.includes(';'))
      throw new TypeError(`cookies.${name}: expected a value without ;`);
  }
  return cookies;
}

export function withCookies(headers: Headers, cookies: CookiesInit): Headers {
  const pairs = Object.entries(cookies)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`);
  return pairs.length === 0
    ? headers
    : headers.with('cookie', [...headers.getAll('cookie'), ...pairs].join('; '));
}
