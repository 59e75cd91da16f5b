export type { GossipAddress } from './addresses.ts'
export { decodeAddresses, decodeAddressesV2, encodeAddresses, encodeAddressesV2 } from './addresses.ts'
export type { BlockHead, BlockHeader } from './block-header.ts'
export {
  BLOCK_HEADER_BYTES,
  blockHash,
  decodeBlockHead,
  decodeBlockHeader,
  decodeHeaders,
  encodeBlockHeader,
  encodeHeaders,
} from './block-header.ts'
export { Collector, verifyChecksum } from './collector.ts'
export * from './commands.ts'
export type { BlockTransactionsRequest, CompactBlockHead, MerkleBlock, SendCompact } from './compact-block.ts'
export {
  decodeBlockTransactionsHead,
  decodeBlockTransactionsRequest,
  decodeCompactBlockHead,
  decodeMerkleBlock,
  decodeSendCompact,
  encodeBlockTransactionsRequest,
  encodeSendCompact,
} from './compact-block.ts'
export type { FilterCheckpointRequest, FilterRange } from './filters.ts'
export {
  decodeFilterCheckpointHead,
  decodeFilterCheckpointRequest,
  decodeFilterHead,
  decodeFilterHeadersHead,
  decodeFilterRange,
  encodeFilterCheckpointRequest,
  encodeFilterRange,
} from './filters.ts'
export type { FrameHandler, FrameHeader } from './framer.ts'
export { encodeHeader, encodeMessage, Framer, HEADER_BYTES, readFrameHeader } from './framer.ts'
export { checksum, HASH_BYTES, hash256, hashFromText, hashToText } from './hash.ts'
export * from './inventory.ts'
export type { Locator } from './locator.ts'
export { decodeLocator, encodeLocator } from './locator.ts'
export type { Network, NetworkName } from './networks.ts'
export { NETWORKS, networkOfMagic } from './networks.ts'
export type { Opening } from './opening.ts'
export { classifyOpening, OPENING_BYTES } from './opening.ts'
export { Reader } from './reader.ts'
export type { Version } from './version.ts'
export { decodeNonce, decodeVersion, encodeNonce, encodeVersion, NODE_NETWORK, NODE_WITNESS, noAddress } from './version.ts'
export type { Decoded, Violation, ViolationRule } from './violation.ts'
export { compactSize, u32 } from './writer.ts'
