/** Compact and filtered blocks, and the request for what is missing: BIP 152 (`sendcmpct`, `cmpctblock`, `getblocktxn`, `blocktxn`) and BIP 37 (`merkleblock`). Transactions are not read. */

import { BLOCK_HEADER_BYTES, blockHash } from './block-header.ts'
import { BLOCK_TRANSACTIONS_MAX, MESSAGE_BYTES_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { compactSize, u64 } from './writer.ts'

const SHORT_ID_BYTES = 6

export interface SendCompact {
  /** Whether blocks may be pushed without being announced first. */
  readonly highBandwidth: boolean
  readonly version: bigint
}

export function encodeSendCompact(message: SendCompact): Buffer {
  return Buffer.concat([Buffer.from([message.highBandwidth ? 1 : 0]), u64(message.version)])
}

export function decodeSendCompact(payload: Buffer): Decoded<SendCompact> {
  const reader = new Reader(payload)
  const flag = reader.u8()
  if (flag > 1) reader.fail('value', flag, 1)
  return reader.finish({ highBandwidth: flag === 1, version: reader.u64() })
}

export interface CompactBlockHead {
  readonly hash: Buffer
  readonly nonce: bigint
  readonly shortIdCount: number
  readonly prefilledCount: number
}

/** What a `cmpctblock` says about itself; short ids and prefilled transactions are skipped. */
export function decodeCompactBlockHead(payload: Buffer): Decoded<CompactBlockHead> {
  const reader = new Reader(payload)
  const header = reader.bytes(BLOCK_HEADER_BYTES)
  const nonce = reader.u64()
  const shortIdCount = reader.count(BLOCK_TRANSACTIONS_MAX, SHORT_ID_BYTES)
  reader.bytes(shortIdCount * SHORT_ID_BYTES)
  const prefilledCount = reader.compactSize(BLOCK_TRANSACTIONS_MAX)
  return reader.finish({ hash: blockHash(header), nonce, shortIdCount, prefilledCount }, 'allow')
}

export interface BlockTransactionsRequest {
  readonly hash: Buffer
  /** Ascending positions in the block, each below 65,536. */
  readonly indexes: readonly number[]
}

/** Positions go out as differences less one. */
export function encodeBlockTransactionsRequest(request: BlockTransactionsRequest): Buffer {
  let next = 0
  const differences = request.indexes.map(index => {
    const difference = compactSize(index - next)
    next = index + 1
    return difference
  })
  return Buffer.concat([request.hash, compactSize(differences.length), ...differences])
}

export function decodeBlockTransactionsRequest(payload: Buffer): Decoded<BlockTransactionsRequest> {
  const reader = new Reader(payload)
  const hash = reader.hash()
  const count = reader.count(BLOCK_TRANSACTIONS_MAX, 1)
  const indexes: number[] = []
  let next = 0
  for (let i = 0; i < count && !reader.failed; i++) {
    const index = next + reader.compactSize(BLOCK_TRANSACTIONS_MAX - 1)
    if (index >= BLOCK_TRANSACTIONS_MAX) reader.fail('value', index, BLOCK_TRANSACTIONS_MAX - 1)
    indexes.push(index)
    next = index + 1
  }
  return reader.finish({ hash, indexes })
}

/** Block and number of transactions of a `blocktxn`. */
export function decodeBlockTransactionsHead(payload: Buffer): Decoded<{ readonly hash: Buffer; readonly transactionCount: number }> {
  const reader = new Reader(payload)
  return reader.finish({ hash: reader.hash(), transactionCount: reader.compactSize(BLOCK_TRANSACTIONS_MAX) }, 'allow')
}

export interface MerkleBlock {
  readonly hash: Buffer
  readonly transactionCount: number
  readonly hashes: readonly Buffer[]
  readonly flags: Buffer
}

export function decodeMerkleBlock(payload: Buffer): Decoded<MerkleBlock> {
  const reader = new Reader(payload)
  const header = reader.bytes(BLOCK_HEADER_BYTES)
  const transactionCount = reader.u32()
  const count = reader.count(BLOCK_TRANSACTIONS_MAX, 32)
  const hashes: Buffer[] = []
  for (let i = 0; i < count; i++) hashes.push(reader.hash())
  const flags = reader.bytes(reader.count(MESSAGE_BYTES_MAX, 1))
  return reader.finish({ hash: blockHash(header), transactionCount, hashes, flags })
}
