/**
 * The pieces of received data without a copy.
 */

import type { StreamMessageEvent } from '@libp2p/interface'

/** Calls `visit` with each piece in order until it returns something, and returns that. */
export function forEachPiece<T>(data: StreamMessageEvent['data'], visit: (piece: Uint8Array) => T | undefined): T | undefined {
  if (data instanceof Uint8Array) return visit(data)
  for (const piece of data) {
    const found = visit(piece)
    if (found !== undefined) return found
  }
  return undefined
}
