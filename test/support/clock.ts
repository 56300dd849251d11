// Real time for the kit, captured when it loads: a test that fakes the clock must not stop the
// server it talks to.

const { clearTimeout, setImmediate, setTimeout } = globalThis;

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Long enough for bytes just written to be read by a peer in this process. Two turns: sockets are
 * polled before immediates run, so the first may come round before the peer was polled at all.
 */
export async function arrival(): Promise<void> {
  await turn();
  await turn();
}

/** Calls back after `ms` milliseconds; the function returned calls it off. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
