/**
 * A store that lives as long as the process: budgets outlive the ledger (a new policy, a second node in the process), not a restart. Also what the ledger is tested against.
 */

import { NODE } from '../principals/levels.ts'
import type { BudgetStore, StoredEntry, StoreReport } from './lease.ts'
import { isBlank, keyOf } from './record.ts'

/** Entries kept; the one saved longest ago makes room. */
export const MEMORY_ENTRIES_MAX = 1_048_576

export interface MemoryBudgetStoreInit {
  /** @default MEMORY_ENTRIES_MAX */
  readonly entriesMax?: number
}

export class MemoryBudgetStore implements BudgetStore {
  readonly isImmediate = true
  readonly delayMs = 0
  readonly #entries: Map<string, StoredEntry> = new Map()
  readonly #entriesMax: number

  constructor(init: MemoryBudgetStoreInit = {}) {
    this.#entriesMax = init.entriesMax ?? MEMORY_ENTRIES_MAX
  }

  /** Entries kept now. */
  get size(): number {
    return this.#entries.size
  }

  load(visit: (entry: StoredEntry) => void): StoreReport {
    // Narrow before wide: a prefix is then there already when its own entry comes.
    for (const entry of [...this.#entries.values()].sort((a, b) => b.principal.level - a.principal.level)) visit(entry)
    return { entries: this.#entries.size, damaged: 0, setAside: undefined, problem: undefined }
  }

  save(entries: readonly StoredEntry[], done: (isSaved: boolean) => void): void {
    for (const entry of entries) {
      const key = keyOf(entry.principal)
      this.#entries.delete(key)
      if (!isBlank(entry)) this.#entries.set(key, entry)
    }
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) break
      this.#entries.delete(key)
    }
    done(true)
  }

  prune(beforeMs: number): void {
    for (const [key, entry] of this.#entries)
      if (entry.principal.level !== NODE && entry.heldBytes === 0 && entry.atMs < beforeMs) this.#entries.delete(key)
  }

  close(): void {
    // Kept: whoever has the store may open a ledger on it again.
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
