/** `inv`, `getdata` and `notfound`: lists of (type, hash). Source: https://developer.bitcoin.org/reference/p2p_networking.html#inv; types also in BIP 144 and BIP 152. */

import { INVENTORY_ITEMS_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { compactSize, u32 } from './writer.ts'

export const MSG_TX = 1
export const MSG_BLOCK = 2
export const MSG_FILTERED_BLOCK = 3
export const MSG_CMPCT_BLOCK = 4
/** A transaction by its wtxid. Source: BIP 339. */
export const MSG_WTX = 5
/** Added to a type to ask for witness data. Source: BIP 144. */
export const MSG_WITNESS_FLAG = 0x40000000

export const INVENTORY_ITEM_BYTES = 36

export interface InventoryItem {
  /** 32 bits; unknown types are kept as they are. */
  readonly type: number
  /** 32 bytes, wire order. */
  readonly hash: Buffer
}

/** The type without the witness flag. */
export function plainType(type: number): number {
  return (type & ~MSG_WITNESS_FLAG) >>> 0
}

/** Whether an item names a block, in any of the forms it can be asked for. */
export function namesBlock(type: number): boolean {
  const plain = plainType(type)
  return plain === MSG_BLOCK || plain === MSG_FILTERED_BLOCK || plain === MSG_CMPCT_BLOCK
}

export function encodeInventory(items: readonly InventoryItem[]): Buffer {
  return Buffer.concat([compactSize(items.length), ...items.flatMap(item => [u32(item.type), item.hash])])
}

/** At most 50,000 items. */
export function decodeInventory(payload: Buffer): Decoded<readonly InventoryItem[]> {
  const reader = new Reader(payload)
  const count = reader.count(INVENTORY_ITEMS_MAX, INVENTORY_ITEM_BYTES)
  const items: InventoryItem[] = []
  for (let i = 0; i < count; i++) items.push({ type: reader.u32(), hash: reader.hash() })
  return reader.finish(items)
}
