/**
 * The table of principals stays under its cap for any stream of addresses, keeps what is in use, and folding never lowers what a prefix has used.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, parseAddress } from '../../src/address.ts'
import {
  formatPlace,
  isExempt,
  NETWORK,
  NODE,
  OTHER,
  PARENT_LEVEL,
  PEER,
  RELAY,
  V4_16,
  V4_24,
  V4_IP,
  V6_32,
  V6_48,
  V6_56,
  V6_IP,
} from '../../src/principals/levels.ts'
import { COLLECT_ROWS_MAX, type Column, PrincipalTable } from '../../src/principals/table.ts'

function at(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address
}

/** Counts events per row and every row above; a folded row's count is in its parent already. */
class Charges implements Column {
  counts: Float64Array = new Float64Array(0)
  folds = 0

  grow(capacity: number): void {
    const next = new Float64Array(capacity)
    next.set(this.counts)
    this.counts = next
  }
  start(row: number): void {
    this.counts[row] = 0
  }
  fold(row: number, parent: number): void {
    assert.ok(this.counts[parent]! >= this.counts[row]!, 'a parent has used at least what its child has')
    this.folds++
  }
  idle(row: number): boolean {
    return this.counts[row] === 0
  }

  charge(table: PrincipalTable, from: number): void {
    for (let row = from; row >= 0; row = table.parent(row)) this.counts[row] = this.counts[row]! + 1
  }
}

function check(table: PrincipalTable): void {
  assert.ok(table.size <= table.rowsMax)
}

test('an address has its IP and prefixes, narrow to wide', () => {
  const table = new PrincipalTable({ rowsMax: 100 })
  const chain = (text: string): string[] => {
    const names: string[] = []
    for (let row = table.place(at(text)); row >= 0; row = table.parent(row)) names.push(table.name(row))
    return names
  }
  assert.deepEqual(chain('203.0.113.7'), ['203.0.113.7', '203.0.113.0/24', '203.0.0.0/16', 'node'])
  assert.deepEqual(chain('2001:db8:1:203:4:5:6:7'), [
    '2001:db8:1:203::/64',
    '2001:db8:1:200::/56',
    '2001:db8:1::/48',
    '2001:db8::/32',
    'node',
  ])
  assert.deepEqual(chain('/ip4/203.0.113.7/tcp/1/p2p/QmRelay/p2p-circuit'), ['relay:QmRelay', 'node'])
  assert.deepEqual(chain('/memory/1'), ['other:memory', 'node'])
  const place = table.place(at('203.0.113.7'))
  const peer = table.peer('alice', place)
  assert.equal(table.name(peer), 'alice')
  assert.equal(table.parent(peer), place)
  assert.equal(table.peer('alice', 0), peer, 'a peer keeps its first place')
})

test('finding makes nothing and gives the narrowest there is', () => {
  const table = new PrincipalTable({ rowsMax: 100 })
  table.place(at('203.0.113.7'))
  const size = table.size
  assert.equal(table.name(table.find(at('203.0.113.7'))), '203.0.113.7')
  assert.equal(table.name(table.find(at('203.0.113.8'))), '203.0.113.0/24')
  assert.equal(table.name(table.find(at('203.0.1.8'))), '203.0.0.0/16')
  assert.equal(table.find(at('198.51.100.1')), 0)
  assert.equal(table.find(at('2001:db8::1')), 0)
  assert.equal(table.find(at('/memory/1')), 0)
  assert.equal(table.findNamed(PEER, 'bob'), -1)
  assert.equal(table.size, size)
})

test('the least used goes first, of equals the one not seen for longest', () => {
  const table = new PrincipalTable({ rowsMax: 6 })
  const busy = at('203.0.113.1')
  for (let i = 0; i < 5; i++) table.place(busy)
  table.place(at('203.0.113.2'))
  table.place(at('203.0.113.3'))
  assert.equal(table.size, 6)
  table.place(at('203.0.113.4'))
  assert.equal(table.findPlace(V4_IP, at('203.0.113.2').a, 0), -1)
  for (let i = 10; i < 250; i++) table.place(at(`203.0.113.${i}`))
  assert.ok(table.findPlace(V4_IP, busy.a, 0) >= 0)
  assert.equal(table.size, 6)
})

