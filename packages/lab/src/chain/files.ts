/**
 * Chains as files: one chain file of (magic, length, block) records, as `-loadblock` reads it, or a `blocks` directory as a node leaves it behind: `blk00000.dat` and so on, records out
 * of order, stale blocks among them, zeros at the end where space was allocated ahead, everything XORed with the 8 bytes of `xor.dat` by offset in its file.
 * Source: Bitcoin Core `src/node/blockstorage.cpp` and `src/streams.h` (AutoFile, Obfuscation).
 */

import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { NETWORKS, u32 } from '@sluice/bitcoin'
import type { MadeBlock } from './block.ts'
import { type ChainInit, type ChainPoint, growChain } from './chain.ts'

const XOR_KEY_BYTES = 8

/** A record's first 8 bytes: magic and length. */
function recordHead(block: Buffer): Buffer {
  return Buffer.concat([NETWORKS.regtest.magic, u32(block.length)])
}

/** Writes a chain file and returns its tip. */
export function writeChainFile(path: string, init: ChainInit): ChainPoint {
  const file = openSync(path, 'w')
  let tip: ChainPoint | undefined
  try {
    for (const block of growChain(init)) {
      writeSync(file, recordHead(block.bytes))
      writeSync(file, block.bytes)
      tip = { height: block.height, hash: block.hash }
    }
  } finally {
    closeSync(file)
  }
  if (tip === undefined) throw new RangeError('A chain of no blocks has no tip.')
  return tip
}

export interface BlockDirectoryInit {
  /** The blocks, in the order in which they shall stand in the files. All are held: meant for chains of tens of megabytes. */
  readonly blocks: readonly MadeBlock[]
  /** Eight bytes, written to `xor.dat`; without it no such file is written and nothing is obfuscated. */
  readonly xorKey?: Buffer
  /** A file is closed when the next record would pass this size. @default 16 MiB */
  readonly fileBytesMax?: number
  /** Zeros after the last record of each file. They stand there plain, as allocated space does. @default 0 */
  readonly paddingBytes?: number
}

const FILE_BYTES_MAX_DEFAULT = 16 * 1024 * 1024

/** Writes a `blocks` directory, which is made if it is missing, and returns the number of files. */
export function writeBlockDirectory(directory: string, init: BlockDirectoryInit): number {
  const { blocks, xorKey, fileBytesMax = FILE_BYTES_MAX_DEFAULT, paddingBytes = 0 } = init
  if (xorKey !== undefined && xorKey.length !== XOR_KEY_BYTES)
    throw new RangeError(`The XOR key has ${XOR_KEY_BYTES} bytes, not ${xorKey.length}.`)
  mkdirSync(directory, { recursive: true })
  if (xorKey !== undefined) writeFileSync(join(directory, 'xor.dat'), xorKey)
  const files: Buffer[][] = [[]]
  let bytes = 0
  for (const block of blocks) {
    const record = Buffer.concat([recordHead(block.bytes), block.bytes])
    if (bytes > 0 && bytes + record.length > fileBytesMax) {
      files.push([])
      bytes = 0
    }
    files.at(-1)!.push(record)
    bytes += record.length
  }
  for (const [index, records] of files.entries()) {
    const content = xor(Buffer.concat(records), xorKey)
    writeFileSync(join(directory, `blk${String(index).padStart(5, '0')}.dat`), Buffer.concat([content, Buffer.alloc(paddingBytes)]))
  }
  return files.length
}

function xor(bytes: Buffer, key: Buffer | undefined): Buffer {
  if (key !== undefined) for (let i = 0; i < bytes.length; i++) bytes[i]! ^= key[i % XOR_KEY_BYTES]!
  return bytes
}

/** Shuffles the same way for the same seed (Fisher-Yates over a linear congruential generator): the order in which a downloading node stores blocks. */
export function outOfOrder<T>(items: readonly T[], seed: number): T[] {
  const order = [...items]
  let state = seed >>> 0
  for (let i = order.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (i + 1))
    const moved = order[i]!
    order[i] = order[other]!
    order[other] = moved
  }
  return order
}
