/**
 * Holds the payload of one message at a time, for those messages that have to be understood. Bounded by the command's own maximum, which the framer has already enforced,
 * and grown only as bytes really arrive: a header that announces a megabyte costs nothing until the megabyte is sent.
 */

import type { FrameHeader } from './framer.ts'
import { checksum } from './hash.ts'
import type { Violation } from './violation.ts'

export class Collector {
  #slices: Buffer[] = []

  /** Bytes held now. */
  get heldBytes(): number {
    return this.#slices.reduce((sum, slice) => sum + slice.length, 0)
  }

  /** Takes a piece; the view is kept until `take`, so a caller who reuses its chunk hands in a copy. */
  add(slice: Buffer): void {
    this.#slices.push(slice)
  }

  /** The whole payload, and empty again. */
  take(): Buffer {
    const slices = this.#slices
    this.#slices = []
    return slices.length === 1 ? slices[0]! : Buffer.concat(slices)
  }
}

/** Compares a payload with the checksum of its header. */
export function verifyChecksum(header: FrameHeader, payload: Buffer): Violation | undefined {
  const actual = checksum(payload)
  if (actual === header.checksum) return undefined
  return { rule: 'checksum', position: 0, actual, limit: header.checksum, command: header.command }
}
