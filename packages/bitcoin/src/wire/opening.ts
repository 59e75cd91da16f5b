/**
 * Tells the first bytes of a connection apart. A v1 peer opens with the network's magic; a BIP 324 peer with a 64-byte key that looks like noise.
 * Core comes back in v1 when its peer closes without having sent a byte after at least 24 bytes were received (BIP 324; Core `src/net.cpp`, ShouldReconnectV1),
 * so nothing is decided before 24 bytes are there, and nothing must be answered when it is noise.
 */

import { HEADER_BYTES } from './framer.ts'
import { type Network, networkOfMagic } from './networks.ts'

/** Bytes needed to decide. */
export const OPENING_BYTES: number = HEADER_BYTES

/** `waiting`: fewer than 24 bytes so far. `other-network`: a v1 peer of another chain. `encrypted`: no magic we know, so a BIP 324 key or nonsense. */
export type Opening = 'waiting' | 'v1' | 'other-network' | 'encrypted'

/** @param bytes the first bytes of the connection, as many as have come */
export function classifyOpening(network: Network, bytes: Buffer): Opening {
  if (bytes.length < OPENING_BYTES) return 'waiting'
  const word = bytes.readUInt32LE(0)
  if (word === network.magicWord) return 'v1'
  return networkOfMagic(word) === undefined ? 'encrypted' : 'other-network'
}
