/**
 * Which blocks are at the tip, learned from the headers the upstream sends to anybody. A header's own time decides, and it is proof of work that vouches for it: an announcement
 * alone would not do, since a client can make the upstream announce old blocks to it.
 */

import { BLOCK_HEADER_BYTES, hash256, MESSAGE_BYTES_MAX } from '../wire/index.ts'
import type { ChainView } from './reply-bytes.ts'

/** Blocks remembered: seven days of mainnet. The oldest learned goes. */
export const RECENT_BLOCKS_MAX = 1008
/** Weight of a new block in the mean, about the last 16 of them. */
const MEAN_WEIGHT = 1 / 16
/** Before any block was seen: a full block of today's mainnet. Only a reservation. */
const BLOCK_BYTES_EXPECTED = 1_600_000
const TIME_OFFSET = 68

export class RecentBlocks implements ChainView {
  readonly #recent = new Map<string, number>()
  readonly #ageMaxMs: number
  readonly #now: () => number
  #blockBytesMean = BLOCK_BYTES_EXPECTED

  /** @param ageMaxMs older blocks are history. @param now milliseconds since 1970 */
  constructor(ageMaxMs: number, now: () => number) {
    this.#ageMaxMs = ageMaxMs
    this.#now = now
  }

  get blockBytesMean(): number {
    return this.#blockBytesMean
  }

  get size(): number {
    return this.#recent.size
  }

  isRecent(hash: Buffer): boolean {
    const timeMs = this.#recent.get(hash.toString('latin1'))
    return timeMs !== undefined && this.#isYoung(timeMs)
  }

  /** @param header bytes that begin with a block header, from the upstream. Fewer than 80 teach nothing. */
  learn(header: Buffer): void {
    if (header.length < BLOCK_HEADER_BYTES) return
    const timeMs = header.readUInt32LE(TIME_OFFSET) * 1000
    if (!this.#isYoung(timeMs)) return
    const key = hash256(header.subarray(0, BLOCK_HEADER_BYTES)).toString('latin1')
    if (this.#recent.has(key)) return
    if (this.#recent.size >= RECENT_BLOCKS_MAX) this.#recent.delete(this.#recent.keys().next().value!)
    this.#recent.set(key, timeMs)
  }

  /** @param bytes payload of a `block` the upstream sends */
  sawBlock(bytes: number): void {
    this.#blockBytesMean += (Math.min(bytes, MESSAGE_BYTES_MAX) - this.#blockBytesMean) * MEAN_WEIGHT
  }

  #isYoung(timeMs: number): boolean {
    return timeMs >= this.#now() - this.#ageMaxMs
  }
}
