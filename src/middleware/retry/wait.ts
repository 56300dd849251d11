import type { Request } from '../../messages/request.ts';

/** Whether the request's deadline leaves time for a wait of `delay` milliseconds. */
export function leavesTime(request: Request, delay: number): boolean {
  const { expiresAt } = request.extensions;
  return expiresAt === undefined || performance.now() + delay < expiresAt;
}

/** Waits; rejects at once with the signal's reason where the request is aborted meanwhile. */
export function wait(delay: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    };
    const timer = setTimeout(end, Math.min(delay, MAX_WAIT));
    const onAbort = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort);
  });
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
