/** The SQLite store under the suite of all stores, and what it does with files it cannot use. */

import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { SluiceError } from '@sluice/core'
import { openBudgetStore, type SqliteBudgetStore } from '@sluice/runtime'
import { at, ledgerOn, send, storeSuite, usedOf } from '../../../core/test/budgets/store-suite.ts'
import { TestClock } from '../../../core/test/helpers.ts'
import { scratch } from '../scratch.ts'

const clock = { now: () => Date.UTC(2026, 10, 20, 12, 0, 0) }
const IP = at('203.0.113.1')
const V4_IP = 3

/** What a killed process leaves is what is on the disk at that instant: a copy of the files. */
function place(t: TestContext, isImmediate: boolean) {
  const directory = scratch(t)
  let generation = 0
  const path = (): string => join(directory, `budgets-${generation}.db`)
  return {
    open: (): SqliteBudgetStore => openBudgetStore({ path: path(), clock, isImmediate }),
    kill: (store: { close(): void }): void => {
      const before = path()
      generation++
      for (const ending of ['', '-wal']) if (existsSync(before + ending)) copyFileSync(before + ending, path() + ending)
      store.close()
    },
  }
}

storeSuite('SQLite', t => place(t, false), 10)
storeSuite('SQLite, leased in the middle of a decision', t => place(t, true), 10)

/** A file with one spender in it. */
function spent(t: TestContext): { path: string; directory: string; testClock: TestClock } {
  const directory = scratch(t)
  const path = join(directory, 'budgets.db')
  const testClock = new TestClock()
  const { ledger, table } = ledgerOn(openBudgetStore({ path, clock }), testClock)
  assert.ok(send(ledger, table, '203.0.113.1', 70_000, 'alice'))
  ledger.stop()
  return { path, directory, testClock }
}

test('the file is private, and one process has it at a time', t => {
  const path = join(scratch(t), 'budgets.db')
  using _store = openBudgetStore({ path, clock })
  assert.equal(statSync(path).mode & 0o077, 0)
  assert.throws(() => openBudgetStore({ path, clock }), { code: 'ERR_SLUICE_STATE', message: /locked/ })
})

const DAMAGES: readonly (readonly [string, (path: string) => void, RegExp])[] = [
  ['truncated', path => truncateSync(path, 5000), /corrupt/],
  ['another kind of file', path => writeFileSync(path, 'junk'), /does not begin/],
  [
    'of a newer format',
    path => {
      using database = new DatabaseSync(path)
      database.exec('PRAGMA user_version = 99')
    },
    /format 99/,
  ],
  [
    'overwritten in the middle',
    path => {
      const bytes = readFileSync(path)
      bytes.fill(0xa5, 4096, bytes.length - 4096)
      writeFileSync(path, bytes)
    },
    /corrupt/,
  ],
]

for (const [what, damage, why] of DAMAGES) {
  test(`a file that is ${what} is set aside, and the node counts from a safe state`, t => {
    const { path, directory, testClock } = spent(t)
    damage(path)
    const { ledger } = ledgerOn(openBudgetStore({ path, clock }), testClock)
    assert.match(ledger.report?.problem ?? '', why)
    assert.match(ledger.report?.setAside ?? '', /budgets\.db\.corrupt-20261120T120000Z$/)
    assert.ok(existsSync(ledger.report?.setAside ?? ''))
    const assumed = usedOf(ledger, 0, 'month')
    // 14 November 2023, 22:13:20 UTC: the clock of the tests.
    assert.equal(assumed, Math.ceil(500_000_000 * ((13 * 24 + 22 + 800 / 3600) / (30 * 24))))
    ledger.stop()
    assert.ok(readdirSync(directory).includes('budgets.db'))
    const again = ledgerOn(openBudgetStore({ path, clock }), testClock)
    assert.equal(again.ledger.report?.setAside, undefined)
    assert.equal(usedOf(again.ledger, 0, 'month'), assumed, 'what was assumed is kept')
    again.ledger.stop()
  })
}

test('an entry with a flipped bit counts as spent, the others stand', t => {
  const { path, testClock } = spent(t)
  {
    using database = new DatabaseSync(path)
    database.exec('UPDATE entries SET crc = crc + 1 WHERE level = 3')
  }
  const { ledger, table } = ledgerOn(openBudgetStore({ path, clock }), testClock)
  assert.equal(ledger.report?.damaged, 1)
  assert.equal(usedOf(ledger, table.findPlace(V4_IP, IP.a, 0), 'hour'), 2_000_000)
  assert.equal(usedOf(ledger, table.findNamed(10, 'alice'), 'hour'), 70_000)
  ledger.stop()
})

test('a database of another program is left alone', t => {
  const path = join(scratch(t), 'budgets.db')
  {
    using database = new DatabaseSync(path)
    database.exec('CREATE TABLE mine (x)')
  }
  const before = readFileSync(path)
  assert.throws(() => openBudgetStore({ path, clock }), { code: 'ERR_SLUICE_STATE', message: /another program/ })
  assert.deepEqual(readFileSync(path), before)
  assert.throws(() => openBudgetStore({ path: join(path, 'x'), clock }), { code: 'ERR_SLUICE_STATE' })
})

test('a batch that cannot be saved grants nothing and says so; the next one may', t => {
  const path = join(scratch(t), 'budgets.db')
  const errors: SluiceError[] = []
  const store = openBudgetStore({ path, clock, onError: error => errors.push(error) })
  const { ledger, table } = ledgerOn(store, new TestClock())
  const save = store.save.bind(store)
  let isFull = true
  store.save = (entries, done) => {
    // SQLite itself refuses: a STRICT column is given what it cannot hold.
    const broken = entries.map(entry => (isFull ? { ...entry, principal: { ...entry.principal, level: 0.5 } } : entry))
    save(broken, done)
  }
  assert.throws(() => send(ledger, table, '203.0.113.1', 70_000), /stays dry/)
  assert.ok(errors.length > 0 && errors[0]?.code === 'ERR_SLUICE_STATE')
  assert.ok(ledger.storeFailures > 0)
  isFull = false
  assert.ok(send(ledger, table, '203.0.113.1', 70_000))
  ledger.stop()
})

test('more entries than may be kept make room, the oldest first, the node never', t => {
  const path = join(scratch(t), 'budgets.db')
  const testClock = new TestClock()
  const store = openBudgetStore({ path, clock, entriesMax: 30 })
  const { ledger, table } = ledgerOn(store, testClock)
  for (let i = 0; i < 60; i++) assert.ok(send(ledger, table, `203.0.${i}.1`, 10))
  testClock.pass(600_000)
  ledger.advance()
  ledger.stop()
  using again = openBudgetStore({ path, clock, entriesMax: 30 })
  again.prune(0)
  const levels: number[] = []
  again.load(entry => levels.push(entry.principal.level))
  assert.ok(levels.length <= 30)
  assert.ok(levels.includes(0))
})
