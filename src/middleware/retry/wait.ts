import { interruptible } from '../../messages/interruptible.ts';
import type { Request } from '../../messages/request.ts';

/** Whether the request's deadline leaves time for a wait of `delay` milliseconds. */
export function leavesTime(request: Request, delay: number): boolean {
  const { expiresAt } = request.extensions;
  return expiresAt === undefined || performance.now() + delay < expiresAt;
}

/** Waits; rejects at once with the signal's reason where the request is aborted meanwhile. */
export async function wait(delay: number, signal: AbortSignal | null): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(delay, MAX_WAIT));
  });
  try {
    await interruptible(over, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The longest that `setTimeout` can wait. */
const MAX_WAIT = 2 ** 31 - 1;
