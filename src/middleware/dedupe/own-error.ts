import type { Request } from '../../messages/request.ts';

/**
 * The error of a shared exchange as that of one caller's request: a copy of the same class with all that the error says, so that what a layer
 * or a caller does with it (`earlier`, `request`) is not done to the others'. What is about no request is handed on as it is.
 */
export function ownError(error: unknown, request: Request): unknown {
  if (!(error instanceof Error) || !('request' in error) || error.request === request) return error;
  const prototype = Object.getPrototypeOf(error) as object;
  const copy = Object.setPrototypeOf(new Error(error.message), prototype) as Error;
  for (const name of accessorsOf(prototype)) define(copy, name, Reflect.get(error, name));
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error));
  define(copy, 'stack', error.stack);
  define(copy, 'request', request);
  return copy;
}

/** The accessors of the classes below Error: they read fields of the error itself, which a copy has not got. */
function accessorsOf(prototype: object): string[] {
  const names: string[] = [];
  for (
    let each: object | null = prototype;
    each !== null && each !== Error.prototype;
    each = Object.getPrototypeOf(each) as object | null
  ) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(each)))
      if (descriptor.get !== undefined) names.push(name);
  }
  return names;
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}
