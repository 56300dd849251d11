/**
 * When requests come that know nothing of one another: at random (a Poisson process), so many a second on average, in
 * milliseconds from the start. The same for the same seed: every client gets the same crowds.
 */
export function arrivalTimes(perSecond: number, milliseconds: number, seed: number): Float64Array {
  const random = randomNumbers(seed);
  const gap = 1000 / perSecond;
  const times: number[] = [];
  for (let at = -Math.log(1 - random()) * gap; at < milliseconds;) {
    times.push(at);
    at += -Math.log(1 - random()) * gap;
  }
  return Float64Array.from(times.length === 0 ? [0] : times);
}

/** Numbers from 0 to below 1: mulberry32, which is good enough for gaps and short enough to be here. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
