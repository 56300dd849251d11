/**
 * What a promise rejects with, for assertions on all of it; a promise that resolves is an error.
 * The check gives the reason its type: `await rejection(promise, ReadTimeoutError)`.
 */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown>;
export async function rejection<E extends Error>(
  promise: PromiseLike<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E>;
export async function rejection(
  promise: PromiseLike<unknown>,
  type?: abstract new (...args: never[]) => Error,
): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (reason) {
    if (type === undefined || reason instanceof type) return reason;
    throw new Error(`expected a ${type.name}, got ${String(reason)}`, { cause: reason });
  }
  throw new Error(`expected a rejection, got ${String(value)}`);
}
