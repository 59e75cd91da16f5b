/** Compact block filters, BIP 157: three requests of fixed size, and the heads of their replies. */

import { FILTER_HEADERS_MAX, MESSAGE_BYTES_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { u32 } from './writer.ts'

/** `getcfilters` (at most 1000 blocks) and `getcfheaders` (at most 2000). */
export interface FilterRange {
  readonly filterType: number
  readonly startHeight: number
  /** Hash of the last block wanted. */
  readonly stop: Buffer
}

export function encodeFilterRange(range: FilterRange): Buffer {
  return Buffer.concat([Buffer.from([range.filterType]), u32(range.startHeight), range.stop])
}

export function decodeFilterRange(payload: Buffer): Decoded<FilterRange> {
  const reader = new Reader(payload)
  return reader.finish({ filterType: reader.u8(), startHeight: reader.u32(), stop: reader.hash() })
}

export interface FilterCheckpointRequest {
  readonly filterType: number
  readonly stop: Buffer
}

export function encodeFilterCheckpointRequest(request: FilterCheckpointRequest): Buffer {
  return Buffer.concat([Buffer.from([request.filterType]), request.stop])
}

export function decodeFilterCheckpointRequest(payload: Buffer): Decoded<FilterCheckpointRequest> {
  const reader = new Reader(payload)
  return reader.finish({ filterType: reader.u8(), stop: reader.hash() })
}

/** One `cfilter`: whose it is, and how long the filter is. */
export function decodeFilterHead(
  payload: Buffer,
): Decoded<{ readonly filterType: number; readonly hash: Buffer; readonly filterBytes: number }> {
  const reader = new Reader(payload)
  const filterType = reader.u8()
  const hash = reader.hash()
  const filterBytes = reader.count(MESSAGE_BYTES_MAX, 1)
  reader.bytes(filterBytes)
  return reader.finish({ filterType, hash, filterBytes })
}

/** Number of filter hashes in a `cfheaders`. */
export function decodeFilterHeadersHead(
  payload: Buffer,
): Decoded<{ readonly filterType: number; readonly stop: Buffer; readonly count: number }> {
  const reader = new Reader(payload)
  const filterType = reader.u8()
  const stop = reader.hash()
  reader.hash()
  const count = reader.count(FILTER_HEADERS_MAX, 32)
  reader.bytes(count * 32)
  return reader.finish({ filterType, stop, count })
}

/** Number of headers in a `cfcheckpt`, one per 1000 blocks: bounded only by the longest message. */
export function decodeFilterCheckpointHead(
  payload: Buffer,
): Decoded<{ readonly filterType: number; readonly stop: Buffer; readonly count: number }> {
  const reader = new Reader(payload)
  const filterType = reader.u8()
  const stop = reader.hash()
  const count = reader.count(MESSAGE_BYTES_MAX / 32, 32)
  reader.bytes(count * 32)
  return reader.finish({ filterType, stop, count })
}
