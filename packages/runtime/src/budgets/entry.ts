/**
 * One entry of a ledger as a row of the database: the principal in columns, the numbers in one blob of doubles with a CRC-32 over both, since SQLite itself notices a damaged page but not a flipped bit.
 *
 *     blob   start of the tick, held bytes, number of the shape, then offset and value of each number that is not zero; little-endian doubles
 */

import { crc32 } from 'node:zlib'
import type { StoredEntry, StoredPrincipal } from '@sluice/core'

/** Numbers before the pairs. */
const HEAD = 3

export interface EntryRow {
  readonly level: number
  readonly high: number
  readonly low: number
  readonly name: string
  /** Where a peer came from first: level, words and name, separated by spaces; null for all others. */
  readonly place: string | null
  readonly numbers: Uint8Array
  readonly crc: number
}

function checksum(row: Pick<EntryRow, 'level' | 'high' | 'low' | 'name' | 'place' | 'numbers'>): number {
  return crc32(row.numbers, crc32(`${row.level} ${row.high} ${row.low} ${row.name} ${row.place ?? ''}`))
}

export function encode(entry: StoredEntry, shape: number): EntryRow {
  const { level, high, low, name, place } = entry.principal
  const pairs = entry.pairs ?? new Float64Array(0)
  const view = new DataView(new ArrayBuffer(8 * (HEAD + pairs.length)))
  view.setFloat64(0, entry.atMs, true)
  view.setFloat64(8, entry.heldBytes, true)
  view.setFloat64(16, shape, true)
  for (const [i, value] of pairs.entries()) view.setFloat64(8 * (HEAD + i), value, true)
  const row = {
    level,
    high,
    low,
    name,
    place: place === undefined ? null : `${place.level} ${place.high} ${place.low} ${place.name}`,
    numbers: new Uint8Array(view.buffer),
  }
  return { ...row, crc: checksum(row) }
}

/** @param shapes text of each shape by number. An entry whose checksum is wrong comes back without pairs. */
export function decode(row: EntryRow, shapes: ReadonlyMap<number, string>): StoredEntry {
  const { level, high, low, name, numbers } = row
  const principal: StoredPrincipal = { level, high, low, name, place: row.place === null ? undefined : readPlace(row.place) }
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  const shape =
    numbers.byteLength >= 8 * HEAD && numbers.byteLength % 8 === 0 && checksum(row) === row.crc
      ? shapes.get(view.getFloat64(16, true))
      : undefined
  if (shape === undefined) return { principal, atMs: 0, heldBytes: 0, shape: '', pairs: undefined }
  const pairs = new Float64Array(numbers.byteLength / 8 - HEAD)
  for (let i = 0; i < pairs.length; i++) pairs[i] = view.getFloat64(8 * (HEAD + i), true)
  return { principal, atMs: view.getFloat64(0, true), heldBytes: view.getFloat64(8, true), shape, pairs }
}

function readPlace(text: string): StoredPrincipal {
  const [level = '0', high = '0', low = '0', ...name] = text.split(' ')
  return { level: Number(level), high: Number(high), low: Number(low), name: name.join(' '), place: undefined }
}
