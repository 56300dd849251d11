import type { RecordedRequest } from './recorded-request.ts';

/** What of a request has to be the same. `url` is origin, path and query; `header:NAME` is one field. */
export type MatchPart =
  | 'method'
  | 'url'
  | 'origin'
  | 'path'
  | 'query'
  | 'body'
  | `header:${string}`;

/** Whether a request may have the answer of a recorded one. Both are without secrets. */
export type MatchFunction = (incoming: RecordedRequest, recorded: RecordedRequest) => boolean;

/** All of these have to hold. */
export type MatchRules = readonly (MatchPart | MatchFunction)[];

const DEFAULT_RULES: MatchRules = ['method', 'url', 'body'];

/** One rule: it says in what two requests differ, null where they do not. */
export interface Rule {
  /** How much a difference says against the two being meant to be the same. */
  readonly weight: number;
  difference(incoming: RecordedRequest, recorded: RecordedRequest): string | null;
}

const ORIGIN: Rule = {
  weight: 8,
  difference: (a, b) => (a.url.origin === b.url.origin ? null : 'origin'),
};
const PATH: Rule = {
  weight: 4,
  difference: (a, b) => (a.url.pathname === b.url.pathname ? null : 'path'),
};
const METHOD: Rule = {
  weight: 2,
  difference: (a, b) => (a.method === b.method ? null : 'method'),
};
const QUERY: Rule = {
  weight: 1,
  difference: (a, b) => {
    const names = Array.from(new Set([...a.url.searchParams.keys(), ...b.url.searchParams.keys()]));
    const other = names.filter(
      (name) => !sameList(a.url.searchParams.getAll(name), b.url.searchParams.getAll(name)),
    );
    return other.length === 0 ? null : `query (${other.join(', ')})`;
  },
};
const BODY: Rule = {
  weight: 1,
  difference: (a, b) => {
    if (sameBytes(a.bytes, b.bytes)) return null;
    const [one, other] = [a.json, b.json];
    if (one === undefined || other === undefined) return 'body';
    const place = firstDifference(one, other, '');
    return place === null ? null : place === '' ? 'body' : `body (at ${place})`;
  },
};
const PARTS: Readonly<Record<string, readonly Rule[]>> = {
  method: [METHOD],
  url: [ORIGIN, PATH, QUERY],
  origin: [ORIGIN],
  path: [PATH],
  query: [QUERY],
  body: [BODY],
};

/** @throws TypeError on what is no rule. */
export function rulesOf(match: MatchRules = DEFAULT_RULES): Rule[] {
  if (!Array.isArray(match))
    throw new TypeError(`cassette: match: expected a list of rules, got ${typeof match}`);
  return (match as MatchRules).flatMap((rule): readonly Rule[] => {
    if (typeof rule === 'function') return [ruleOf(rule)];
    if (typeof rule === 'string' && Object.hasOwn(PARTS, rule))
      return PARTS[rule] as readonly Rule[];
    const [, name] = /^header:(.+)$/.exec(String(rule)) ?? [];
    if (name !== undefined) return [headerRule(name)];
    throw new TypeError(
      `cassette: match: expected ${Object.keys(PARTS).join(', ')}, header:NAME or a function, got ${typeof rule === 'string' ? JSON.stringify(rule) : typeof rule}`,
    );
  });
}

/** In what the two differ, and how much that is. */
export function differences(
  rules: readonly Rule[],
  incoming: RecordedRequest,
  recorded: RecordedRequest,
): { readonly parts: readonly string[]; readonly weight: number } {
  const parts: string[] = [];
  let weight = 0;
  for (const rule of rules) {
    const part = rule.difference(incoming, recorded);
    if (part === null) continue;
    parts.push(part);
    weight += rule.weight;
  }
  return { parts, weight };
}

function ruleOf(same: MatchFunction): Rule {
  const name = `what ${same.name === '' ? 'your function' : same.name} compares`;
  return { weight: 1, difference: (a, b) => (same(a, b) ? null : name) };
}

function headerRule(name: string): Rule {
  return {
    weight: 1,
    difference: (a, b) =>
      sameList(a.headers.getAll(name), b.headers.getAll(name)) ? null : `header ${name}`,
  };
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, place) => each === b[place]);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, place) => byte === b[place]);
}

/** Where two values of JSON are not the same, in whatever order their members stand: `items[2].name`. null: nowhere. */
function firstDifference(a: unknown, b: unknown, at: string): string | null {
  if (Object.is(a, b)) return null;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return at;
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const inside = Array.isArray(a) ? `${at}[${name}]` : at === '' ? name : `${at}.${name}`;
    if (!Object.hasOwn(a, name) || !Object.hasOwn(b, name)) return inside;
    const place = firstDifference(a[name], b[name], inside);
    if (place !== null) return place;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
