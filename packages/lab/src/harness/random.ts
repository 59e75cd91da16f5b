/**
 * A small seeded generator (mulberry32, public domain), so that a run's addresses and order can be repeated from the seed it prints. Not for secrets.
 */

export type Random = () => number

/** @param seed any integer; only its low 32 bits count. Returns numbers in [0, 1). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
