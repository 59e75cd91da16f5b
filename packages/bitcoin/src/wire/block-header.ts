/** Block headers, alone, in lists, and at the head of the messages that carry a block. Source: https://developer.bitcoin.org/reference/block_chain.html#block-headers */

import { BLOCK_TRANSACTIONS_MAX, HEADERS_MAX } from './commands.ts'
import { hash256 } from './hash.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { compactSize, i32, u32 } from './writer.ts'

export const BLOCK_HEADER_BYTES = 80

export interface BlockHeader {
  readonly version: number
  /** 32 bytes, wire order, as is `merkleRoot`. */
  readonly previous: Buffer
  readonly merkleRoot: Buffer
  /** Seconds since 1970. */
  readonly time: number
  /** The target, compact. */
  readonly bits: number
  readonly nonce: number
}

export function encodeBlockHeader(header: BlockHeader): Buffer {
  return Buffer.concat([i32(header.version), header.previous, header.merkleRoot, u32(header.time), u32(header.bits), u32(header.nonce)])
}

function readBlockHeader(reader: Reader): BlockHeader {
  return {
    version: reader.i32(),
    previous: reader.hash(),
    merkleRoot: reader.hash(),
    time: reader.u32(),
    bits: reader.u32(),
    nonce: reader.u32(),
  }
}

/** Reads the header a block, or a header alone, begins with; what follows is left alone. */
export function decodeBlockHeader(bytes: Buffer): Decoded<BlockHeader> {
  const reader = new Reader(bytes)
  return reader.finish(readBlockHeader(reader), 'allow')
}

/** @param block bytes that begin with a header */
export function blockHash(block: Buffer): Buffer {
  return hash256(block.subarray(0, BLOCK_HEADER_BYTES))
}

/** A `headers` payload from raw 80-byte headers, at most 2000. */
export function encodeHeaders(headers: readonly Buffer[]): Buffer {
  const none = compactSize(0)
  return Buffer.concat([compactSize(headers.length), ...headers.flatMap(header => [header, none])])
}

/** Raw 80-byte views. A header list that carries transactions is a `value` violation. */
export function decodeHeaders(payload: Buffer): Decoded<readonly Buffer[]> {
  const reader = new Reader(payload)
  const count = reader.count(HEADERS_MAX, BLOCK_HEADER_BYTES + 1)
  const headers: Buffer[] = []
  for (let i = 0; i < count; i++) {
    headers.push(reader.bytes(BLOCK_HEADER_BYTES))
    if (reader.u8() !== 0) reader.fail('value')
  }
  return reader.finish(headers)
}

export interface BlockHead {
  readonly header: BlockHeader
  readonly hash: Buffer
  readonly transactionCount: number
}

/** Header and number of transactions of a `block`; the transactions themselves are not read. */
export function decodeBlockHead(payload: Buffer): Decoded<BlockHead> {
  const reader = new Reader(payload)
  const header = readBlockHeader(reader)
  const transactionCount = reader.compactSize(BLOCK_TRANSACTIONS_MAX)
  return reader.failed
    ? reader.finish({ header, hash: Buffer.alloc(32), transactionCount })
    : reader.finish({ header, hash: blockHash(payload), transactionCount }, 'allow')
}
