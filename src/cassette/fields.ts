import { Headers } from '../messages/headers.ts';

/** Fields as they stand in a cassette: a list where a name is there several times. */
export type StoredFields = Readonly<Record<string, string | readonly string[]>>;

/** In the order in which they came, names as they were given. `omit` has names in lower case. */
export function recordOf(headers: Headers, omit: ReadonlySet<string> = NOTHING): StoredFields {
  const fields = new Map<string, [name: string, values: string[]]>();
  for (const [name, value] of headers) {
    const lowered = name.toLowerCase();
    if (omit.has(lowered)) continue;
    const field = fields.get(lowered);
    if (field === undefined) fields.set(lowered, [name, [value]]);
    else field[1].push(value);
  }
  return Object.fromEntries(
    Array.from(fields.values(), ([name, values]) => [
      name,
      values.length === 1 ? (values[0] as string) : values,
    ]),
  );
}

/** @throws TypeError where a name or a value is not what HTTP allows. */
export function headersFrom(fields: StoredFields): Headers {
  return new Headers(
    Object.entries(fields).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((each) => [name, each] as const),
    ),
  );
}

const NOTHING: ReadonlySet<string> = new Set();
