import { unwatchAbort, watchAbort, type AbortListener } from './abort-watch.ts';

/**
 * What `work` comes to; or, where the signal is aborted first, its reason, at once. What comes of the work then is `discard`ed, and what it
 * fails with is nobody's any more.
 */
export function interruptible<T>(
  work: PromiseLike<T>,
  signal: AbortSignal | null,
  discard: (late: T) => void = nothing,
): Promise<T> {
  if (signal === null) return Promise.resolve(work);
  return new Promise((resolve, reject) => {
    let ended = false;
    const listener: AbortListener = {
      onAbort(reason) {
        ended = true;
        unwatchAbort(signal, listener);
        reject(reason);
      },
    };
    const settle = <A>(action: (value: A) => void, late: (value: A) => void) => {
      return (value: A): void => {
        unwatchAbort(signal, listener);
        if (ended) late(value);
        else action(value);
      };
    };
    work.then(settle(resolve, discard), settle(reject, nothing));
    if (signal.aborted) listener.onAbort(signal.reason);
    else watchAbort(signal, listener);
  });
}

function nothing(): void {}
