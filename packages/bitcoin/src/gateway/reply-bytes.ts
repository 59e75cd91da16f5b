/**
 * What a request costs before it is answered. A few dozen bytes can ask for a gigabyte, and in many spellings: filtering one type of `getdata` stops nobody (bcoin fetches all history as
 * compact blocks). So every request whose reply is not a handful of bytes is a demand, cut into pieces that are each answered by about one message, with the bytes to expect.
 * What is charged in the end is what was really sent; this is for the reservation.
 *
 * Bulk is what may wait. Recent blocks, transactions and headers near the tip are relay: they never wait. But each of them once: the same block asked for again, or the same transaction
 * twice in one request, is bulk like any other, or ten thousand of one item would be the way around the queue.
 */

import {
  type Decoded,
  decodeBlockTransactionsRequest,
  decodeFilterCheckpointRequest,
  decodeFilterRange,
  decodeInventory,
  decodeLocator,
  encodeInventory,
  FILTER_HEADERS_MAX,
  FILTERS_MAX,
  GETBLOCKS_RESULTS_MAX,
  HEADER_BYTES,
  HEADERS_MAX,
  INVENTORY_ITEM_BYTES,
  INVENTORY_ITEMS_MAX,
  type InventoryItem,
  namesBlock,
} from '../wire/index.ts'
import type { RelayedOnce } from './relayed-once.ts'

/** Commands whose payload has to be read before they may pass. */
export const REQUESTS: ReadonlySet<string> = new Set([
  'getdata',
  'getheaders',
  'getblocks',
  'getblocktxn',
  'getcfilters',
  'getcfheaders',
  'getcfcheckpt',
  'mempool',
])

/** Replies charged by their bytes, header included, whether or not their request had to wait. */
export const BULK_REPLIES: ReadonlySet<string> = new Set([
  'block',
  'headers',
  'cmpctblock',
  'blocktxn',
  'merkleblock',
  'tx',
  'inv',
  'cfilter',
  'cfheaders',
  'cfcheckpt',
  'addr',
  'addrv2',
])

/** A basic filter of a full mainnet block is some 20 kB (BIP 158 filters are about 2 % of the block). Only for reservations. */
const FILTER_BYTES_EXPECTED = 20_000
/** One header per 1000 blocks: room for a million of them. */
const CHECKPOINT_BYTES_EXPECTED = HEADER_BYTES + 1000 * 32

/** Items of one `getdata` that may be relay; what is beyond waits. Source: Core `src/net_processing.cpp`, MAX_GETDATA_SZ, the most it asks for itself. */
export const RELAY_ITEMS_MAX = 1000

/** What the gateway knows of the chain. */
export interface ChainView {
  /** Whether the block is at the tip, so that serving it is relay. */
  isRecent(hash: Buffer): boolean
  /** Mean size of the blocks served lately. */
  readonly blockBytesMean: number
}

/** A request, or the part of one that is answered by about one message. */
export interface Piece {
  readonly command: string
  readonly payload: Buffer
  /** Reply bytes to reserve, message headers included. */
  readonly bytesExpected: number
}

export interface Demand {
  /** Passed on at once. */
  readonly relay: Buffer | undefined
  /** Held, and passed on one by one. Lazily cut, so that 50,000 items are held as their 36 bytes. */
  readonly bulk: PieceSource | undefined
}

/** Pieces not yet passed on. */
export interface PieceSource {
  /** Bytes held for what is left. */
  readonly heldBytes: number
  next(): Piece | undefined
}

function once(command: string, payload: Buffer, bytesExpected: number): Decoded<Demand> {
  let left: Piece | undefined = { command, payload: Buffer.from(payload), bytesExpected }
  const bulk: PieceSource = {
    get heldBytes() {
      return left?.payload.length ?? 0
    },
    next: () => {
      const piece = left
      left = undefined
      return piece
    },
  }
  return { ok: true, value: { relay: undefined, bulk } }
}

