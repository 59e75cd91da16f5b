/** What the ledger admits, refuses and says: unit tables, and properties 4 and 5 on months of generated traffic. */

import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { type BudgetAccount, Transfer } from '../../src/budgets/accounts.ts'
import type { Ledger } from '../../src/budgets/ledger.ts'
import { MemoryBudgetStore } from '../../src/budgets/memory-store.ts'
import { type BudgetWindow, DAY, HOUR, month } from '../../src/budgets/window.ts'
import { PEER, V4_24, V4_IP } from '../../src/principals/levels.ts'
import type { PrincipalTable } from '../../src/principals/table.ts'
import { holds, seeded, TestClock } from '../helpers.ts'
import { account, at, ledgerOn, send, usedOf } from './store-suite.ts'

const MINUTE = 60_000
const HOUR_MS = 60 * MINUTE

function hour(ledger: Ledger, table: PrincipalTable, ip: string): number {
  return usedOf(ledger, table.findPlace(V4_IP, at(ip).a, 0), 'hour')
}

/** At the start of a day in UTC. */
function midnight(): TestClock {
  const clock = new TestClock()
  clock.nowMs = Date.UTC(2026, 0, 1)
  return clock
}

describe('a transfer', () => {
  it('is charged to the peer, the IP, the prefixes and the node, or to nobody', () => {
    const clock = midnight()
    const { ledger, table } = ledgerOn(undefined, clock, {
      budgets: { peer: { hour: 1000 }, ip: { hour: 1000 }, '/24': { hour: 1500 }, node: { hour: 1e6 } },
    })
    assert.ok(send(ledger, table, '203.0.113.1', 900, 'alice'))
    assert.ok(!send(ledger, table, '203.0.113.2', 700, 'bob'), 'the /24 has 600 left')
    const rows = [table.findNamed(PEER, 'bob'), table.findPlace(V4_IP, at('203.0.113.2').a, 0)]
    for (const row of rows) assert.equal(usedOf(ledger, row, 'hour'), 0)
    assert.equal(usedOf(ledger, table.findPlace(V4_24, at('203.0.113.2').a, 0), 'hour'), 900)
    assert.equal(usedOf(ledger, 0, 'hour'), 900)
  })

  it('holds what it reserved in every window, is topped up, and gives back what it did not send', () => {
    const { ledger, table } = ledgerOn(undefined, midnight(), { budgets: { ip: { hour: 1000 } } })
    const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
    assert.equal(ledger.reserve(transfer, 400), undefined)
    assert.equal(ledger.reserve(transfer, 500), undefined)
    assert.equal(transfer.heldBytes, 900)
    const hit = ledger.reserve(transfer, 101)
    assert.deepEqual(
      { ...hit },
      {
        rule: 'budget.hour',
        row: table.findPlace(V4_IP, at('203.0.113.1').a, 0),
        current: 900,
        attempted: 101,
        limit: 1000,
        retryAfterMs: undefined,
      },
    )
    assert.equal(transfer.heldBytes, 900, 'a top-up that does not fit changes nothing')
    ledger.sent(transfer, 100)
    assert.equal(transfer.heldBytes, 800)
    assert.equal(hour(ledger, table, '203.0.113.1'), 900)
    ledger.settle(transfer, 250)
    assert.equal(hour(ledger, table, '203.0.113.1'), 350)
    ledger.release(transfer)
    ledger.release(transfer)
    assert.equal(hour(ledger, table, '203.0.113.1'), 350)
  })

  it('that takes longer than the window still counts when it is sent', () => {
    const clock = midnight()
    const { ledger, table } = ledgerOn(undefined, clock, { budgets: { ip: { hour: 1000 } } })
    const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
    assert.equal(ledger.reserve(transfer, 1000), undefined)
    clock.pass(3 * HOUR_MS)
    assert.ok(!send(ledger, table, '203.0.113.1', 1))
    ledger.settle(transfer, 1000)
    assert.ok(!send(ledger, table, '203.0.113.1', 1))
    clock.pass(65 * MINUTE)
    assert.ok(send(ledger, table, '203.0.113.1', 1000))
  })

  it('may be forced for what was sent already; nothing passes until it is below the limit again', () => {
    const { ledger, table } = ledgerOn(undefined, midnight(), { budgets: { ip: { hour: 1000 } } })
    const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
    ledger.force(transfer, 1500)
    assert.equal(ledger.reserve(transfer, 0)?.current, 1500)
    ledger.settle(transfer, 1600)
    assert.equal(hour(ledger, table, '203.0.113.1'), 1600)
    assert.equal(transfer.heldBytes, 0)
  })

  it('is exact up to 2^53-1, and a budget of nothing admits nothing', () => {
    const big = Number.MAX_SAFE_INTEGER
    const { ledger, table } = ledgerOn(undefined, midnight(), { budgets: { ip: { hour: big }, '/24': { hour: 'unlimited' } } })
    assert.ok(send(ledger, table, '203.0.113.1', big - 1))
    assert.ok(!send(ledger, table, '203.0.113.1', 2))
    assert.ok(send(ledger, table, '203.0.113.1', 1))
    assert.ok(!send(ledger, table, '203.0.113.1', 1))
    assert.equal(hour(ledger, table, '203.0.113.1'), big)
    const none = ledgerOn(undefined, midnight(), { budgets: { ip: { hour: 0 } } })
    assert.ok(!send(none.ledger, none.table, '203.0.113.1', 1))
  })

  it('whose account is closed keeps its rows until it is over', () => {
    const { ledger, table } = ledgerOn(undefined, midnight())
    const payer = account(ledger, table, '203.0.113.1', 'alice')
    const transfer = new Transfer(payer)
    assert.equal(ledger.reserve(transfer, 100), undefined)
    ledger.close(payer)
    ledger.close(payer)
    const row = table.findNamed(PEER, 'alice')
    assert.ok(table.isPinned(row))
    assert.throws(() => ledger.reserve(transfer, 1), { code: 'ERR_SLUICE_MISUSE' })
    ledger.settle(transfer, 100)
    assert.ok(!table.isPinned(row))
  })
})

