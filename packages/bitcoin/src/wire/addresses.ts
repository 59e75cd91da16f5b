/** `addr` and `addrv2`: gossip of other nodes. Sources: https://developer.bitcoin.org/reference/p2p_networking.html#addr, BIP 155. */

import { ADDRESS_BYTES_MAX, ADDRESSES_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { compactSize, u16be, u32, u64, varBytes } from './writer.ts'

export interface GossipAddress {
  /** Seconds since 1970. */
  readonly time: number
  readonly services: bigint
  /** BIP 155 network id: 1 IPv4, 2 IPv6, 4 Tor v3, 5 I2P, 6 CJDNS. `addr` always carries 2, an IPv6 address that may be a mapped IPv4 one. */
  readonly networkId: number
  /** 16 bytes in `addr`; up to 512 in `addrv2`. */
  readonly address: Buffer
  readonly port: number
}

const ADDRESS_ENTRY_BYTES = 30
const ADDRESS_V2_ENTRY_BYTES_MIN = 9

export function encodeAddresses(addresses: readonly GossipAddress[]): Buffer {
  const entries = addresses.flatMap(entry => [u32(entry.time), u64(entry.services), entry.address, u16be(entry.port)])
  return Buffer.concat([compactSize(addresses.length), ...entries])
}

export function decodeAddresses(payload: Buffer): Decoded<readonly GossipAddress[]> {
  const reader = new Reader(payload)
  const count = reader.count(ADDRESSES_MAX, ADDRESS_ENTRY_BYTES)
  const addresses: GossipAddress[] = []
  for (let i = 0; i < count; i++) {
    addresses.push({ time: reader.u32(), services: reader.u64(), networkId: 2, address: reader.bytes(16), port: reader.u16be() })
  }
  return reader.finish(addresses)
}

export function encodeAddressesV2(addresses: readonly GossipAddress[]): Buffer {
  const entries = addresses.flatMap(entry => [
    u32(entry.time),
    compactSize(entry.services),
    Buffer.from([entry.networkId]),
    varBytes(entry.address),
    u16be(entry.port),
  ])
  return Buffer.concat([compactSize(addresses.length), ...entries])
}

export function decodeAddressesV2(payload: Buffer): Decoded<readonly GossipAddress[]> {
  const reader = new Reader(payload)
  const count = reader.count(ADDRESSES_MAX, ADDRESS_V2_ENTRY_BYTES_MIN)
  const addresses: GossipAddress[] = []
  for (let i = 0; i < count && !reader.failed; i++) {
    addresses.push({
      time: reader.u32(),
      services: reader.compactSize64(),
      networkId: reader.u8(),
      address: reader.bytes(reader.count(ADDRESS_BYTES_MAX, 1)),
      port: reader.u16be(),
    })
  }
  return reader.finish(addresses)
}