const passedOn = (payload: Buffer): Decoded<Demand> => ({ ok: true, value: { relay: payload, bulk: undefined } })

/** Items of a `getdata`, one per piece. */
function itemPieces(items: readonly InventoryItem[], chain: ChainView): PieceSource {
  // Copied, since the items are views into chunks many times their size.
  const held = Buffer.allocUnsafe(items.length * INVENTORY_ITEM_BYTES)
  for (const [index, item] of items.entries()) {
    held.writeUInt32LE(item.type, index * INVENTORY_ITEM_BYTES)
    item.hash.copy(held, index * INVENTORY_ITEM_BYTES + 4)
  }
  let at = 0
  return {
    get heldBytes() {
      return at < held.length ? held.length : 0
    },
    next: () => {
      if (at >= held.length) return undefined
      const payload = Buffer.concat([Buffer.from([1]), held.subarray(at, at + INVENTORY_ITEM_BYTES)])
      at += INVENTORY_ITEM_BYTES
      return { command: 'getdata', payload, bytesExpected: HEADER_BYTES + Math.ceil(chain.blockBytesMean) }
    },
  }
}

function dataDemand(payload: Buffer, chain: ChainView, relayed: RelayedOnce): Decoded<Demand> {
  const items = decodeInventory(payload)
  if (!items.ok) return items
  const relay: InventoryItem[] = []
  const bulk: InventoryItem[] = []
  const seen = new Set<string>()
  for (const item of items.value) {
    const key = item.hash.toString('latin1')
    const isNew = seen.size < seen.add(key).size
    const passes = namesBlock(item.type) ? chain.isRecent(item.hash) && relayed.first('block', item.hash) : isNew
    if (passes && relay.length < RELAY_ITEMS_MAX) relay.push(item)
    else bulk.push(item)
  }
  if (bulk.length === 0) return passedOn(payload)
  return { ok: true, value: { relay: relay.length === 0 ? undefined : encodeInventory(relay), bulk: itemPieces(bulk, chain) } }
}

/** @param command one of `REQUESTS`. @returns what to do with it, or what is wrong with its payload */
export function demandOf(command: string, payload: Buffer, chain: ChainView, relayed: RelayedOnce): Decoded<Demand> {
  if (command === 'getdata') return dataDemand(payload, chain, relayed)
  if (command === 'mempool') return once(command, payload, HEADER_BYTES + 3 + INVENTORY_ITEMS_MAX * INVENTORY_ITEM_BYTES)
  if (command === 'getheaders' || command === 'getblocks') {
    const locator = decodeLocator(payload)
    if (!locator.ok) return locator
    const newest = locator.value.hashes[0]
    if (newest !== undefined && chain.isRecent(newest)) return passedOn(payload)
    if (command === 'getblocks') return once(command, payload, HEADER_BYTES + 3 + GETBLOCKS_RESULTS_MAX * INVENTORY_ITEM_BYTES)
    return once(command, payload, HEADER_BYTES + 3 + (newest === undefined ? 1 : HEADERS_MAX) * 81)
  }
  if (command === 'getblocktxn') {
    const request = decodeBlockTransactionsRequest(payload)
    if (!request.ok) return request
    // For a deep block Core sends all of it.
    const isRelay = chain.isRecent(request.value.hash) && relayed.first('blocktxn', request.value.hash)
    return isRelay ? passedOn(payload) : once(command, payload, HEADER_BYTES + Math.ceil(chain.blockBytesMean))
  }
  if (command === 'getcfcheckpt') {
    const request = decodeFilterCheckpointRequest(payload)
    return request.ok ? once(command, payload, CHECKPOINT_BYTES_EXPECTED) : request
  }
  const range = decodeFilterRange(payload)
  if (!range.ok) return range
  if (command === 'getcfheaders') return once(command, payload, HEADER_BYTES + 68 + FILTER_HEADERS_MAX * 32)
  return once(command, payload, FILTERS_MAX * (HEADER_BYTES + 36 + FILTER_BYTES_EXPECTED))
}
