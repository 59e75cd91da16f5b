/**
 * Which row of the capability table a remote address belongs to. Read from the address, because that is all an upgrader is given.
 */

import type { Multiaddr } from '@multiformats/multiaddr'

/** Multiaddr component names, most telling first: a WebSocket address also contains `tcp`, a relayed one its relay's transport. */
const BY_COMPONENT: readonly (readonly [component: string, transport: string])[] = [
  ['p2p-circuit', 'circuit'],
  ['webtransport', 'webtransport'],
  ['webrtc', 'webrtc'],
  ['webrtc-direct', 'webrtc'],
  ['quic-v1', 'quic'],
  ['quic', 'quic'],
  ['ws', 'ws'],
  ['wss', 'ws'],
  ['memory', 'memory'],
  ['tcp', 'tcp'],
  ['unix', 'tcp'],
]

export function transportOf(address: Multiaddr): string {
  const names = new Set(address.getComponents().map(component => component.name))
  // A browser-to-browser WebRTC address is signalled over a relay but does not run through it.
  if (names.has('webrtc')) {
    return 'webrtc'
  }
  return BY_COMPONENT.find(([component]) => names.has(component))?.[1] ?? 'unknown'
}

/** The peer at the far end, if the address names it. Behind a relay that is the last one. */
export function peerOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(component => component.name === 'p2p')?.value
}

/** The row of the capability table for a transport by the tag it registers under. */
export function transportNameOfTag(tag: string): string {
  return BY_TAG[tag] ?? tag
}

const BY_TAG: Readonly<Record<string, string>> = {
  '@libp2p/tcp': 'tcp',
  '@libp2p/websockets': 'ws',
  '@chainsafe/libp2p-quic': 'quic',
  '@libp2p/memory': 'memory',
  '@libp2p/circuit-relay-v2-transport': 'circuit',
  '@libp2p/webrtc': 'webrtc',
  '@libp2p/webrtc-direct': 'webrtc',
  '@libp2p/webtransport': 'webtransport',
}
