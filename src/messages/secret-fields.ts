import type { Headers } from './headers.ts';

/** Names of fields, or of parameters, whose values are not to be shown: as they are, whatever their case, or by a pattern. */
export type SecretNames = readonly (string | RegExp)[];

/** What stands in place of a value: it is allowed in a URL, in a header field and in JSON. */
export const REDACTED = 'REDACTED';

/** What is called like a credential is taken for one. An idempotency key is none: it names a request, not who makes it. */
const SECRET =
  /authorization|cookie|token|secret|passw|api-?key|x-auth|session|signature|^sig$|^code$|jwt|assertion|(?<!idempotency-|public-?)key$/i;

/** They hold URLs, whose query may be anything: an OAuth code in `Location`, say. */
export const URL_FIELDS: ReadonlySet<string> = new Set([
  'location',
  'content-location',
  'referer',
  'refresh',
  'link',
]);

/** Whether a field, or a parameter, of this name is secret, going by the name alone. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name);
}

/** The question whether a field, or a parameter, of this name is secret; `more` adds to what the name itself tells. @throws TypeError */
export function secretNames(option: string, more: SecretNames = []): (name: string) => boolean {
  if (
    !Array.isArray(more) ||
    more.some((each: unknown) => typeof each !== 'string' && !(each instanceof RegExp))
  ) {
    throw new TypeError(`${option}: expected a list of names and patterns`);
  }
  const names = new Set<string>();
  const patterns: RegExp[] = [SECRET];
  for (const each of more as SecretNames) {
    if (typeof each === 'string') names.add(each.toLowerCase());
    // One that remembers where it was would miss every other name.
    else patterns.push(new RegExp(each.source, each.flags.replace(/[gy]/g, '')));
  }
  return (name) => names.has(name.toLowerCase()) || patterns.some((each) => each.test(name));
}

/** The value of a field as it may be shown. */
export function shownValue(
  name: string,
  value: string,
  isSecret: (name: string) => boolean,
): string {
  if (isSecret(name)) return REDACTED;
  if (!URL_FIELDS.has(name.toLowerCase())) return value;
  return value.replace(/\/\/[^/?#\s<>"]*@/g, '//').replace(/[?#][^\s<>"]*/g, '');
}

/** All fields, by their names in lower case, as they may be shown. */
export function shownHeaders(
  headers: Headers,
  isSecret: (name: string) => boolean,
): Record<string, string> {
  const shown: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) {
    const lowered = name.toLowerCase();
    const text = shownValue(lowered, value, isSecret);
    shown[lowered] = lowered in shown && text !== REDACTED ? `${shown[lowered]}, ${text}` : text;
  }
  return shown;
}

/** A request target with the values in its query shown only where `mayShow` their names: `/x?page=2&sig=REDACTED`. */
export function shownTarget(target: string, mayShow: (name: string) => boolean): string {
  const at = target.indexOf('?');
  if (at === -1) return target;
  const pairs = target
    .slice(at + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      // A lone word may be the secret itself.
      if (equals === -1) return pair === '' || mayShow(nameIn(pair)) ? pair : REDACTED;
      const name = pair.slice(0, equals);
      return mayShow(nameIn(name)) ? pair : `${name}=${REDACTED}`;
    });
  return `${target.slice(0, at)}?${pairs.join('&')}`;
}

function nameIn(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
