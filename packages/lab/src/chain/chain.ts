/**
 * A deterministic regtest chain: the same options give the same bytes and the same tip, so tests pin the tip's hash and keep the generator, not the file.
 * Blocks are made one at a time and not kept.
 */

import { NETWORKS } from '@sluice/bitcoin'
import { type MadeBlock, makeBlock } from './block.ts'

export interface ChainInit {
  /** Blocks to make. */
  readonly blocks: number
  /** Size of each. @default 999,000 */
  readonly blockBytes?: number
  /**
   * Seconds between blocks. @default 7200, which spans 16 days over 200 blocks: what nodes call historical is older than a week.
   */
  readonly spacingSeconds?: number
  /** Tells chains apart that would otherwise be the same, e.g. a stale branch. @default '' */
  readonly salt?: string
  /** Where to grow from. @default the genesis block */
  readonly from?: ChainPoint
}

export interface ChainPoint {
  readonly height: number
  readonly hash: Buffer
}

export const BLOCK_BYTES_DEFAULT = 999_000
export const SPACING_SECONDS_DEFAULT = 7200
/** 1 January 2024, 00:00 UTC: later than any rule's start, earlier than any clock. */
export const START_SECONDS = 1_704_067_200

export const REGTEST_GENESIS: ChainPoint = { height: 0, hash: NETWORKS.regtest.genesisHash }

/** The blocks in order, lowest first. A block's time follows from its height alone, so branches of one spacing stay in step. */
export function* growChain(init: ChainInit): Generator<MadeBlock> {
  const { blocks, blockBytes = BLOCK_BYTES_DEFAULT, spacingSeconds = SPACING_SECONDS_DEFAULT, salt = '', from = REGTEST_GENESIS } = init
  let previous = from.hash
  for (let height = from.height + 1; height <= from.height + blocks; height++) {
    const time = START_SECONDS + height * spacingSeconds
    const block = makeBlock({ height, previous, time, bytes: blockBytes, salt })
    yield block
    previous = block.hash
  }
}
