/**
 * One entry of a ledger as a row of the database: the principal in columns, the numbers in one blob of doubles with a CRC-32 over both, since SQLite itself notices a damaged page but not a flipped bit.
 *
 *     blob   start of the tick, held bytes, number of the shape, then offset and value of each number that is not zero; little-endian doubles
 */

import { crc32 } from 'node:zlib'
import type { StoredEntry, StoredPrincipal } from '@sluice/core'

/** Numbers before the pairs. */
const HEAD = 3

export interface AddressRow {
  readonly level: number
  readonly high: number
  readonly low: number
  readonly numbers: Uint8Array
  readonly crc: number
}

export interface EntryRow extends AddressRow {
  /** Empty for an address. */
  readonly name: string
  /** Where a peer came from first: level, words and name, separated by spaces; null for all others. */
  readonly place: string | null
}

function checksum(level: number, high: number, low: number, name: string, place: string | null, numbers: Uint8Array): number {
  const key = (Math.imul(level + 1, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35)) >>> 0
  return crc32(numbers, name === '' ? key : crc32(`${name} ${place ?? ''}`, key))
}

export function encode(entry: StoredEntry, shape: number): EntryRow {
  const { level, high, low, name, place } = entry.principal
  const pairs = entry.pairs ?? new Float64Array(0)
  const view = new DataView(new ArrayBuffer(8 * (HEAD + pairs.length)))
  view.setFloat64(0, entry.atMs, true)
  view.setFloat64(8, entry.heldBytes, true)
  view.setFloat64(16, shape, true)
  for (const [i, value] of pairs.entries()) view.setFloat64(8 * (HEAD + i), value, true)
  const placeText = place === undefined ? null : `${place.level} ${place.high} ${place.low} ${place.name}`
  const numbers = new Uint8Array(view.buffer)
  return { level, high, low, name, place: placeText, numbers, crc: checksum(level, high, low, name, placeText, numbers) }
}

/** @param row of an address without name and place, or of a named principal. @param shapes text of each shape by number. An entry whose checksum is wrong comes back without pairs. */
export function decode(row: AddressRow & Partial<EntryRow>, shapes: ReadonlyMap<number, string>): StoredEntry {
  const { level, high, low, name = '', place = null, numbers, crc } = row
  const principal: StoredPrincipal = { level, high, low, name, place: place === null ? undefined : readPlace(place) }
  const isWhole = numbers.byteLength >= 8 * HEAD && numbers.byteLength % 8 === 0 && checksum(level, high, low, name, place, numbers) === crc
  const values = isWhole ? doubles(numbers) : undefined
  const shape = shapes.get(values?.[2] ?? -1)
  if (values === undefined || shape === undefined) return { principal, atMs: 0, heldBytes: 0, shape: '', pairs: undefined }
  const pairs = new Float64Array(values.buffer, values.byteOffset + 8 * HEAD, values.length - HEAD)
  return { principal, atMs: values[0] ?? 0, heldBytes: values[1] ?? 0, shape, pairs }
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** In place where the machine's own order is the file's and the bytes are aligned; a million entries are read at every start. */
function doubles(bytes: Uint8Array): Float64Array {
  const count = bytes.byteLength / 8
  if (IS_LITTLE_ENDIAN && bytes.byteOffset % 8 === 0) return new Float64Array(bytes.buffer, bytes.byteOffset, count)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true))
}

function readPlace(text: string): StoredPrincipal {
  const [level = '0', high = '0', low = '0', ...name] = text.split(' ')
  return { level: Number(level), high: Number(high), low: Number(low), name: name.join(' '), place: undefined }
}
