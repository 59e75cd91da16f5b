/**
 * How long the payload of each command may be: known before the first payload byte is read, so that no peer makes us wait for, or hold, what no message needs.
 * Limits follow from each message's own element bounds; a command that is not listed may take what any message may.
 */

/** Longest payload of any message. Source: Bitcoin Core `src/net.h`, MAX_PROTOCOL_MESSAGE_LENGTH. */
export const MESSAGE_BYTES_MAX = 4_000_000

/** Elements of one `inv`, `getdata` or `notfound`. Source: Core `src/net_processing.cpp`, MAX_INV_SZ. */
export const INVENTORY_ITEMS_MAX = 50_000
/** Headers of one `headers`. Source: Core, MAX_HEADERS_RESULTS. */
export const HEADERS_MAX = 2000
/** Hashes of one locator. Source: Core, MAX_LOCATOR_SZ. */
export const LOCATOR_HASHES_MAX = 101
/** Addresses of one `addr` or `addrv2`. Source: Core, MAX_ADDR_TO_SEND. */
export const ADDRESSES_MAX = 1000
/** Longest address of `addrv2`. Source: BIP 155. */
export const ADDRESS_BYTES_MAX = 512
/** Longest user agent. Source: Core `src/net.h`, MAX_SUBVERSION_LENGTH. */
export const USER_AGENT_BYTES_MAX = 256
/** Transactions a block can index. Source: Core `src/blockencodings.h`, where indexes are 16 bits wide. */
export const BLOCK_TRANSACTIONS_MAX = 65_536
/** Blocks of one `getblocks` answer. Source: Core `src/net_processing.cpp`, ProcessMessage(GETBLOCKS), nLimit. */
export const GETBLOCKS_RESULTS_MAX = 500
/** Filters of one `getcfilters`. Source: Core, MAX_GETCFILTERS_SIZE. */
export const FILTERS_MAX = 1000
/** Filter headers of one `cfheaders`. Source: Core, MAX_GETCFHEADERS_SIZE. */
export const FILTER_HEADERS_MAX = 2000

const INVENTORY_BYTES_MAX = 3 + INVENTORY_ITEMS_MAX * 36
const LOCATOR_BYTES_MAX = 4 + 1 + LOCATOR_HASHES_MAX * 32 + 32

const PAYLOAD_BYTES_MAX: ReadonlyMap<string, number> = new Map([
  // 346 bytes with every known field; fields may be added at the end, so some room.
  ['version', 1024],
  ['verack', 0],
  ['sendheaders', 0],
  ['sendaddrv2', 0],
  ['wtxidrelay', 0],
  ['getaddr', 0],
  ['mempool', 0],
  ['filterclear', 0],
  ['ping', 8],
  ['pong', 8],
  ['feefilter', 8],
  ['sendcmpct', 9],
  ['sendtxrcncl', 12],
  // BIP 37: 36,000 bytes of filter, 520 bytes of element.
  ['filterload', 36_000 + 3 + 9],
  ['filteradd', 520 + 3],
  ['inv', INVENTORY_BYTES_MAX],
  ['getdata', INVENTORY_BYTES_MAX],
  ['notfound', INVENTORY_BYTES_MAX],
  ['getheaders', LOCATOR_BYTES_MAX],
  ['getblocks', LOCATOR_BYTES_MAX],
  ['headers', 3 + HEADERS_MAX * 81],
  ['getblocktxn', 32 + 5 + BLOCK_TRANSACTIONS_MAX * 3],
  ['getcfilters', 37],
  ['getcfheaders', 37],
  ['getcfcheckpt', 33],
  ['cfheaders', 65 + 3 + FILTER_HEADERS_MAX * 32],
  ['addr', 3 + ADDRESSES_MAX * 30],
  ['addrv2', 3 + ADDRESSES_MAX * (4 + 9 + 1 + 3 + ADDRESS_BYTES_MAX + 2)],
])

/** Most bytes a payload of this command may have. */
export function payloadBytesMax(command: string): number {
  return PAYLOAD_BYTES_MAX.get(command) ?? MESSAGE_BYTES_MAX
}
