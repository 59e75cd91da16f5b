/**
 * The budgets' column over the principals table: which record is whose. A row gets a record with its first charge; four bytes until then.
 *
 * A row that folds has been counted in every prefix above it all along, so a prefix loses nothing. What the row itself had used stays with its parent as a floor for those who come to stand under that parent at
 * the same level next, so that nobody gets a fresh budget by having himself pushed out of the table. Under the node nothing is left: a stranger must not pay for somebody at the other end of the Internet.
 */

import { LEVEL_COUNT } from '../principals/levels.ts'
import { widen } from '../principals/recency.ts'
import type { Column, PrincipalTable } from '../principals/table.ts'
import type { LevelBudgets } from './levels.ts'
import { adapted, pairsOf, shapeOf } from './record.ts'
import { type BudgetTime, Rings } from './ring.ts'

/** Told before the record of a row that folds is given up. */
export type OnFold = (row: number, rings: Rings, slot: number) => void

export class BudgetColumns implements Column {
  readonly table: PrincipalTable
  readonly time: BudgetTime
  /** By level code; undefined where no budget holds. */
  rings: readonly (Rings | undefined)[]
  shapes: readonly string[]
  readonly #onFold: OnFold
  /** Record of each row + 1; 0 for none. */
  #slots: Int32Array
  /** Floor records by parent row and level of the child; at most one for each live row that had children. */
  readonly #floors: Map<number, number> = new Map()

  constructor(table: PrincipalTable, time: BudgetTime, levels: readonly (LevelBudgets | undefined)[], onFold: OnFold) {
    this.table = table
    this.time = time
    this.rings = levels.map(level => level && new Rings(level.windows, level.limits, time))
    this.shapes = levels.map(level => shapeOf(level?.windows ?? []))
    this.#onFold = onFold
    this.#slots = new Int32Array(0)
    table.attach(this)
  }

  ringsOf(row: number): Rings | undefined {
    return this.rings[this.table.level(row)]
  }

  /** The record of a row, brought to the present; made when there is none. The row's level must have rings. */
  slot(row: number, rings: Rings): number {
    const slot = (this.#slots[row] ?? 0) - 1
    if (slot < 0) return this.#take(row, rings)
    rings.roll(slot)
    return slot
  }

  /** The record of a row, brought to the present, or -1. */
  find(row: number): number {
    const slot = (this.#slots[row] ?? 0) - 1
    if (slot >= 0) this.ringsOf(row)?.roll(slot)
    return slot
  }

  #take(row: number, rings: Rings): number {
    const slot = rings.take()
    this.#slots[row] = slot + 1
    return slot
  }

  /** Bytes held by records. */
  get memoryBytes(): number {
    return this.rings.reduce((sum, rings) => sum + (rings?.memoryBytes ?? 0), this.#slots.byteLength)
  }

  /** New windows and limits; what was used stays, in each window of the same name. */
  setLevels(levels: readonly (LevelBudgets | undefined)[]): void {
    const before = this.rings
    const shapes = this.shapes
    this.rings = levels.map((level, i) => {
      const old = before[i]
      const shape = shapeOf(level?.windows ?? [])
      // A calendar's zone or billing day may have changed under the same shape, so the windows are always the new ones.
      return level === undefined
        ? undefined
        : (sameLimits(old, level, shape === shapes[i]) ?? new Rings(level.windows, level.limits, this.time))
    })
    this.shapes = levels.map(level => shapeOf(level?.windows ?? []))
    const move = (level: number, slot: number): number => {
      const from = before[level]
      const to = this.rings[level]
      if (from === undefined || to === undefined) return -1
      if (from === to) return slot
      const next = to.take()
      from.roll(slot)
      to.restore(
        next,
        this.time.tick,
        adapted(
          pairsOf(from, slot),
          shapes[level] ?? '',
          to.rings.map(ring => ring.window),
        ),
      )
      to.reserve(next, from.reserved(slot))
      to.setLeaseLeft(next, from.leaseLeft(slot))
      to.setLease(next, from.leasePower(slot), from.isAsked(slot), from.isUnsaved(slot))
      return next
    }
    for (let row = 0; row < this.#slots.length; row++) {
      const slot = (this.#slots[row] ?? 0) - 1
      if (slot >= 0) this.#slots[row] = move(this.table.level(row), slot) + 1
    }
    for (const [key, slot] of [...this.#floors]) {
      const next = move(key % LEVEL_COUNT, slot)
      if (next < 0) this.#floors.delete(key)
      else this.#floors.set(key, next)
    }
  }

  grow(capacity: number): void {
    this.#slots = widen(this.#slots, new Int32Array(capacity))
  }

  start(row: number, parent: number): void {
    this.#slots[row] = 0
    if (this.#floors.size === 0) return
    const level = this.table.level(row)
    const rings = this.rings[level]
    const key = parent * LEVEL_COUNT + level
    const floor = this.#floors.get(key)
    if (floor === undefined || rings === undefined) return
    if (rings.isEmpty(floor)) {
      this.#floors.delete(key)
      rings.give(floor)
    } else rings.raise(this.#take(row, rings), floor)
  }

  fold(row: number, parent: number): void {
    this.#dropFloors(row)
    const slot = (this.#slots[row] ?? 0) - 1
    const level = this.table.level(row)
    const rings = this.rings[level]
    if (slot < 0 || rings === undefined) return
    this.#slots[row] = 0
    rings.roll(slot)
    this.#onFold(row, rings, slot)
    if (parent > 0 && !rings.isEmpty(slot)) {
      const key = parent * LEVEL_COUNT + level
      let floor = this.#floors.get(key)
      if (floor === undefined) {
        floor = rings.take()
        this.#floors.set(key, floor)
      } else rings.roll(floor)
      rings.raise(floor, slot)
    }
    rings.give(slot)
  }

  /** The floors of a row that goes: it has itself used at least as much, and leaves that to its parent. */
  #dropFloors(row: number): void {
    if (this.#floors.size === 0) return
    for (let level = 0; level < LEVEL_COUNT; level++) {
      const key = row * LEVEL_COUNT + level
      const floor = this.#floors.get(key)
      if (floor === undefined) continue
      this.#floors.delete(key)
      this.rings[level]?.give(floor)
    }
  }

  idle(row: number, nowMs: number): boolean {
    this.time.set(nowMs)
    const slot = (this.#slots[row] ?? 0) - 1
    return slot < 0 || (this.ringsOf(row)?.isEmpty(slot) ?? true)
  }
}

/** The rings there are, with the new limits, when nothing else about them changed. */
function sameLimits(old: Rings | undefined, level: LevelBudgets, isSameShape: boolean): Rings | undefined {
  if (old === undefined || !isSameShape) return undefined
  if (level.windows.some((window, i) => window.kind === 'calendar' && old.rings[i]?.window !== window)) return undefined
  for (const [i, ring] of old.rings.entries()) ring.limit = level.limits[i] ?? Number.POSITIVE_INFINITY
  return old
}
