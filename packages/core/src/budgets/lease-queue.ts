/**
 * Leases asked for and entries waiting to be saved, handed to the store in one batch at a time: so many principals cost one transaction.
 *
 * What the store is told to hold of a principal is always `reserved + left`; taking from a lease moves bytes between the two or into `used`, and giving back moves them back, so a lease in flight may be used meanwhile
 * and its answer simply adds to what is left. A chunk that shrinks does so before it is saved, one that grows only after.
 */

import type { BudgetColumns } from './columns.ts'
import { type BudgetStore, chunkBytes, chunkMaxOf, RENEWALS_MAX, SAVES_MAX, type StoredEntry } from './lease.ts'
import { pairsOf, principalOf } from './record.ts'
import type { Rings } from './ring.ts'

/** A renewal on its way to the store. */
interface Renewal {
  readonly row: number
  readonly addBytes: number
}

const NOTHING: Float64Array = new Float64Array(0)

export class LeaseQueue {
  readonly #store: BudgetStore
  readonly #columns: BudgetColumns
  readonly #bytesMax: number
  /** Rows that asked, and the bytes they could not take. At most one for each row. */
  readonly #asked: Map<number, number> = new Map()
  /** Rows that used something the store knows only as held. At most one for each row. */
  readonly #unsaved: Set<number> = new Set()
  /** Last words of principals that folded. */
  #last: StoredEntry[] = []
  /** Rows in the batch the store has not answered yet; undefined when it is free. */
  #sent: Map<number, Renewal> | undefined
  #failures = 0

  constructor(store: BudgetStore, columns: BudgetColumns, bytesMax: number) {
    this.#store = store
    this.#columns = columns
    this.#bytesMax = bytesMax
  }

  /** Batches the store refused to save since the start. */
  get failures(): number {
    return this.#failures
  }

  /** Anything to hand over? */
  get isWaiting(): boolean {
    return this.#asked.size > 0 || this.#last.length > 0
  }

  /** Largest chunk of a principal of this level. */
  chunkMax(rings: Rings): number {
    return chunkMaxOf(
      rings.rings.map(ring => ring.limit),
      this.#bytesMax,
    )
  }

  /** Looks after a change of what is left: asks ahead of use, or gives back what is too much. */
  watch(row: number, rings: Rings, slot: number): void {
    if (rings.isAsked(slot)) return
    const chunk = chunkBytes(rings.leasePower(slot), rings.chunkMax)
    const left = rings.leaseLeft(slot)
    if (2 * left < chunk || left > rings.chunkMax) this.ask(row, rings, slot, 0)
  }

  /** Asks for a renewal from which that many bytes can be taken. */
  ask(row: number, rings: Rings, slot: number, bytes: number): void {
    rings.setLease(slot, rings.leasePower(slot), true, rings.isUnsaved(slot))
    this.#asked.set(row, Math.max(bytes, this.#asked.get(row) ?? 0))
  }

  /** Something was used: it must be saved as used, and not only as held, before it is over. */
  used(row: number, rings: Rings, slot: number): void {
    if (rings.isUnsaved(slot)) return
    rings.setLease(slot, rings.leasePower(slot), rings.isAsked(slot), true)
    this.#unsaved.add(row)
  }

  /** A new tick: what was used before it is saved with the next batches. */
  turn(): void {
    for (const row of this.#unsaved) {
      const rings = this.#columns.ringsOf(row)
      const slot = this.#columns.find(row)
      if (rings !== undefined && slot >= 0) this.ask(row, rings, slot, 0)
    }
  }

  /** A row folds: what it used is saved for the last time, nothing held. */
  fold(row: number, rings: Rings, slot: number): void {
    this.#asked.delete(row)
    this.#sent?.delete(row)
    this.#unsaved.delete(row)
    if (this.#last.length >= SAVES_MAX) return
    const isEmpty = rings.isEmpty(slot)
    this.#last.push({ ...this.#entry(row, rings, slot, 0), pairs: isEmpty ? NOTHING : pairsOf(rings, slot) })
  }

  /** Hands everything to the store; nothing while it still works on the last batch. */
  flush(): void {
    if (this.#sent !== undefined || !this.isWaiting) return
    const sent = new Map<number, Renewal>()
    const entries = this.#last
    this.#last = []
    for (const [row, wantedBytes] of this.#asked) {
      if (sent.size === RENEWALS_MAX) break
      this.#asked.delete(row)
      this.#unsaved.delete(row)
      const rings = this.#columns.ringsOf(row)
      const slot = this.#columns.find(row)
      if (rings === undefined || slot < 0) continue
      const power = rings.leasePower(slot)
      const left = rings.leaseLeft(slot)
      const target = chunkBytes(power, rings.chunkMax) + wantedBytes
      const addBytes = Math.max(0, target - left)
      if (target < left) rings.setLeaseLeft(slot, target)
      // Doubles for those who use it up, not for those who are only saved.
      rings.setLease(slot, addBytes > 0 && 2 * target < rings.chunkMax ? power + 1 : power, false, false)
      entries.push(this.#entry(row, rings, slot, rings.reserved(slot) + rings.leaseLeft(slot) + addBytes))
      sent.set(row, { row, addBytes })
    }
    this.#sent = sent
    this.#store.save(entries, isSaved => this.#answered(sent, isSaved))
  }

  #answered(sent: Map<number, Renewal>, isSaved: boolean): void {
    if (this.#sent !== sent) return
    this.#sent = undefined
    if (!isSaved) this.#failures++
    for (const { row, addBytes } of sent.values()) {
      const rings = this.#columns.ringsOf(row)
      const slot = this.#columns.find(row)
      if (rings === undefined || slot < 0) continue
      if (isSaved) rings.setLeaseLeft(slot, rings.leaseLeft(slot) + addBytes)
      // What nobody came to take goes back with the next batch, and so does what could not be saved.
      if (!isSaved || rings.leaseLeft(slot) > rings.chunkMax) this.ask(row, rings, slot, 0)
    }
  }

  /** Saves every principal with nothing held: the end of an orderly run. @param rows all live ones */
  settle(rows: Iterable<number>): void {
    const entries = this.#last
    this.#last = []
    for (const row of rows) {
      const rings = this.#columns.ringsOf(row)
      const slot = this.#columns.find(row)
      if (rings === undefined || slot < 0) continue
      rings.setLeaseLeft(slot, 0)
      entries.push(this.#entry(row, rings, slot, rings.reserved(slot)))
    }
    this.#asked.clear()
    this.#unsaved.clear()
    this.#sent = undefined
    this.#store.save(entries, isSaved => {
      if (!isSaved) this.#failures++
    })
  }

  #entry(row: number, rings: Rings, slot: number, heldBytes: number): StoredEntry {
    const { table, time, shapes } = this.#columns
    return {
      principal: principalOf(table, row),
      atMs: time.tick * time.tickMs,
      heldBytes,
      shape: shapes[table.level(row)] ?? '',
      pairs: pairsOf(rings, slot),
    }
  }
}
