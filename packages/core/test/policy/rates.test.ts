/**
 * The default rates tell heavy honest use from the floods they are meant for. Numbers of the floods: measured against js-libp2p 3.3, per connection and second.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Address, parseAddress } from '../../src/address.ts'
import { validatePolicy } from '../../src/policy/validate.ts'
import { PrincipalTable } from '../../src/principals/table.ts'
import { RateAccount } from '../../src/rates/kind.ts'
import { Rates } from '../../src/rates/rates.ts'

function at(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address
}

/** Connections of one IP, each of a peer of its own, spending evenly. Returns the millisecond of the first refusal, or -1. */
function firstRefusalMs(kind: string, perSecond: number, seconds: number, connections = 1): number {
  const table = new PrincipalTable({ rowsMax: 10_000 })
  const rate = new Rates(table, validatePolicy({}).rates, 0).kind(kind)
  assert.ok(rate !== undefined)
  const accounts = Array.from({ length: connections }, (_, i) => {
    const place = table.place(at('203.0.113.7'))
    const account = new RateAccount(place, true)
    account.peer = table.peer(`peer-${i}`, place)
    return account
  })
  for (let ms = 0, owed = 0; ms < seconds * 1000; ms++) {
    for (owed += perSecond / 1000; owed >= 1; owed--) {
      for (const account of accounts) {
        if (rate.waitMs(account, 1, ms) > 0) return ms
        rate.commit(account, 1, ms)
      }
    }
  }
  return -1
}

/** What an honest bulk client does at 10,000 request/response streams a second, and what others do at their busiest. */
const HONEST: readonly (readonly [string, number, number, string])[] = [
  ['stream-open', 10_000, 1, 'one stream a request'],
  ['multistream', 20_000, 1, 'header and protocol id of each'],
  ['window-update', 50_000, 1, 'five a stream'],
  ['stream-reset', 20, 1, 'a query that cancels what it no longer needs, every second'],
  ['ping', 20, 1, 'a measuring tool'],
  ['stream-open', 2_500, 16, 'sixteen busy peers behind one IP'],
]

for (const [kind, perSecond, connections, what] of HONEST) {
  test(`honest: ${kind} at ${perSecond}/s on ${connections} connections passes for ten seconds (${what})`, () => {
    assert.equal(firstRefusalMs(kind, perSecond, 10, connections), -1)
  })
}

/** kind, per second, cut within ms */
const FLOODS: readonly (readonly [string, number, number, string])[] = [
  ['stream-reset', 35_000, 15, 'open and reset'],
  ['stream-reset', 3_500, 150, 'open, negotiate and reset'],
  ['ping', 100_000, 5, 'muxer pings'],
  ['ping', 8_500, 30, 'pings of the ping protocol'],
  ['multistream', 130_000, 500, '`ls` over and over, were it on many streams'],
  ['identify', 800, 15, 'identify over and over'],
  ['stream-open', 35_000, 1500, 'opening without resetting'],
]

for (const [kind, perSecond, withinMs, what] of FLOODS) {
  test(`flood: ${kind} at ${perSecond}/s is cut within ${withinMs} ms (${what})`, () => {
    const cutMs = firstRefusalMs(kind, perSecond, 10)
    assert.ok(cutMs >= 0 && cutMs <= withinMs, `${cutMs} ms`)
  })
}

test('sixty peers behind one IP may all shake hands, identify, be stored and push at once, twice', () => {
  const table = new PrincipalTable({ rowsMax: 10_000 })
  const rates = new Rates(table, validatePolicy({}).rates, 0)
  for (let i = 0; i < 120; i++) {
    const place = table.place(at('203.0.113.7'))
    const account = new RateAccount(place, true)
    account.peer = table.peer(`peer-${i % 60}`, place)
    for (const [kind, cost] of [
      ['handshake', 1],
      ['identify', 1],
      ['peer-store-write', 3],
      ['identify-push', 1],
    ] as const) {
      const rate = rates.kind(kind)!
      assert.equal(rate.waitMs(account, cost, 0), 0, `${kind} of peer ${i}`)
      rate.commit(account, cost, 0)
    }
  }
})

/** Connections of one peer, opened evenly, each spending `cost` when it opens. Returns the kind's first refusal in milliseconds, or -1. @param address '' for one that no prefix limit concerns */
function firstChurnRefusalMs(kind: string, cost: number, perSecond: number, seconds: number, address: string): number {
  const table = new PrincipalTable({ rowsMax: 10_000 })
  const rate = new Rates(table, validatePolicy({}).rates, 0).kind(kind)!
  for (let count = 0; count < perSecond * seconds; count++) {
    const ms = Math.floor((count * 1000) / perSecond)
    const place = address === '' ? 0 : table.place(at(address))
    const account = new RateAccount(place, true)
    account.peer = table.peer('churner', place)
    if (rate.waitMs(account, cost, ms) > 0) return ms
    rate.commit(account, cost, ms)
  }
  return -1
}

test('a peer that reconnects as fast as connections may open is not refused for what each of them does once', () => {
  for (const [kind, cost] of [
    ['ping', 3],
    ['control', 1],
  ] as const) {
    assert.equal(firstChurnRefusalMs(kind, cost, 500, 10, ''), -1, `${kind}, where only the machine limits connections`)
    assert.equal(firstChurnRefusalMs(kind, cost, 16, 60, '203.0.113.7'), -1, `${kind}, at the rate of handshakes of an IP`)
  }
})

test('a peer that floods pings over many short connections is refused within half a second', () => {
  const refusedMs = firstChurnRefusalMs('ping', 150, 100, 10, '')
  assert.ok(refusedMs > 0 && refusedMs <= 500, `${refusedMs} ms`)
})
