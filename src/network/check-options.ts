import { nearestOf } from '../options.ts';

/** Whether a value will do as an option, and how one that does is described: `a string`, `true or false`. */
export interface OptionRule {
  readonly expected: string;
  readonly allows: (value: unknown) => boolean;
}

/** The options that there are; one rule for each. */
export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule };

/**
 * Throws a `TypeError` that names the first option that is unknown (with the nearest known one) or ill-typed, what was expected
 * and what came. An option that is undefined counts as not given. `prefix` stands before the names: `tls.`
 */
export function checkOptions<Options extends object>(
  prefix: string,
  options: Options,
  rules: OptionRules<Options>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${prefix.replace(/\.$/, '') || 'options'}: expected an object, got ${describe(options)}`,
    );
  }
  const known: Readonly<Record<string, OptionRule>> = rules;
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(known, name) ? known[name] : undefined;
    if (rule === undefined)
      throw new TypeError(
        `${prefix}${name}: unknown option${suggestion(prefix, name, Object.keys(known))}`,
      );
    if (value !== undefined && !rule.allows(value)) {
      throw new TypeError(`${prefix}${name}: expected ${rule.expected}, got ${describe(value)}`);
    }
  }
}

export const isBoolean: OptionRule = {
  expected: 'true or false',
  allows: (value) => typeof value === 'boolean',
};

export const isText: OptionRule = {
  expected: 'a string that is not empty',
  allows: (value) => typeof value === 'string' && value !== '',
};

export const isFunction: OptionRule = {
  expected: 'a function',
  allows: (value) => typeof value === 'function',
};

export const isMilliseconds: OptionRule = {
  expected: 'a number of milliseconds, 0 or more',
  allows: (value) => typeof value === 'number' && value >= 0 && value <= 0x7fffffff,
};

export function isOneOf(...values: readonly unknown[]): OptionRule {
  return {
    expected: values
      .map((each) => JSON.stringify(each))
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1'),
    allows: (value) => values.includes(value),
  };
}

/** A value in a message. Objects are not shown: they may hold keys. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value == null)
    return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return name === 'Object' || typeof name !== 'string' ? 'an object' : `an instance of ${name}`;
}

function suggestion(prefix: string, name: string, known: readonly string[]): string {
  const nearest = nearestOf(name, known);
  return nearest === null
    ? `; there are ${known.join(', ')}`
    : `; did you mean ${prefix}${nearest}?`;
}
