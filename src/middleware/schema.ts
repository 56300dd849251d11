import { interruptible } from '../messages/interruptible.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { checkSchema, validated, type StandardSchema } from '../messages/standard-schema.ts';
import { Middleware } from '../transport.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /**
     * What the JSON of a 2xx has to be: a schema of Standard Schema version 1 (zod, valibot, arktype, …). The body is read and looked at before
     * the call resolves; what is not as it should be is a `SchemaError`. 204, 205 and the answer to HEAD have nothing to be looked at.
     */
    schema?: StandardSchema | null | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** What the request's `schema` made of the body. `response.json(schema)` has it with its type. */
    readonly validated?: unknown;
  }
}

/** Holds responses against the schema that a request brings. Without one it does nothing. */
export class SchemaMiddleware extends Middleware {
  override get dormant(): boolean {
    return true;
  }

  send(request: Request): Promise<Response> {
    const { schema } = request.extensions;
    if (schema === undefined || schema === null) return this.next.send(request);
    try {
      checkSchema(schema);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.next
      .send(request)
      .then((response) =>
        response.ok && mayHaveBody(request, response)
          ? checked(request, response, schema)
          : response,
      );
  }
}

/** The body has been read by the time of any failure: there is nothing to be closed. */
async function checked(
  request: Request,
  response: Response,
  schema: StandardSchema,
): Promise<Response> {
  const value = await response.json();
  const output = await interruptible(validated(response, value, schema), request.signal);
  return response.with({ extensions: { validated: output } });
}

function mayHaveBody({ method }: Request, { status }: Response): boolean {
  return method !== 'HEAD' && method !== 'CONNECT' && status !== 204 && status !== 205;
}
