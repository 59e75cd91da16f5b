/**
 * Bitcoin's hash, SHA-256 twice, and its two spellings: 32 bytes in wire order, or 64 hexadecimal digits of the same bytes reversed, as people write them.
 * From Node's own crypto: it uses the processor's SHA instructions, which matters for the megabyte of a block.
 */

import { hash } from 'node:crypto'

export const HASH_BYTES = 32

/** SHA-256 of SHA-256: 32 bytes, wire order. */
export function hash256(bytes: Uint8Array): Buffer {
  return hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer')
}

/** Wire order to the usual text. */
export function hashToText(hashBytes: Uint8Array): string {
  return Buffer.from(hashBytes).reverse().toString('hex')
}

/** The usual text to wire order. @throws RangeError unless the text is 64 hexadecimal digits */
export function hashFromText(text: string): Buffer {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new RangeError(`A block hash is 64 hexadecimal digits, not '${text.slice(0, 80)}'.`)
  return Buffer.from(text, 'hex').reverse()
}

/** The message checksum: the first four bytes of `hash256(payload)`, read as a little-endian number. */
export function checksum(payload: Uint8Array): number {
  return hash256(payload).readUInt32LE(0)
}
