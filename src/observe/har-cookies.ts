import type { HARCookie, HARPair } from './har-format.ts';

/** The cookies of a request. Those that were taken out of the record are no pairs any more. */
export function cookiesSent(headers: readonly HARPair[]): HARCookie[] {
  return valuesOf(headers, 'cookie').flatMap((value) =>
    value.split(';').flatMap((text) => pairOf(text) ?? []),
  );
}

/** The cookies that a response sets, with their attributes (RFC 6265 §5.2). */
export function cookiesSet(headers: readonly HARPair[]): HARCookie[] {
  return valuesOf(headers, 'set-cookie').flatMap((value) => {
    const [first = '', ...attributes] = value.split(';');
    const pair = pairOf(first);
    return pair === null ? [] : [attributes.reduce(withAttribute, pair)];
  });
}

function withAttribute(cookie: HARCookie, attribute: string): HARCookie {
  const [name = '', ...rest] = attribute.split('=');
  const value = rest.join('=').trim();
  switch (name.trim().toLowerCase()) {
    case 'path':
      return { ...cookie, path: value };
    case 'domain':
      return { ...cookie, domain: value };
    case 'httponly':
      return { ...cookie, httpOnly: true };
    case 'secure':
      return { ...cookie, secure: true };
    case 'expires': {
      const at = new Date(value);
      return Number.isNaN(at.getTime()) ? cookie : { ...cookie, expires: at.toISOString() };
    }
    default:
      return cookie;
  }
}

function pairOf(text: string): HARPair | null {
  const equals = text.indexOf('=');
  return equals === -1
    ? null
    : { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() };
}

function valuesOf(headers: readonly HARPair[], wanted: string): string[] {
  return headers.filter(({ name }) => name.toLowerCase() === wanted).map(({ value }) => value);
}
