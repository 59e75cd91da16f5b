/**
 * What every store must do, run against each: `packages/core` on memory, `packages/runtime` on SQLite. Traffic is generated, with crashes between any two steps; an account of our own says what may have been forgiven.
 */

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { type Address, parseAddress } from '../../src/address.ts'
import type { BudgetAccount } from '../../src/budgets/accounts.ts'
import { Transfer } from '../../src/budgets/accounts.ts'
import type { BudgetStore, StoredEntry } from '../../src/budgets/lease.ts'
import { Ledger, type LedgerInit } from '../../src/budgets/ledger.ts'
import type { Budgets } from '../../src/budgets/levels.ts'
import { PrincipalTable } from '../../src/principals/table.ts'
import { holds, TestClock } from '../helpers.ts'

/** A place where stores are opened one after the other, as a process does that is killed and started again. */
export interface StorePlace {
  /** Opens the store on what the last one left. */
  open(): BudgetStore
  /** The process dies: nothing is closed in order, nothing more is saved. */
  kill(store: BudgetStore): void
}

export const BUDGETS: Budgets = {
  peer: { hour: 1_000_000, day: 5_000_000 },
  ip: { hour: 2_000_000, day: 10_000_000 },
  '/24': { hour: 10_000_000, day: 50_000_000 },
  '/56': { hour: 10_000_000, day: 50_000_000 },
  node: { month: 500_000_000 },
}

export const CHUNK = 4096

export function at(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address
}

/** A ledger on a table of its own. */
export function ledgerOn(
  store: BudgetStore | undefined,
  clock: TestClock,
  init: Partial<LedgerInit> & { rowsMax?: number } = {},
): { ledger: Ledger; table: PrincipalTable } {
  const { rowsMax, ...rest } = init
  const table = new PrincipalTable({ rowsMax: rowsMax ?? 1000 })
  const ledger = new Ledger({ table, clock, budgets: BUDGETS, leaseBytesMax: CHUNK, ...(store === undefined ? {} : { store }), ...rest })
  return { ledger, table }
}

/** Reserves as a caller does: what a lease lacks is asked for by the next `advance`. True when reserved. */
export function reserve(ledger: Ledger, transfer: Transfer, bytes: number): boolean {
  for (let i = 0; i < 3; i++) {
    const hit = ledger.reserve(transfer, bytes)
    if (hit === undefined) return true
    if (!hit.rule.startsWith('lease.')) return false
    ledger.advance()
  }
  throw new Error('the lease stays dry')
}

export function account(ledger: Ledger, table: PrincipalTable, ip: string, peer?: string): BudgetAccount {
  return ledger.open(table.place(at(ip)), peer)
}

/** Sends that much at once; true when admitted. */
export function send(ledger: Ledger, table: PrincipalTable, ip: string, bytes: number, peer?: string): boolean {
  const payer = account(ledger, table, ip, peer)
  const transfer = new Transfer(payer)
  const isAdmitted = reserve(ledger, transfer, bytes)
  if (isAdmitted) ledger.settle(transfer, bytes)
  ledger.close(payer)
  return isAdmitted
}

