import type { Headers } from '../../messages/headers.ts';

/** Directives by name, in lower case: the argument, or `true` where there is none. */
export type Directives = ReadonlyMap<string, string | true>;

const NONE: Directives = new Map();

/**
 * cache-directive = token [ "=" ( token / quoted-string ) ]   (RFC 9111 §5.2)
 *
 * Sticky, so that what is in quotes is never taken for a directive.
 */
const DIRECTIVE = /[\t ]*([^\t ",;=]+)(?:=("(?:[^"\\]|\\.)*"|[^",]*))?[\t ]*(?:,|$)/y;

/** The directives of a Cache-Control. Where one is there twice, the first counts (RFC 9111 §4.2.1); what is no directive is passed over. */
export function directivesOf(headers: Headers, name: string): Directives {
  const text = headers.get(name);
  if (text === null) return NONE;
  const directives = new Map<string, string | true>();
  for (let at = 0; at < text.length;) {
    DIRECTIVE.lastIndex = at;
    const match = DIRECTIVE.exec(text);
    if (match === null) {
      at = behindComma(text, at);
      continue;
    }
    at = DIRECTIVE.lastIndex;
    const directive = (match[1] as string).toLowerCase();
    if (!directives.has(directive)) directives.set(directive, argument(match[2]));
  }
  return directives;
}

/** The seconds that a directive names, up to 2^31 (RFC 9111 §1.2.2); null where it is not there, NaN where it is not a number. */
export function seconds(directives: Directives, name: string): number | null {
  const value = directives.get(name);
  if (value === undefined) return null;
  if (value === true || !/^\d+$/.test(value)) return NaN;
  return Math.min(Number(value), 2 ** 31);
}

/** The names in a list of them, in lower case: of Connection, of Vary. */
export function namesIn(list: string | null): string[] {
  if (list === null) return [];
  return list
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
}

function argument(text: string | undefined): string | true {
  if (text === undefined) return true;
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text.trimEnd();
}

/** The place behind the next comma that is not in quotes. */
function behindComma(text: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted) return at + 1;
  }
  return text.length;
}
