/** A connection that was idle for longer, in milliseconds, may have been closed meanwhile without this process having looked. */
const CHECK_AFTER = 5;

/** How a connection stands that a request comes to. */
export function isLongIdle(idleFor: number): boolean {
  return idleFor > CHECK_AFTER;
}

/** Whether a request, if the connection turned out to be dead, can mostly be sent again without harm: a check would spare it little. */
export function isCheap(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * Calls back when the operating system has been asked once what there is to read. One `setImmediate` is not enough: out of an I/O callback
 * it comes before the sockets are polled again.
 */
export function afterPoll<A, B>(
  callback: (first: A, second: B) => void,
  first: A,
  second: B,
): void {
  setImmediate(again, callback, first, second);
}

function again<A, B>(callback: (first: A, second: B) => void, first: A, second: B): void {
  setImmediate(callback, first, second);
}