describe('a refusal', () => {
  it('names the window with the longest wait, and the wait is exact', t => {
    holds(
      t,
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 * MINUTE }), fc.integer({ min: 1, max: 400 })), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 1000 }),
        (sends, bytes) => {
          const clock = midnight()
          const { ledger, table } = ledgerOn(undefined, clock, {
            budgets: { peer: { hour: 1000 }, ip: { hour: 1200, day: 5000 }, node: { month: 20_000 } },
          })
          for (const [ms, each] of sends) {
            clock.pass(ms)
            send(ledger, table, '203.0.113.1', each, 'alice')
          }
          const transfer = new Transfer(account(ledger, table, '203.0.113.1', 'alice'))
          const hit = ledger.reserve(transfer, bytes)
          if (hit === undefined) return
          const { current, attempted, limit, retryAfterMs } = hit
          assert.ok(current + attempted > limit)
          assert.ok(retryAfterMs !== undefined && Number.isFinite(retryAfterMs))
          clock.pass(retryAfterMs - 1)
          assert.notEqual(ledger.reserve(transfer, bytes), undefined, 'a millisecond too early')
          clock.pass(1)
          assert.equal(ledger.reserve(transfer, bytes), undefined)
        },
      ),
    )
  })

  it('of more than the window holds is for good', () => {
    const { ledger, table } = ledgerOn(undefined, midnight(), { budgets: { ip: { hour: 1000 } } })
    const hit = ledger.reserve(new Transfer(account(ledger, table, '203.0.113.1')), 1001)
    assert.deepEqual([hit?.rule, hit?.retryAfterMs], ['budget.hour', Number.POSITIVE_INFINITY])
  })

  it('for want of a lease is told as such', () => {
    const store = new MemoryBudgetStore()
    const late = {
      isImmediate: false,
      delayMs: 7,
      load: store.load.bind(store),
      save: store.save.bind(store),
      prune: store.prune.bind(store),
      close() {},
      [Symbol.dispose]() {},
    }
    const { ledger, table } = ledgerOn(late, midnight(), { budgets: { ip: { hour: 1e6 } } })
    const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
    const hit = ledger.reserve(transfer, 500)
    assert.deepEqual([hit?.rule, hit?.current, hit?.attempted, hit?.limit, hit?.retryAfterMs], ['lease.ip', 0, 500, 0, 7])
    ledger.advance()
    assert.equal(ledger.reserve(transfer, 500), undefined)
  })
})

