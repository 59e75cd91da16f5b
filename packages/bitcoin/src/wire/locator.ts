/** `getheaders` and `getblocks`: where the asker stands, as hashes from its tip back, and where to stop. Source: https://developer.bitcoin.org/reference/p2p_networking.html#getheaders */

import { LOCATOR_HASHES_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { compactSize, u32 } from './writer.ts'

export interface Locator {
  readonly protocol: number
  /** Newest first, at most 101, each 32 bytes. */
  readonly hashes: readonly Buffer[]
  /** Last hash wanted; all zeros for as many as fit. */
  readonly stop: Buffer
}

export function encodeLocator(locator: Locator): Buffer {
  return Buffer.concat([u32(locator.protocol), compactSize(locator.hashes.length), ...locator.hashes, locator.stop])
}

export function decodeLocator(payload: Buffer): Decoded<Locator> {
  const reader = new Reader(payload)
  const protocol = reader.u32()
  const count = reader.count(LOCATOR_HASHES_MAX, 32)
  const hashes: Buffer[] = []
  for (let i = 0; i < count; i++) hashes.push(reader.hash())
  const stop = reader.hash()
  return reader.finish({ protocol, hashes, stop })
}
