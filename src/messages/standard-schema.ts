import { HTTPError, named, RequestError, type RequestErrorInit } from '../errors.ts';
import type { Response } from './response.ts';

/** A schema of any library that speaks Standard Schema, version 1: zod, valibot, arktype, … (https://standardschema.dev). */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What a value is not that it should be. */
export interface SchemaIssue {
  /** The library's own words. Some of them quote the value. */
  readonly message: string;
  /** Where: keys, or objects with a key, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * The body is JSON, but not what the schema says. The message tells where; `issues` tell what, and are not enumerable: a schema library may
 * quote values in them.
 */
export class SchemaError extends RequestError {
  readonly #issues: readonly SchemaIssue[];
  readonly #response: Response;
  static {
    named(this, 'SchemaError', 'ERR_SCHEMA');
  }

  constructor(
    message: string,
    init: RequestErrorInit & { issues: readonly SchemaIssue[]; response: Response },
  ) {
    super(message, init);
    this.#issues = init.issues;
    this.#response = init.response;
  }

  /** All that the schema found. */
  get issues(): readonly SchemaIssue[] {
    return this.#issues;
  }

  /** With its body read. */
  get response(): Response {
    return this.#response;
  }
}

/** What the schema makes of a value out of a response. @throws SchemaError @throws TypeError where it is no schema. */
export async function validated<Output>(
  response: Response,
  value: unknown,
  schema: StandardSchema<Output>,
): Promise<Output> {
  const result = await checkSchema(schema)['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const { issues } = result;
  const message = `the JSON is not what the schema says: status ${response.status}, ${summary(issues)}`;
  // A response that was made, for a test perhaps, may have no request to be named.
  throw response.hasRequest
    ? new SchemaError(message, { request: response.request, response, issues })
    : new HTTPError(message, { cause: issues });
}

/** @throws TypeError */
export function checkSchema<Output>(schema: StandardSchema<Output>): StandardSchema<Output> {
  // arktype's schemas are functions.
  const { version, validate } = (schema as Partial<StandardSchema> | null)?.['~standard'] ?? {};
  if (version === 1 && typeof validate === 'function') return schema;
  throw new TypeError(
    `schema: expected a schema of Standard Schema version 1 (zod 3.24, valibot 1, arktype 2, …), got ${schema === null ? 'null' : typeof schema}`,
  );
}

const SHOWN_ISSUES = 3;
const SHOWN_PATH = 60;

/** How many, and where the first ones are. Not what they say: that may quote the body. */
function summary(issues: readonly SchemaIssue[]): string {
  const places = issues.slice(0, SHOWN_ISSUES).map(placeOf);
  const more = issues.length > SHOWN_ISSUES ? ', …' : '';
  return `${issues.length} ${issues.length === 1 ? 'issue' : 'issues'} at ${places.join(', ')}${more}`;
}

/** `user.tags[3]`; `(top)` for the value itself. */
function placeOf({ path = [] }: SchemaIssue): string {
  let place = '';
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment;
    if (typeof key === 'string' && IDENTIFIER.test(key)) place += place === '' ? key : `.${key}`;
    else place += `[${typeof key === 'string' ? JSON.stringify(key) : String(key)}]`;
    if (place.length > SHOWN_PATH) return `${place.slice(0, SHOWN_PATH)}…`;
  }
  return place === '' ? '(top)' : place;
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