test('misuse is told at the door', () => {
  const { ledger, table } = ledgerOn(undefined, midnight())
  const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
  for (const bytes of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => ledger.reserve(transfer, bytes), { code: 'ERR_SLUICE_MISUSE' })
  assert.throws(() => ledger.open(999), { code: 'ERR_SLUICE_MISUSE' })
  const bad: Parameters<typeof ledgerOn>[2][] = [
    { budgets: { ip: { week: 1 } } },
    { budgets: { ip: { hour: -1 } } },
    { budgets: { galaxy: { hour: 1 } } as never },
    { windows: [HOUR, HOUR] },
    { windows: [{ ...HOUR, parts: 0 }] },
    { windows: [{ ...HOUR, partMs: 1500 }] },
    { windows: [{ ...HOUR, name: 'Hour!' }] },
    { windows: [month(32)] },
    { leaseBytesMax: 0 },
  ]
  for (const init of bad) assert.throws(() => ledgerOn(undefined, midnight(), { budgets: {}, ...init }), { code: 'ERR_SLUICE_MISUSE' })
})

test('a clock that runs backwards gives nothing back', () => {
  const clock = midnight()
  const { ledger, table } = ledgerOn(undefined, clock, { budgets: { ip: { hour: 1000 }, node: { month: 1000 } } })
  assert.ok(send(ledger, table, '203.0.113.1', 1000))
  clock.pass(-90 * 24 * HOUR_MS)
  assert.ok(!send(ledger, table, '203.0.113.1', 1))
  clock.pass(90 * 24 * HOUR_MS + 65 * MINUTE)
  assert.equal(hour(ledger, table, '203.0.113.1'), 0)
  assert.equal(usedOf(ledger, 0, 'month'), 1000)
})

test('new budgets and windows lose nothing that was used', () => {
  const clock = midnight()
  const { ledger, table } = ledgerOn(undefined, clock, { budgets: { ip: { hour: 1000 }, node: { month: 5000 } } })
  const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
  assert.equal(ledger.reserve(transfer, 300), undefined)
  ledger.sent(transfer, 200)
  ledger.setBudgets({ ip: { hour: 250 }, node: { month: 5000 } })
  assert.equal(ledger.reserve(transfer, 1)?.limit, 250)
  ledger.setBudgets({ ip: { hour: 1000, day: 2000 }, node: { month: 5000, day: 4000 } })
  assert.equal(hour(ledger, table, '203.0.113.1'), 300)
  ledger.settle(transfer, 100)
  assert.deepEqual(
    ledger.view(0).map(view => [view.window, view.usedBytes, view.reservedBytes]),
    [
      ['day', 100, 0],
      ['month', 300, 0],
    ],
  )
  assert.throws(() => ledger.setBudgets({}, [{ kind: 'rolling', name: 'minute', partMs: 7000, parts: 9 }]), { code: 'ERR_SLUICE_MISUSE' })
})

test('whoever has himself pushed out of the table comes back to what was used; others far away do not pay', () => {
  const clock = midnight()
  const { ledger, table } = ledgerOn(undefined, clock, { rowsMax: 12, budgets: { ip: { hour: 1000 }, '/24': { hour: 5000 } } })
  assert.ok(send(ledger, table, '203.0.113.1', 1000))
  for (let i = 2; i < 40; i++) send(ledger, table, `203.0.113.${i}`, 1)
  assert.equal(table.findPlace(V4_IP, at('203.0.113.1').a, 0), -1, 'folded')
  assert.ok(!send(ledger, table, '203.0.113.1', 1))
  assert.ok(send(ledger, table, '198.51.100.1', 1000))
  clock.pass(70 * MINUTE)
  assert.ok(send(ledger, table, '203.0.113.1', 1000))
})

const WINDOWS: readonly BudgetWindow[] = [HOUR, DAY, { kind: 'rolling', name: 'week', partMs: 24 * HOUR_MS, parts: 7 }, month(15)]

/** Every byte sent, by principal and time, and the sums a window may have at any instant. */
class Journal {
  readonly #sent: Map<string, { atMs: number; bytes: number }[]> = new Map()