/** Used and reserved of a window by principal; 0 where nothing is known. */
export function usedOf(ledger: Ledger, row: number, window: string): number {
  const view = row < 0 ? undefined : ledger.view(row).find(each => each.window === window)
  return view === undefined ? 0 : view.usedBytes + view.reservedBytes
}

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      who: fc.integer({ min: 0, max: 5 }),
      reserved: fc.integer({ min: 1, max: 300_000 }),
      sent: fc.integer({ min: 0, max: 300_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      who: fc.integer({ min: 0, max: 5 }),
      bytes: fc.integer({ min: 1, max: 100_000 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), sent: fc.integer({ min: 0, max: 100_000 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2 * 3600_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 10 * 24 * 3600_000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const WHO = ['203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.114.1', '2001:db8::1', '2001:db8:0:1::1'] as const

/** Drives one ledger after another on one place, and compares what is counted before and after each end. */
class Driver {
  readonly clock: TestClock = new TestClock()
  readonly #place: StorePlace
  #store: BudgetStore
  #ledger: Ledger
  #table: PrincipalTable
  #held: { transfer: Transfer; bytes: number }[] = []
  crashes = 0

  constructor(place: StorePlace) {
    this.#place = place
    this.#store = place.open()
    const { ledger, table } = ledgerOn(this.#store, this.clock)
    this.#ledger = ledger
    this.#table = table
  }

  run(steps: readonly Step[]): void {
    for (const one of steps) this.#step(one)
    this.#end('kill')
    this.#place.kill(this.#store)
  }

  #step(one: Step): void {
    const ledger = this.#ledger
    if (one.do === 'send') {
      const payer = account(ledger, this.#table, WHO[one.who]!, `peer-${one.who}`)
      const transfer = new Transfer(payer)
      if (reserve(ledger, transfer, one.reserved)) ledger.settle(transfer, Math.min(one.reserved, one.sent))
      ledger.close(payer)
    } else if (one.do === 'hold') {
      const transfer = new Transfer(account(ledger, this.#table, WHO[one.who]!, `peer-${one.who}`))
      if (reserve(ledger, transfer, one.bytes)) this.#held.push({ transfer, bytes: one.bytes })
      ledger.close(transfer.account)
    } else if (one.do === 'finish') {
      const held = this.#held.shift()
      if (held !== undefined) ledger.settle(held.transfer, Math.min(held.bytes, one.sent))
    } else if (one.do === 'pass') this.clock.pass(one.ms)
    else if (one.do === 'advance') ledger.advance()
    else this.#end(one.do)
  }

  #counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (let row = 0; row < this.#table.rowsMax; row++) {
      if (!this.#table.isLive(row)) continue
      for (const view of this.#ledger.view(row)) counts.set(`${this.#table.name(row)} ${view.window}`, view.usedBytes + view.reservedBytes)
    }
    return counts
  }

  #end(how: 'kill' | 'stop'): void {
    // What is refunded after the last batch is still held by the store: let it have its word, as a tick does.
    this.#ledger.advance()
    const before = this.#counts()
    if (how === 'stop') this.#ledger.stop()
    else this.#place.kill(this.#store)
    this.crashes++
    this.#held = []
    this.#store = this.#place.open()
    const { ledger, table } = ledgerOn(this.#store, this.clock)
    this.#ledger = ledger
    this.#table = table
    const after = this.#counts()
    for (const [key, bytes] of before) {
      const now = after.get(key) ?? 0
      assert.ok(now >= bytes, `${key}: ${bytes} before, ${now} after: forgiven`)
      const most = how === 'stop' ? 0 : CHUNK
      assert.ok(now <= bytes + most, `${key}: ${bytes} before, ${now} after: over-counted by more than a lease`)
    }
  }
}

export function storeSuite(name: string, placeFor: (t: TestContext) => StorePlace, runs = 100): void {
  describe(`budgets in ${name}`, () => {
    it('property 6: a kill between any two steps forgives nothing and over-counts by no more than a lease', t => {
      let crashes = 0
      holds(
        t,
        fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), steps => {
          const driver = new Driver(placeFor(t))
          driver.run(steps)
          crashes += driver.crashes
        }),
        runs,
      )
      t.diagnostic(`${crashes} ends`)
    })

    it('an orderly stop counts exactly', t => {
      const place = placeFor(t)
      const clock = new TestClock()
      const first = ledgerOn(place.open(), clock)
      assert.ok(send(first.ledger, first.table, '203.0.113.1', 123_457, 'alice'))
      first.ledger.stop()
      clock.pass(10 * 60_000)
      const second = ledgerOn(place.open(), clock)
      assert.equal(usedOf(second.ledger, second.table.findPlace(3, at('203.0.113.1').a, 0), 'hour'), 123_457)
      assert.equal(usedOf(second.ledger, second.table.findNamed(10, 'alice'), 'day'), 123_457)
      assert.equal(usedOf(second.ledger, 0, 'month'), 123_457)
      clock.pass(2 * 3600_000)
      assert.equal(usedOf(second.ledger, second.table.findNamed(10, 'alice'), 'hour'), 0)
      assert.equal(usedOf(second.ledger, second.table.findNamed(10, 'alice'), 'day'), 123_457)
      second.ledger.stop()
    })

    it('what claims to be of the future counts as used now, and is over in time', t => {
      const place = placeFor(t)
      const clock = new TestClock()
      clock.pass(400 * 24 * 3600_000)
      const ahead = ledgerOn(place.open(), clock)
      assert.ok(send(ahead.ledger, ahead.table, '203.0.113.1', 900_000, 'alice'))
      ahead.ledger.stop()
      clock.pass(-400 * 24 * 3600_000)
      const { ledger, table } = ledgerOn(place.open(), clock)
      assert.equal(usedOf(ledger, table.findNamed(10, 'alice'), 'hour'), 900_000)
      assert.equal(usedOf(ledger, 0, 'month'), 900_000)
      assert.equal(send(ledger, table, '203.0.113.1', 200_000, 'alice'), false)
      clock.pass(70 * 60_000)
      assert.equal(usedOf(ledger, table.findNamed(10, 'alice'), 'hour'), 0)
      assert.equal(send(ledger, table, '203.0.113.1', 200_000, 'alice'), true)
      ledger.stop()
    })

    it('windows of another shape keep their sums, new ones start from zero', t => {
      const place = placeFor(t)
      const clock = new TestClock()
      const first = ledgerOn(place.open(), clock)
      assert.ok(send(first.ledger, first.table, '203.0.113.1', 70_000))
      first.ledger.stop()
      const windows = [
        { kind: 'rolling', name: 'hour', partMs: 60_000, parts: 60 },
        { kind: 'rolling', name: 'week', partMs: 86_400_000, parts: 7 },
      ] as const
      const { ledger, table } = ledgerOn(place.open(), clock, { windows, budgets: { ip: { hour: 1e6, week: 1e9 } } })
      const row = table.findPlace(3, at('203.0.113.1').a, 0)
      assert.equal(usedOf(ledger, row, 'hour'), 70_000)
      assert.equal(usedOf(ledger, row, 'week'), 0)
      ledger.stop()
    })

    it('an entry that is idle is dropped; the node keeps its month', t => {
      const place = placeFor(t)
      const clock = new TestClock()
      const { ledger, table } = ledgerOn(place.open(), clock)
      assert.ok(send(ledger, table, '203.0.113.1', 70_000, 'alice'))
      clock.pass(2 * 24 * 3600_000)
      table.collect(clock.now())
      table.collect(clock.now())
      assert.equal(table.findNamed(10, 'alice'), -1)
      ledger.stop()
      const kept: StoredEntry[] = []
      const store = place.open()
      store.load(entry => kept.push(entry))
      assert.deepEqual(
        kept.filter(entry => entry.principal.level === 10 || entry.principal.level === 3),
        [],
      )
      assert.equal(kept.filter(entry => entry.principal.level === 0).length, 1)
      store.prune(Number.MAX_SAFE_INTEGER)
      store.close()
      const after = ledgerOn(place.open(), clock)
      assert.equal(usedOf(after.ledger, 0, 'month'), 70_000)
      after.ledger.stop()
    })
  })
}
