/** The memory store under the suite of all stores, and its own bound. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BudgetStore } from '../../src/budgets/lease.ts'
import { MemoryBudgetStore } from '../../src/budgets/memory-store.ts'
import { TestClock } from '../helpers.ts'
import { ledgerOn, send, storeSuite } from './store-suite.ts'

/** Saves whatever it is told only while its process is alive. */
class Mortal implements BudgetStore {
  readonly isImmediate: boolean
  readonly delayMs = 5
  readonly #store: MemoryBudgetStore
  isDead = false

  constructor(store: MemoryBudgetStore, isImmediate: boolean) {
    this.#store = store
    this.isImmediate = isImmediate
  }
  load: BudgetStore['load'] = visit => this.#store.load(visit)
  save: BudgetStore['save'] = (entries, done) => {
    if (!this.isDead) this.#store.save(entries, done)
  }
  prune(beforeMs: number): void {
    this.#store.prune(beforeMs)
  }
  close(): void {}
  [Symbol.dispose](): void {}
}

for (const isImmediate of [true, false]) {
  storeSuite(isImmediate ? 'memory' : 'memory, leased at each advance only', () => {
    const kept = new MemoryBudgetStore()
    return {
      open: () => new Mortal(kept, isImmediate),
      kill: store => {
        if (store instanceof Mortal) store.isDead = true
      },
    }
  })
}

test('the memory store keeps as many entries as it may, the latest', () => {
  const store = new MemoryBudgetStore({ entriesMax: 20 })
  const { ledger, table } = ledgerOn(store, new TestClock())
  for (let i = 0; i < 100; i++) assert.ok(send(ledger, table, `203.0.${i}.1`, 10))
  assert.ok(store.size <= 20)
  ledger.stop()
  assert.ok(store.size <= 20)
})
