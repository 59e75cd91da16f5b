/**
 * The rates room: all or none over every level, strangers apart, idle rows forgotten without loss, folding without forgiveness.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, parseAddress } from '../../src/address.ts'
import { RATE_KINDS_MAX } from '../../src/policy/fields.ts'
import { validatePolicy } from '../../src/policy/validate.ts'
import { PrincipalTable } from '../../src/principals/table.ts'
import { ConnectionRates } from '../../src/rates/connections.ts'
import { RateAccount } from '../../src/rates/kind.ts'
import { Rates } from '../../src/rates/rates.ts'

function at(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address
}

function room(rates: Parameters<Rates['setRates']>[0], rowsMax = 10_000): { table: PrincipalTable; rates: Rates } {
  const table = new PrincipalTable({ rowsMax })
  return { table, rates: new Rates(table, rates, 0) }
}

function account(table: PrincipalTable, address: string, peer?: string): RateAccount {
  const place = table.place(at(address))
  const made = new RateAccount(place, true)
  if (peer !== undefined) made.peer = table.peer(peer, place)
  return made
}

test('every level is asked, the one that refuses longest is named, and nothing is spent on a refusal', () => {
  const { table, rates } = room({
    ping: {
      connection: { perSecond: 1, burst: 10 },
      peer: { perSecond: 1, burst: 5 },
      ip: { perSecond: 1, burst: 4 },
      '/24': { perSecond: 0.1, burst: 6 },
    },
  })
  const ping = rates.kind('ping')!
  const one = account(table, '203.0.113.7', 'alice')
  for (let i = 0; i < 4; i++) {
    assert.equal(ping.waitMs(one, 1, 0), 0)
    ping.commit(one, 1, 0)
  }
  assert.equal(ping.waitMs(one, 1, 0), 1000)
  assert.equal(table.name(ping.hit.row), '203.0.113.7')
  assert.deepEqual([ping.hit.burst, ping.hit.spent], [4, 4])
  assert.equal(ping.waitMs(one, 1, 0), 1000, 'asking is free')
  const neighbour = account(table, '203.0.113.8', 'bob')
  ping.commit(neighbour, 2, 0)
  assert.equal(ping.waitMs(neighbour, 1, 0), 10_000)
  assert.equal(table.name(ping.hit.row), '203.0.113.0/24')
  assert.equal(ping.waitMs(one, 1, 0), 10_000, 'the longest wait counts')
  assert.equal(ping.waitMs(account(table, '203.0.114.7'), 1, 0), 0, 'a stranger is not concerned')
  assert.equal(ping.waitMs(neighbour, 7, 0), Number.POSITIVE_INFINITY)
})

test('a connection has cells of its own', () => {
  const { table, rates } = room({ ping: { connection: { perSecond: 1, burst: 1 } }, control: { connection: { perSecond: 1, burst: 2 } } })
  const one = account(table, '203.0.113.7')
  const two = account(table, '203.0.113.7')
  rates.kind('ping')!.commit(one, 1, 0)
  assert.equal(rates.kind('ping')!.waitMs(one, 1, 0), 1000)
  assert.equal(rates.kind('ping')!.hit.row, -1)
  assert.equal(rates.kind('ping')!.waitMs(two, 1, 0), 0)
  assert.equal(rates.kind('control')!.waitMs(one, 2, 0), 0)
})

test('a spend on an address alone leaves out the connection level', () => {
  const { table, rates } = room({ ping: { connection: { perSecond: 1, burst: 1 } } })
  const payer = new RateAccount(table.place(at('203.0.113.7')), false)
  assert.equal(rates.kind('ping')!.waitMs(payer, 5, 0), 0)
})

test('the node level counts everybody', () => {
  const { table, rates } = room({ ping: { node: { perSecond: 1, burst: 2 } } })
  const ping = rates.kind('ping')!
  ping.commit(account(table, '203.0.113.7'), 1, 0)
  ping.commit(account(table, '2001:db8::1'), 1, 0)
  assert.equal(ping.waitMs(account(table, '198.51.100.1'), 1, 0), 1000)
  assert.equal(table.name(ping.hit.row), 'node')
})

test('another address inside the same IPv6 /64 costs nothing', () => {
  const { table, rates } = room({ ping: { ip: { perSecond: 1, burst: 1 } } })
  const ping = rates.kind('ping')!
  ping.commit(account(table, '2001:db8:0:1::1'), 1, 0)
  assert.equal(ping.waitMs(account(table, '2001:db8:0:1:ffff::2'), 1, 0), 1000)
  assert.equal(ping.waitMs(account(table, '2001:db8:0:2::1'), 1, 0), 0)
})

test('observing never owes more than the burst', () => {
  const { table, rates } = room({ ping: { ip: { perSecond: 1, burst: 2 } } })
  const ping = rates.kind('ping')!
  const one = account(table, '203.0.113.7')
  for (let i = 0; i < 100; i++) ping.commit(one, 1, 0)
  assert.equal(ping.waitMs(one, 1, 0), 1000)
  assert.equal(ping.hit.spent, 2)
})

test('a rate that is lowered or lifted at run time counts at once', () => {
  const { table, rates } = room({ ping: { ip: { perSecond: 1, burst: 2 } } })
  const ping = rates.kind('ping')!
  const one = account(table, '203.0.113.7')
  ping.commit(one, 2, 0)
  rates.setRates({ ping: {}, mine: { ip: { perSecond: 1, burst: 1 } } })
  assert.equal(ping.waitMs(one, 100, 0), 0)
  assert.equal(rates.kind('mine')!.waitMs(one, 2, 0), Number.POSITIVE_INFINITY)
  rates.setRates({})
  assert.equal(rates.kind('mine')!.waitMs(one, 2, 0), 0)
})

test('kinds are bounded, and those no longer named make room', () => {
  const many = (prefix: string, count: number): Parameters<Rates['setRates']>[0] =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}-${i}`, { ip: { perSecond: 1, burst: 1 } }]))
  const { table, rates } = room(many('old', RATE_KINDS_MAX))
  const one = account(table, '203.0.113.7')
  rates.setRates({ ...many('old', RATE_KINDS_MAX - 2), ...many('new', 2) })
  assert.equal([...rates.kinds()].length, RATE_KINDS_MAX)
  assert.equal(rates.kind(`old-${RATE_KINDS_MAX - 1}`), undefined)
  for (const name of ['new-0', 'new-1', 'old-0']) assert.equal(rates.kind(name)!.waitMs(one, 2, 0), Number.POSITIVE_INFINITY, name)
  assert.throws(() => validatePolicy({ rates: many('mine', RATE_KINDS_MAX) }), /At most 64/)
})

test('idle rows go, rows that owe stay', () => {
  const { table, rates } = room({ ping: { ip: { perSecond: 1, burst: 10 } } })
  const ping = rates.kind('ping')!
  ping.commit(account(table, '203.0.113.7'), 10, 0)
  account(table, '198.51.100.1')
  for (let i = 0; i < 4; i++) table.collect(5_000)
  assert.equal(table.findPlace(3, at('198.51.100.1').a, 0), -1)
  assert.equal(table.size, 4, 'the node, /16, /24 and the IP that owes')
  for (let i = 0; i < 4; i++) table.collect(10_000)
  assert.equal(table.size, 1)
})

test('whoever gets himself folded by a flood is no better off when he comes back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 30, maxLength: 200 }), flood => {
      const { table, rates } = room({ ping: { ip: { perSecond: 0.01, burst: 4 } } }, 24)
      const ping = rates.kind('ping')!
      ping.commit(account(table, '203.0.113.7'), 4, 0)
      for (const octet of flood) account(table, `203.0.113.${octet}`)
      const back = account(table, '203.0.113.7')
      assert.ok(ping.waitMs(back, 1, 0) > 0)
    }),
    { numRuns: 200 },
  )
})

const POLICY = validatePolicy({
  prefixes: {
    networks: [
      { network: '203.0.113.7/32', connections: 60 },
      { network: '198.51.100.0/24', per: 'ip', rate: { perSecond: 1, burst: 2 } },
      { network: '192.0.2.0/24', rate: 'unlimited' },
    ],
  },
})

function admitted(rates: ConnectionRates, address: string, count: number, nowMs = 0): number {
  let passed = 0
  for (let i = 0; i < count; i++) {
    const payer = new RateAccount(rates.place(at(address)), false)
    if (rates.kind.waitMs(payer, 1, nowMs) > 0) continue
    rates.kind.commit(payer, 1, nowMs)
    passed++
  }
  return passed
}

function connectionRates(share?: number): ConnectionRates {
  return new ConnectionRates('connection', new PrincipalTable({ rowsMax: 10_000 }), POLICY.prefixes, share)
}

test('new connections: 16 at once from one address, then one in five seconds', () => {
  const rates = connectionRates()
  assert.equal(admitted(rates, '203.0.114.9', 100), 16)
  assert.equal(admitted(rates, '203.0.114.9', 100, 4_999), 0)
  assert.equal(admitted(rates, '203.0.114.9', 100, 5_000), 1)
  assert.equal(admitted(rates, '2001:db8::1', 100), 16)
  assert.equal(admitted(rates, '2001:db8::2', 100), 0, 'the same /64')
  assert.equal(admitted(rates, '2001:db8:0:1::2', 100), 0, 'the same /56')
  assert.equal(admitted(rates, '2001:db8:0:100::2', 100), 16, 'another /56')
})

test('an honest NAT of 60 peers gets in with one line of policy', () => {
  const rates = connectionRates()
  assert.equal(admitted(rates, '203.0.113.7', 60), 60)
  assert.equal(admitted(rates, '203.0.113.7', 100), 60, 'and all of them once more after a restart')
  assert.equal(admitted(rates, '203.0.113.8', 100), 16, 'the neighbour is a stranger')
})

test('a network may give its rate to each IP inside it, or lift it', () => {
  const rates = connectionRates()
  assert.equal(admitted(rates, '198.51.100.1', 10), 2)
  assert.equal(admitted(rates, '198.51.100.2', 10), 2)
  assert.equal(admitted(rates, '192.0.2.1', 1000), 1000)
})

test('local addresses are exempt, relayed and other ones share one account each', () => {
  const rates = connectionRates()
  for (const local of ['127.0.0.1', '10.1.2.3', 'fe80::1', '::1']) assert.equal(admitted(rates, local, 1000), 1000)
  assert.equal(admitted(rates, '/ip4/127.0.0.1/tcp/1/p2p/QmRelay/p2p-circuit', 1000), 128)
  assert.equal(admitted(rates, '/memory/1', 1000), 128)
  assert.equal(admitted(rates, '/onion3/abc:1', 1000), 128, 'another kind has its own')
})

test('half the burst before an address must prove itself', () => {
  const rates = connectionRates(0.5)
  assert.equal(admitted(rates, '203.0.114.9', 100), 8)
  assert.equal(admitted(rates, '203.0.113.7', 100), 60)
})

test('a new policy counts at once and forgets nothing', () => {
  const rates = connectionRates()
  admitted(rates, '203.0.114.9', 16)
  rates.setPolicy(validatePolicy({ prefixes: { ipv4: { ip: { rate: 'unlimited' } } } }).prefixes)
  assert.equal(admitted(rates, '203.0.114.9', 50), 50)
  rates.setPolicy(POLICY.prefixes)
  assert.equal(admitted(rates, '203.0.114.9', 50), 0)
})
