/**
 * Property 6 at every step of the store protocol: a run of traffic is repeated, and each time the process dies at another step: before the store keeps a batch, after it is kept and before the answer, after the answer.
 * Bytes count from the moment they are sent, not from when the ledger was told.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Transfer } from '../../src/budgets/accounts.ts'
import type { BudgetStore, StoredEntry } from '../../src/budgets/lease.ts'
import { MemoryBudgetStore } from '../../src/budgets/memory-store.ts'
import { seeded, TestClock } from '../helpers.ts'
import { account, CHUNK, ledgerOn, reserve, usedOf } from './store-suite.ts'

class Death extends Error {}

/** Dies at one step, counted over the life of the process: three steps a batch. Some batches fail, as on a full disk. */
class Dying implements BudgetStore {
  readonly isImmediate: boolean
  readonly delayMs = 1
  readonly #kept: MemoryBudgetStore
  readonly #diesAt: number
  steps = 0

  constructor(kept: MemoryBudgetStore, isImmediate: boolean, diesAt: number) {
    this.#kept = kept
    this.isImmediate = isImmediate
    this.#diesAt = diesAt
  }
  #step(): void {
    if (this.steps++ === this.#diesAt) throw new Death()
  }
  load: BudgetStore['load'] = visit => this.#kept.load(visit)
  save = (entries: readonly StoredEntry[], done: (isSaved: boolean) => void): void => {
    this.#step()
    const isSaved = this.steps % 7 !== 3
    if (isSaved) this.#kept.save(entries, () => undefined)
    this.#step()
    done(isSaved)
    this.#step()
  }
  prune(beforeMs: number): void {
    this.#kept.prune(beforeMs)
  }
  close(): void {}
  [Symbol.dispose](): void {}
}

const PEERS = 4
const ROUNDS = 60

/** Sends until it is through or dead; returns what each peer was sent, and the steps taken. */
function life(
  kept: MemoryBudgetStore,
  clock: TestClock,
  isImmediate: boolean,
  diesAt: number,
  seed: number,
): { sent: number[]; steps: number } {
  const random = seeded(seed)
  const store = new Dying(kept, isImmediate, diesAt)
  const sent = Array.from({ length: PEERS }, () => 0)
  try {
    const { ledger, table } = ledgerOn(store, clock, { budgets: { peer: { day: 'unlimited' }, node: { day: 'unlimited' } } })
    const transfers = sent.map((_, i) => new Transfer(account(ledger, table, `203.0.113.${i}`, `peer-${i}`)))
    for (let round = 0; round < ROUNDS; round++) {
      clock.pass(Math.floor(random() * 60_000))
      const who = Math.floor(random() * PEERS)
      const transfer = transfers[who]!
      const bytes = 1 + Math.floor(random() * (CHUNK / 4))
      if (!reserve(ledger, transfer, bytes)) throw new Error('nothing refuses here')
      const part = Math.floor(bytes * random())
      sent[who]! += part
      ledger.settle(transfer, part)
      if (round % 4 === 0) ledger.advance()
    }
  } catch (error) {
    if (!(error instanceof Death)) throw error
  }
  return { sent, steps: store.steps }
}

for (const isImmediate of [true, false]) {
  test(`death at every step of the protocol forgives nothing${isImmediate ? ', leased in the middle of a decision' : ''}`, () => {
    const all = life(new MemoryBudgetStore(), new TestClock(), isImmediate, -1, 5).steps
    assert.ok(all > 30, `${all} steps`)
    for (let diesAt = 0; diesAt < all; diesAt++) {
      const kept = new MemoryBudgetStore()
      const clock = new TestClock()
      const { sent } = life(kept, clock, isImmediate, diesAt, 5)
      const { ledger, table } = ledgerOn(kept, clock, { budgets: { peer: { day: 'unlimited' }, node: { day: 'unlimited' } } })
      const counted = sent.map((_, i) => usedOf(ledger, table.findNamed(10, `peer-${i}`), 'day'))
      for (const [i, bytes] of sent.entries()) {
        assert.ok(counted[i]! >= bytes, `step ${diesAt}, peer ${i}: ${bytes - counted[i]!} forgiven`)
        assert.ok(counted[i]! <= bytes + CHUNK, `step ${diesAt}, peer ${i}: ${counted[i]! - bytes} too many`)
      }
      const total = sent.reduce((sum, bytes) => sum + bytes, 0)
      const node = usedOf(ledger, 0, 'day')
      assert.ok(node >= total && node <= total + CHUNK, `step ${diesAt}: node ${node} of ${total}`)
    }
  })
}