  add(who: string, atMs: number, bytes: number): void {
    const list = this.#sent.get(who)
    if (list === undefined) this.#sent.set(who, [{ atMs, bytes }])
    else list.push({ atMs, bytes })
  }

  /** Most bytes in any interval of that length, ends included in neither. */
  most(who: string, spanMs: number): number {
    const list = this.#sent.get(who) ?? []
    let most = 0
    let sum = 0
    let from = 0
    for (const { atMs, bytes } of list) {
      sum += bytes
      for (; (list[from]?.atMs ?? atMs) <= atMs - spanMs; from++) sum -= list[from]?.bytes ?? 0
      most = Math.max(most, sum)
    }
    return most
  }
}

const traffic = fc.array(
  fc.record({
    gapMs: fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 0, max: 6 * MINUTE }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 20 * 24 * HOUR_MS }) },
    ),
    ip: fc.integer({ min: 0, max: 7 }),
    peer: fc.integer({ min: 0, max: 9 }),
    bytes: fc.integer({ min: 1, max: 700 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    /** How many transfers may stay open before this one's is settled. */
    open: fc.integer({ min: 0, max: 4 }),
  }),
  { minLength: 50, maxLength: 600 },
)

const LIMITS = {
  peer: { hour: 1000, day: 6000, week: 30_000 },
  ip: { hour: 1500, day: 8000, week: 40_000 },
  '/24': { hour: 4000, day: 20_000 },
  node: { hour: 9000, month: 200_000 },
} as const

test('property 4: in any rolling window no principal is sent more than its budget, through months of traffic', t => {
  let months = 0
  let refused = 0
  holds(
    t,
    fc.property(traffic, fc.boolean(), (list, isStored) => {
      const clock = midnight()
      const { ledger, table } = ledgerOn(isStored ? new MemoryBudgetStore() : undefined, clock, { windows: WINDOWS, budgets: LIMITS })
      const journal = new Journal()
      const monthly = new Map<number, number>()
      const open: { transfer: Transfer; payer: BudgetAccount; ip: string; peer: string; bytes: number }[] = []
      const settleOne = (): void => {
        const one = open.shift()
        if (one === undefined) return
        ledger.settle(one.transfer, one.bytes)
        ledger.close(one.payer)
        for (const who of [`peer ${one.peer}`, `ip ${one.ip}`, `/24 ${one.ip.replace(/\.\d+$/, '')}`, 'node'])
          journal.add(who, clock.now(), one.bytes)
        const local = new Date(clock.now())
        const period = local.getUTCFullYear() * 12 + local.getUTCMonth() - (local.getUTCDate() < 15 ? 1 : 0)
        monthly.set(period, (monthly.get(period) ?? 0) + one.bytes)
      }
      for (const one of list) {
        clock.pass(one.gapMs)
        const ip = `203.0.${one.ip >> 2}.${one.ip & 3}`
        const payer = account(ledger, table, ip, `peer-${one.peer}`)
        const transfer = new Transfer(payer)
        if (ledger.reserve(transfer, one.bytes) === undefined)
          open.push({ transfer, payer, ip, peer: `${one.peer}`, bytes: Math.floor(one.bytes * one.share) })
        else {
          refused++
          ledger.close(payer)
        }
        while (open.length > one.open) settleOne()
        ledger.advance()
      }
      while (open.length > 0) settleOne()
      months += (clock.now() - Date.UTC(2026, 0, 1)) / (30 * 24 * HOUR_MS)
      const span: Record<string, number> = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS }
      for (const [level, limits] of Object.entries(LIMITS)) {
        for (const [name, limit] of Object.entries(limits)) {
          if (name === 'month') continue
          const whos =
            level === 'node'
              ? ['node']
              : Array.from({ length: 10 }, (_, i) =>
                  level === 'peer' ? `peer ${i}` : level === 'ip' ? `ip 203.0.${i >> 2}.${i & 3}` : `/24 203.0.${i}`,
                )
          for (const who of whos)
            assert.ok(
              journal.most(who, span[name] ?? 0) <= limit,
              `${who} in an ${name}: ${journal.most(who, span[name] ?? 0)} of ${limit}`,
            )
        }
      }
      for (const [period, bytes] of monthly) assert.ok(bytes <= LIMITS.node.month, `month ${period}`)
    }),
    100,
  )
  t.diagnostic(`${Math.round(months)} months, ${refused} refused`)
  assert.ok(refused > 0)
})

