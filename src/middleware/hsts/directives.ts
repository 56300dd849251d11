/** What a `Strict-Transport-Security` field says. */
export interface HstsPolicy {
  /** Seconds; 0: forget it. */
  readonly maxAge: number;
  readonly includeSubDomains: boolean;
}

/** token (RFC 9110 §5.6.2) */
const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+";
/** directive = directive-name [ "=" directive-value ] (RFC 6797 §6.1) */
const DIRECTIVE = new RegExp(
  `^(${TOKEN})(?:[ \\t]*=[ \\t]*(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?$`,
);

/**
 * The policy in the value of a field; null where it does not keep to the grammar, has a directive twice, or no max-age: it is then not there
 * at all (RFC 6797 §6.1, §8.1).
 */
export function directivesIn(field: string): HstsPolicy | null {
  const directives = new Map<string, string>();
  for (const part of partsOf(field)) {
    const text = part.trim();
    if (text === '') continue;
    const [, name, token, quoted] = DIRECTIVE.exec(text) ?? [];
    if (name === undefined) return null;
    const lowered = name.toLowerCase();
    if (directives.has(lowered)) return null;
    directives.set(lowered, token ?? quoted?.replace(/\\(.)/g, '$1') ?? '');
  }
  const maxAge = directives.get('max-age');
  if (maxAge === undefined || !/^\d+$/.test(maxAge)) return null;
  return { maxAge: Number(maxAge), includeSubDomains: directives.has('includesubdomains') };
}

/** Between semicolons, but for those in quotes. */
function partsOf(field: string): string[] {
  return field.match(/(?:"(?:[^"\\]|\\.)*"?|[^;"])+/g) ?? [];
}
