/**
 * Chance for the engine, in the shape of `Math.random`: from the operating system for production, from a seed for anything that is to be replayed.
 */

import { randomFillSync } from 'node:crypto'
import type { Random } from '@sluice/core'
import { MisuseError } from '@sluice/core'

/** Words drawn from the operating system at once; 4 KiB, so that a call to the kernel serves 512 numbers. */
const POOL_WORDS = 1024

/** Uniform in [0, 1) with 53 bits, from the operating system's generator. */
export function cryptoRandom(): Random {
  const pool = new Uint32Array(POOL_WORDS)
  let next = POOL_WORDS
  return () => {
    if (next + 2 > POOL_WORDS) {
      randomFillSync(pool)
      next = 0
    }
    const high = pool[next++] as number
    const low = pool[next++] as number
    return toUnit(high, low)
  }
}

/**
 * Uniform in [0, 1) with 53 bits, the same sequence for the same seed: sfc32 (PractRand, public domain), seeded through splitmix32. Not for secrets.
 * @param seed integer from 0 to 2^53-1; throws `MisuseError` otherwise
 */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new MisuseError(`seed must be an integer from 0 to 2^53-1, not ${String(seed)}`, { seed })
  const split = splitmix32((seed ^ Math.floor(seed / 2 ** 32)) >>> 0)
  let a = split()
  let b = split()
  let c = Math.floor(seed / 2 ** 32) | 0
  let counter = 1
  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  // PractRand's author discards the first words, which still show the seed.
  for (let i = 0; i < 15; i++) word()
  return () => toUnit(word(), word())
}

function toUnit(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

function splitmix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return z ^ (z >>> 15)
  }
}
