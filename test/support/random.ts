/** The same numbers for the same seed: a random test names its seed, and can be run again. */
export interface Random {
  /** A number in [0, 1). */
  (): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(size: number): Uint8Array;
}

/** mulberry32: 32 bits of state, and good enough to vary tests. */
export function random(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const pick = <T>(items: readonly T[]): T => {
    if (items.length === 0) throw new RangeError('nothing to pick from');
    return items[int(0, items.length - 1)] as T;
  };
  const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => int(0, 255));
  return Object.assign(next, { int, pick, bytes });
}
