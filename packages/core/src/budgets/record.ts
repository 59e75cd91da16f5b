/**
 * Between records in memory and entries of a store: what a principal is called there, and how an entry of another shape (a window renamed, lengthened, dropped) is read without forgiving anything.
 */

import type { Address } from '../address.ts'
import { NETWORK, NODE, OTHER, PEER, RELAY, V6_32 } from '../principals/levels.ts'
import type { PrincipalTable } from '../principals/table.ts'
import type { StoredEntry, StoredPrincipal } from './lease.ts'
import type { Rings } from './ring.ts'
import type { BudgetWindow } from './window.ts'

/** Text of how a record is laid out; two of the same text hold the same numbers at the same offsets. */
export function shapeOf(windows: readonly BudgetWindow[]): string {
  return windows
    .map(window => (window.kind === 'rolling' ? `${window.name}=${window.parts}x${window.partMs}` : `${window.name}=month`))
    .join(' ')
}

/** Name and offsets of each window in a shape. */
function readShape(
  shape: string,
): Map<string, { readonly text: string; readonly used: number; readonly cells: number; readonly count: number }> {
  const texts = shape === '' ? [] : shape.split(' ')
  const known = new Map<string, { text: string; used: number; cells: number; count: number }>()
  let cells = 1 + texts.length
  for (const [i, text] of texts.entries()) {
    const [name = '', form = ''] = text.split('=')
    const count = form === 'month' ? 1 : Number(form.split('x')[0])
    known.set(name, { text, used: 1 + i, cells, count })
    cells += count
  }
  return known
}

/** Offsets of an entry moved to where this record has them. A window whose parts changed keeps its sum, as if all of it had just been used; one that is new starts from zero. */
export function adapted(pairs: Float64Array, from: string, windows: readonly BudgetWindow[]): Float64Array {
  const before = readShape(from)
  const after = readShape(shapeOf(windows))
  const moved: number[] = []
  for (const [name, { text, used, cells, count }] of after) {
    const old = before.get(name)
    if (old === undefined) continue
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const at = pairs[i] ?? 0
      const value = pairs[i + 1] ?? 0
      if (at === old.used) moved.push(used, value)
      else if (old.text === text && at >= old.cells && at < old.cells + count) moved.push(cells + at - old.cells, value)
    }
  }
  return Float64Array.from(moved)
}

/** The numbers of a record that are not zero. The record must be rolled. */
export function pairsOf(rings: Rings, slot: number): Float64Array {
  const page = rings.page(slot)
  const base = rings.base(slot)
  const end = rings.stride - 1
  let count = 0
  for (let i = 1; i < end; i++) if (page[base + i] !== 0) count++
  const pairs = new Float64Array(2 * count)
  let to = 0
  for (let i = 1; i < end; i++) {
    const value = page[base + i] ?? 0
    if (value === 0) continue
    pairs[to++] = i
    pairs[to++] = value
  }
  return pairs
}

/** Who a row stands for. */
export function principalOf(table: PrincipalTable, row: number): StoredPrincipal {
  const level = table.level(row)
  if (level === NODE) return { level, high: 0, low: 0, name: '', place: undefined }
  if (level < RELAY) return { level, high: table.highs[row] ?? 0, low: table.lows[row] ?? 0, name: '', place: undefined }
  const text = table.name(row)
  if (level === PEER) return { level, high: 0, low: 0, name: text, place: principalOf(table, table.parent(row)) }
  return { level, high: 0, low: 0, name: level === NETWORK ? text : text.slice(text.indexOf(':') + 1), place: undefined }
}

/** The row of who an entry is about, made when there is none; -1 when none of its own can be made. */
export function rowOf(table: PrincipalTable, principal: StoredPrincipal): number {
  const { level, high, low, name, place } = principal
  if (level === NODE) return 0
  if (level >= RELAY) {
    const known = table.findNamed(level, name)
    if (known >= 0) return known
    const above = level === PEER && place !== undefined ? rowOf(table, place) : 0
    const row = table.named(level, name, Math.max(0, above))
    return table.level(row) === level ? row : -1
  }
  const known = table.findPlace(level, high, low)
  if (known >= 0) return known
  // The table makes prefixes only for an address inside; that address has used nothing and is let go by the next collection.
  table.place({ kind: level < V6_32 ? 'ip4' : 'ip6', a: high, b: low } as Address)
  return table.findPlace(level, high, low)
}

/** One text per principal: the key of stores that have no columns for it. */
export function keyOf({ level, high, low, name }: StoredPrincipal): string {
  return `${level}:${high}:${low}:${name}`
}

/** Is it of a level that exists, and named where levels are named? What comes from a file may be anything. */
export function isPrincipal({ level, name, place }: StoredPrincipal): boolean {
  if (level >= NODE && level < RELAY) return true
  if (level === RELAY || level === OTHER || level === NETWORK) return name !== ''
  return level === PEER && name !== '' && (place === undefined || (place.level !== PEER && isPrincipal(place)))
}

/** True for an entry that says nothing: a store deletes it. */
export function isBlank(entry: StoredEntry): boolean {
  return entry.heldBytes === 0 && entry.pairs !== undefined && entry.pairs.length === 0
}