test('what is in use never goes; a newcomer is charged to the narrowest of its prefixes', () => {
  const table = new PrincipalTable({ rowsMax: 5 })
  const rows = ['203.0.113.1', '203.0.113.2'].map(ip => table.place(at(ip)))
  for (const row of rows) table.pin(row)
  assert.equal(table.size, 5)
  assert.equal(table.name(table.place(at('203.0.113.3'))), '203.0.113.0/24')
  assert.equal(table.name(table.place(at('203.0.1.1'))), '203.0.0.0/16')
  assert.equal(table.place(at('198.51.100.1')), 0)
  assert.equal(table.place(at('2001:db8::1')), 0)
  assert.equal(table.peer('alice', rows[0]!), rows[0])
  table.unpin(rows[0]!)
  assert.equal(table.name(table.place(at('203.0.113.3'))), '203.0.113.3')
  assert.equal(table.isPinned(rows[1]!), true)
  assert.equal(table.name(rows[1]!), '203.0.113.2')
})

test('pins count, and unpinning what is not pinned does nothing', () => {
  const table = new PrincipalTable({ rowsMax: 5 })
  const row = table.place(at('203.0.113.1'))
  table.unpin(row)
  table.pin(row)
  table.pin(row)
  table.unpin(row)
  assert.equal(table.isPinned(row), true)
  table.unpin(row)
  assert.equal(table.isPinned(row), false)
  table.pin(0)
  table.unpin(0)
  assert.equal(table.isPinned(0), false)
})

test('collecting looks at a bounded number of rows and goes on where it stopped', () => {
  const table = new PrincipalTable({ rowsMax: 20_000 })
  for (let i = 0; i < 10_000; i++) table.named(OTHER, `kind-${i}`, NODE)
  assert.ok(table.collect(0) <= COLLECT_ROWS_MAX)
  while (table.size > 1) assert.ok(table.collect(0) > 0)
})

const octet = fc.integer({ min: 0, max: 3 })
const stranger = fc.oneof(
  fc.tuple(octet, octet, octet, octet).map(parts => parts.join('.')),
  fc.tuple(octet, octet, octet, octet).map(([a, b, c, d]) => `2001:db8:${a}:${b}${c}0${d}::1`),
  fc.ipV4(),
  fc.ipV6(),
  fc.integer({ min: 0, max: 20 }).map(i => `/p2p/Qm${i}/p2p-circuit`),
  fc.constantFrom('/memory/1', '/dns4/example.org/tcp/1', '/onion3/x:1'),
)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('charge' as const), who: stranger }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('peer' as const), who: stranger, peer: fc.integer({ min: 0, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pin' as const), who: stranger }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unpin' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('collect' as const) }) },
)