test('property 5: the table stays under its cap for any stream of addresses, and folding lowers no prefix', t => {
  holds(
    t,
    fc.property(fc.integer(), fc.integer({ min: 4, max: 60 }), fc.boolean(), (seed, rowsMax, isStored) => {
      const random = seeded(seed)
      const clock = midnight()
      const unlimited = { hour: 'unlimited' } as const
      const store = isStored ? new MemoryBudgetStore() : undefined
      const { ledger, table } = ledgerOn(store, clock, {
        rowsMax,
        budgets: { peer: unlimited, ip: unlimited, '/24': unlimited, '/16': unlimited, node: unlimited },
      })
      const sent = new Map<number, number>()
      let total = 0
      let before = new Map<string, number>()
      for (let i = 0; i < 300; i++) {
        const prefix = Math.floor(random() * 6)
        const bytes = 1 + Math.floor(random() * 1000)
        assert.ok(send(ledger, table, `203.0.${prefix}.${Math.floor(random() * 250)}`, bytes, `peer-${Math.floor(random() * 40)}`))
        sent.set(prefix, (sent.get(prefix) ?? 0) + bytes)
        total += bytes
        assert.ok(table.size <= rowsMax)
        assert.equal(usedOf(ledger, 0, 'hour'), total)
        const now = new Map<string, number>()
        for (let each = 0; each < 6; each++) {
          const row = table.findPlace(V4_24, at(`203.0.${each}.0`).a, 0)
          if (row >= 0) now.set(`${row} ${each}`, usedOf(ledger, row, 'hour'))
        }
        for (const [key, used] of now) {
          assert.ok(used >= (before.get(key) ?? 0), 'a prefix that stays never loses')
        }
        before = now
      }
      // The /16 came back, if it ever went, with nothing below it; the node stands for all.
      assert.equal(usedOf(ledger, 0, 'hour'), total)
    }),
    40,
  )
})

test('a charge allocates nothing once it is warm', t => {
  const clock = midnight()
  const { ledger, table } = ledgerOn(undefined, clock, {
    budgets: { peer: { hour: 'unlimited', day: 'unlimited' }, ip: { hour: 'unlimited', day: 'unlimited' }, node: { day: 'unlimited' } },
  })
  const transfer = new Transfer(account(ledger, table, '203.0.113.1', 'alice'))
  const run = (count: number): number => {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < count; i++) {
      ledger.reserve(transfer, 1000)
      ledger.settle(transfer, 900)
    }
    return process.memoryUsage().heapUsed - before
  }
  run(50_000)
  const grown = run(20_000)
  t.diagnostic(`${grown} bytes for 20,000 transfers`)
  // A boxed number for each would be 16 bytes.
  assert.ok(grown < 20_000 * 8, `${grown} bytes`)
})

test('property 4 against somebody greedy: who takes all he can the moment he can never gets more in any interval', t => {
  holds(
    t,
    fc.property(
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 100, maxLength: 300 }),
      fc.integer({ min: 0, max: HOUR_MS }),
      (wants, startMs) => {
        const clock = midnight()
        clock.pass(startMs)
        const { ledger, table } = ledgerOn(undefined, clock, { windows: WINDOWS, budgets: { ip: { hour: 1000, day: 9000 } } })
        const journal = new Journal()
        const transfer = new Transfer(account(ledger, table, '203.0.113.1'))
        for (const bytes of wants) {
          for (let hit = ledger.reserve(transfer, bytes); hit !== undefined; hit = ledger.reserve(transfer, bytes))
            clock.pass(hit.retryAfterMs ?? 0)
          ledger.settle(transfer, bytes)
          journal.add('ip', clock.now(), bytes)
          clock.pass(bytes % 7 === 0 ? 2 * MINUTE : 1)
        }
        assert.ok(journal.most('ip', HOUR_MS) <= 1000, `${journal.most('ip', HOUR_MS)} in an hour`)
        assert.ok(journal.most('ip', 24 * HOUR_MS) <= 9000, `${journal.most('ip', 24 * HOUR_MS)} in a day`)
      },
    ),
    100,
  )
})
