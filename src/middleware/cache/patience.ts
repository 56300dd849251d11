import { DeadlineError } from '../../errors.ts';
import type { Request } from '../../messages/request.ts';

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;

/** Waits no longer than the request may: it rejects with its signal's reason, or a `DeadlineError`. */
export function patient<T>(promise: Promise<T>, request: Request): Promise<T> {
  const { signal, extensions } = request;
  const { expiresAt } = extensions;
  if (signal === null && expiresAt === undefined) return promise;
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      end();
      reject(signal?.reason as Error);
    };
    const onExpired = (): void => {
      end();
      reject(new DeadlineError('the deadline passed while the cache was waited for', { request }));
    };
    const timer =
      expiresAt === undefined
        ? undefined
        : setTimeout(onExpired, Math.min(Math.max(0, expiresAt - performance.now()), MAX_WAIT));
    promise.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort);
  });
}