test('under its cap, charges complete and pins kept for any stream of addresses', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 50, maxLength: 400 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer(),
      (steps, rowsMax, seed) => {
        const table = new PrincipalTable({ rowsMax, seed })
        const charges = new Charges()
        table.attach(charges)
        /** What every row was charged since it came to be, by an account of our own. */
        const used = new Map<number, { name: string; count: number }>()
        const pinned: { row: number; name: string }[] = []
        let total = 0
        const charge = (row: number): void => {
          charges.charge(table, row)
          total++
          for (let each = row; each >= 0; each = table.parent(each)) {
            const known = used.get(each)
            const name = table.name(each)
            if (known === undefined || known.name !== name) used.set(each, { name, count: 1 })
            else known.count++
          }
        }
        for (const one of steps) {
          if (one.do === 'charge') charge(table.place(at(one.who)))
          else if (one.do === 'peer') charge(table.peer(`peer-${one.peer}`, table.place(at(one.who))))
          else if (one.do === 'pin') {
            const row = table.place(at(one.who))
            table.pin(row)
            pinned.push({ row, name: table.name(row) })
          } else if (one.do === 'unpin') {
            const last = pinned.pop()
            if (last !== undefined) table.unpin(last.row)
          } else table.collect(0)
          check(table)
          for (const { row, name } of pinned) assert.equal(table.name(row), name)
          assert.equal(charges.counts[0], total, 'the node has used everything, whoever was folded')
          for (const [row, { name, count }] of used)
            if (table.isLive(row) && table.name(row) === name && charges.counts[row]! < count)
              used.set(row, { name, count: charges.counts[row]! })
        }
        for (let row = 1; row < rowsMax; row++) {
          if (!table.isLive(row)) continue
          const parent = table.parent(row)
          assert.ok(charges.counts[parent]! >= charges.counts[row]!, 'a prefix has used at least what is inside it')
          const above = PARENT_LEVEL[table.level(row)]!
          if (table.level(row) < RELAY) assert.equal(table.level(parent), above)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('a flood of a million addresses leaves the table at its cap, and the regular in it', () => {
  const table = new PrincipalTable({ rowsMax: 4096, seed: 7 })
  const regular = at('198.51.100.7')
  let state = 1
  for (let i = 0; i < 1_000_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    // A fresh address object without the cost of text: only the word differs.
    table.place({ kind: 'ip4', a: state, b: 0 } as Address)
    if (i % 1000 === 0) table.place(regular)
  }
  check(table)
  assert.equal(table.name(table.find(regular)), '198.51.100.7')
})

test('places are named as networks', () => {
  const { a, b } = at('2001:db8:ffff:ffff::1')
  assert.equal(formatPlace(V6_IP, a, b), '2001:db8:ffff:ffff::/64')
  assert.equal(formatPlace(V6_32, a, 0), '2001:db8::/32')
  assert.deepEqual(
    [V4_16, V4_24, V6_48, V6_56].map(level => PARENT_LEVEL[level]),
    [NODE, V4_16, V6_32, V6_48],
  )
  assert.equal(PARENT_LEVEL[NETWORK], NODE)
})

test('local is exempt where the policy says so, relayed never', () => {
  const exempt = { loopback: 'exempt', private: 'public' } as const
  assert.equal(isExempt(at('127.0.0.1'), exempt), true)
  assert.equal(isExempt(at('10.0.0.1'), exempt), false)
  assert.equal(isExempt(at('10.0.0.1'), { loopback: 'public', private: 'exempt' }), true)
  assert.equal(isExempt(at('127.0.0.1'), { loopback: 'public', private: 'exempt' }), false)
  assert.equal(isExempt(at('203.0.113.7'), { loopback: 'exempt', private: 'exempt' }), false)
  assert.equal(isExempt(at('/ip4/127.0.0.1/tcp/1/p2p-circuit'), exempt), false)
})

test('a hint is taken where it stands for the address, and nowhere else', () => {
  const table = new PrincipalTable({ rowsMax: 100 })
  const [one, other, six] = ['203.0.113.7', '203.0.113.8', '2001:db8::1'].map(at)
  assert.ok(one !== undefined && other !== undefined && six !== undefined)
  const row = table.place(one)
  assert.equal(table.place(one, row), row)
  assert.equal(table.uses(row), 2, 'a use is counted either way')
  assert.notEqual(table.place(other, row), row)
  const sixRow = table.place(six, row)
  assert.equal(table.name(sixRow), '2001:db8::/64')
  assert.equal(table.place(six, sixRow), sixRow)
  while (table.size > 1) table.collect(0)
  assert.ok(table.isLive(table.place(one, row)))
})

test('one sweep lets go of parents after their children, step by step', () => {
  const table = new PrincipalTable({ rowsMax: 20_000 })
  for (let i = 0; i < 4_096; i++) table.place(at(`203.${i >> 8}.${i & 255}.1`))
  assert.equal(table.size, 1 + 16 + 2 * 4_096)
  let calls = 0
  do {
    table.collect(0)
    calls++
  } while (table.isSweeping)
  assert.equal(table.size, 1)
  assert.equal(calls, 5)
})
