/**
 * The most that one peer may make the node store about it. js-libp2p stores whatever an identify message, a signed record or a routing answer says: up to ten messages of
 * 8 KiB, thousands of protocols to sort with a locale's collation at every later write, addresses merged without end.
 *
 * Cutting is silent for the peer and harmless for honest ones: the bounds are several times what the field uses. They apply to records of others, never to our own.
 */

import type { Address, PeerData } from '@libp2p/interface'

/** Addresses kept of one peer. A well-connected node announces about 10 to 20; a record of 8 KiB could name 700. */
export const ADDRESSES_MAX = 32

/** Bytes of one binary multiaddr; the longest of the field (WebRTC through a relay, two certificate hashes) has about 230. */
export const ADDRESS_BYTES_MAX = 256

/** Protocols kept of one peer: go-libp2p's `pstoremem` default (`maxProtos = 128`, p2p/host/peerstore/pstoremem/protobook.go). */
export const PROTOCOLS_MAX = 128

/** Characters of one protocol name; those of the field have 10 to 60. A longer one is left out, because a name cut short is another name. */
export const PROTOCOL_CHARACTERS_MAX = 256

/** Characters of all protocol names of one peer together. */
export const PROTOCOLS_CHARACTERS_MAX = 8192

/** Bytes of a signed peer record with its envelope: go-libp2p's bound of an identify message with one (`signedIDSize`, p2p/protocol/identify/id.go). */
export const SIGNED_RECORD_BYTES_MAX = 8192

/** Bytes of a public key; the largest that js-libp2p and go-libp2p accept, RSA of 8192 bits, has 1062. */
export const PUBLIC_KEY_BYTES_MAX = 1100

/** Entries of metadata of one peer. js-libp2p writes up to five. */
export const METADATA_ENTRIES_MAX = 16

/** Bytes of one metadata value, agent and protocol version apart. */
export const METADATA_BYTES_MAX = 1024

/** Bytes of `AgentVersion` and `ProtocolVersion`, the two that a peer chooses freely; longer ones are cut at a character's end. */
export const VERSION_BYTES_MAX = 128

/** Upper bound of what the peer store holds of one peer, by the bounds above; three bytes a character of a protocol name. */
export const PEER_BYTES_MAX: number =
  ADDRESSES_MAX * ADDRESS_BYTES_MAX +
  PROTOCOLS_CHARACTERS_MAX * 3 +
  SIGNED_RECORD_BYTES_MAX +
  PUBLIC_KEY_BYTES_MAX +
  METADATA_ENTRIES_MAX * METADATA_BYTES_MAX

const VERSION_KEYS: ReadonlySet<string> = new Set(['AgentVersion', 'ProtocolVersion'])

/** The first `PROTOCOLS_MAX` names that fit, in the order given. Returns the argument when all of it fits. */
export function boundProtocols(protocols: string[]): string[] {
  let characters = 0
  let fits = protocols.length <= PROTOCOLS_MAX
  if (fits) {
    for (const protocol of protocols) {
      characters += protocol.length
      if (protocol.length > PROTOCOL_CHARACTERS_MAX || characters > PROTOCOLS_CHARACTERS_MAX) {
        fits = false
        break
      }
    }
    if (fits) return protocols
  }
  characters = 0
  const kept: string[] = []
  for (const protocol of protocols) {
    if (kept.length === PROTOCOLS_MAX || characters + protocol.length > PROTOCOLS_CHARACTERS_MAX) break
    if (protocol.length > PROTOCOL_CHARACTERS_MAX) continue
    characters += protocol.length
    kept.push(protocol)
  }
  return kept
}

/** The first `ADDRESSES_MAX` that are short enough, certified ones before others. Returns the argument when all of it fits. */
export function boundAddresses(addresses: Address[]): Address[] {
  if (addresses.length <= ADDRESSES_MAX && addresses.every(({ multiaddr }) => multiaddr.bytes.byteLength <= ADDRESS_BYTES_MAX)) {
    return addresses
  }
  const short = addresses.filter(({ multiaddr }) => multiaddr.bytes.byteLength <= ADDRESS_BYTES_MAX)
  const certified = short.filter(address => address.isCertified)
  return [...certified, ...short.filter(address => !address.isCertified)].slice(0, ADDRESSES_MAX)
}

/** `bytes` cut to at most `bytesMax`, not inside a UTF-8 character. */
export function cutText(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.byteLength <= bytesMax) return bytes
  let end = bytesMax
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.slice(0, end)
}

type Metadata = NonNullable<PeerData['metadata']>

/** Removals (undefined values) always pass. Returns the argument when all of it fits. */
export function boundMetadata(metadata: Metadata): Metadata {
  const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata)
  const fits = ([key, value]: [string, Uint8Array | undefined]): boolean =>
    value === undefined ||
    (key.length <= PROTOCOL_CHARACTERS_MAX && value.byteLength <= (VERSION_KEYS.has(key) ? VERSION_BYTES_MAX : METADATA_BYTES_MAX))
  if (entries.length <= METADATA_ENTRIES_MAX && entries.every(fits)) return metadata
  const cut = entries.map(([key, value]): [string, Uint8Array | undefined] => [
    key,
    value !== undefined && VERSION_KEYS.has(key) ? cutText(value, VERSION_BYTES_MAX) : value,
  ])
  return new Map(cut.filter(fits).slice(0, METADATA_ENTRIES_MAX))
}

/** What of `data` may be stored about another peer. Returns the argument itself when nothing had to go, which is the usual case. */
export function boundPeerData<T extends PeerData>(data: T): T {
  const bounded: PeerData = { ...data }
  let same = true
  if (data.addresses != null) {
    bounded.addresses = boundAddresses(data.addresses)
    same &&= bounded.addresses === data.addresses
  }
  if (data.multiaddrs != null) {
    const room = ADDRESSES_MAX - (bounded.addresses?.length ?? 0)
    bounded.multiaddrs = data.multiaddrs.filter(multiaddr => multiaddr.bytes.byteLength <= ADDRESS_BYTES_MAX).slice(0, room)
    same &&= bounded.multiaddrs.length === data.multiaddrs.length
  }
  if (data.protocols != null) {
    bounded.protocols = boundProtocols(data.protocols)
    same &&= bounded.protocols === data.protocols
  }
  if (data.metadata != null) {
    bounded.metadata = boundMetadata(data.metadata)
    same &&= bounded.metadata === data.metadata
  }
  if (data.publicKey != null && data.publicKey.raw.byteLength > PUBLIC_KEY_BYTES_MAX) {
    delete bounded.publicKey
    same = false
  }
  if (data.peerRecordEnvelope != null && data.peerRecordEnvelope.byteLength > SIGNED_RECORD_BYTES_MAX) {
    delete bounded.peerRecordEnvelope
    same = false
  }
  return same ? data : (bounded as T)
}
