/** The gateway's parts without a socket: places, demands, what is recent, what is held. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HELD_REQUESTS_MAX, HeldBytes, HeldRequests } from '../../src/gateway/held-requests.ts'
import { type Place, Places } from '../../src/gateway/places.ts'
import { RECENT_BLOCKS_MAX, RecentBlocks } from '../../src/gateway/recent-blocks.ts'
import { RelayedOnce } from '../../src/gateway/relayed-once.ts'
import { type Demand, demandOf, type Piece, REQUESTS } from '../../src/gateway/reply-bytes.ts'
import * as wire from '../../src/index.ts'

const NONE = Buffer.alloc(32)
const OLD = Buffer.alloc(32, 1)
const TIP = Buffer.alloc(32, 2)
const chain = { isRecent: (hash: Buffer) => hash.equals(TIP), blockBytesMean: 1000 }

function demand(command: string, payload: Buffer, relayed = new RelayedOnce()): Demand {
  const decoded = demandOf(command, payload, chain, relayed)
  assert.ok(decoded.ok)
  return decoded.value
}

function pieces(wanted: Demand): Piece[] {
  const found: Piece[] = []
  for (let piece = wanted.bulk?.next(); piece !== undefined; piece = wanted.bulk?.next()) found.push(piece)
  return found
}

describe('places', () => {
  it('are the lowest free ones of each IP, whatever comes and goes', () => {
    const step = fc.record({ ip: fc.constantFrom('192.0.2.1', '192.0.2.2'), leave: fc.boolean(), which: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const places = new Places(5)
        const open = new Map<string, Place[]>([
          ['192.0.2.1', []],
          ['192.0.2.2', []],
        ])
        for (const { ip, leave, which } of steps) {
          const mine = open.get(ip)!
          if (leave && mine.length > 0) {
            const [gone] = mine.splice(which % mine.length, 1)
            gone!.release()
            gone!.release()
            continue
          }
          const numbers = new Set(mine.map(place => place.number))
          const lowest = [0, 1, 2, 3, 4].find(number => !numbers.has(number))
          const place = places.take(ip)
          assert.equal(place?.number, lowest)
          if (place !== undefined) mine.push(place)
        }
        assert.equal(places.open, [...open.values()].flat().length)
      }),
    )
    assert.throws(() => new Places(0), RangeError)
  })
})

describe('demands', () => {
  const data = (...items: readonly (readonly [number, Buffer])[]): Buffer =>
    wire.encodeInventory(items.map(([type, hash]) => ({ type, hash })))

  it('hold every form of asking for an old block, one block per piece', () => {
    const types = [2, 3, 4].flatMap(type => [type, type | wire.MSG_WITNESS_FLAG])
    for (const type of types) {
      const wanted = demand('getdata', data([type, OLD], [type, OLD]))
      assert.equal(wanted.relay, undefined)
      const held = pieces(wanted)
      assert.deepEqual(
        held.map(piece => piece.payload),
        [data([type, OLD]), data([type, OLD])],
      )
      assert.equal(held[0]!.bytesExpected, 1024)
    }
  })

  it('pass transactions and tip blocks on, and split a mixed request', () => {
    const relay = data([1, OLD], [5, NONE], [2, TIP])
    const wanted = demand('getdata', relay)
    assert.deepEqual(wanted.relay, relay)
    assert.equal(wanted.bulk, undefined)
    const mixed = demand('getdata', data([1, NONE], [2, OLD]))
    assert.deepEqual(mixed.relay, data([1, NONE]))
    assert.equal(pieces(mixed).length, 1)
  })

  it('relay each thing once: repeats wait', () => {
    const many = demand('getdata', data(...Array.from({ length: 10_000 }, () => [2, TIP] as const)))
    assert.deepEqual(many.relay, data([2, TIP]))
    assert.equal(pieces(many).length, 9999)
    const transactions = demand('getdata', data(...Array.from({ length: 10_000 }, () => [1, OLD] as const)))
    assert.deepEqual(transactions.relay, data([1, OLD]))
    const relayed = new RelayedOnce()
    assert.equal(demand('getdata', data([2, TIP]), relayed).bulk, undefined)
    assert.equal(demand('getdata', data([4, TIP]), relayed).relay, undefined)
    const distinct = Array.from({ length: 1500 }, (_, i) => [1, wire.hash256(wire.u32(i))] as const)
    assert.equal(pieces(demand('getdata', data(...distinct))).length, 500)
  })

  it('hold headers and inventories from afar, not near the tip', () => {
    const locator = (hash: Buffer | undefined): Buffer => wire.encodeLocator({ protocol: 1, hashes: hash ? [hash] : [], stop: NONE })
    for (const [command, bytes] of [
      ['getheaders', 24 + 3 + 162_000],
      ['getblocks', 24 + 3 + 18_000],
    ] as const) {
      assert.equal(pieces(demand(command, locator(OLD)))[0]!.bytesExpected, bytes)
      assert.deepEqual(demand(command, locator(TIP)).relay, locator(TIP))
    }
    assert.equal(pieces(demand('getheaders', locator(undefined)))[0]!.bytesExpected, 24 + 3 + 81)
  })

  it('hold the other ways to bulk, with what they may cost', () => {
    const range = wire.encodeFilterRange({ filterType: 0, startHeight: 0, stop: OLD })
    assert.ok(pieces(demand('getcfilters', range))[0]!.bytesExpected > 10_000_000)
    assert.equal(pieces(demand('getcfheaders', range))[0]!.bytesExpected, 24 + 68 + 64_000)
    assert.equal(pieces(demand('getcfcheckpt', Buffer.alloc(33))).length, 1)
    assert.equal(pieces(demand('mempool', Buffer.alloc(0)))[0]!.bytesExpected, 24 + 3 + 1_800_000)
    assert.equal(pieces(demand('getblocktxn', wire.encodeBlockTransactionsRequest({ hash: OLD, indexes: [1] }))).length, 1)
    assert.equal(demand('getblocktxn', wire.encodeBlockTransactionsRequest({ hash: TIP, indexes: [1] })).bulk, undefined)
  })

  it('never throw on noise', () => {
    fc.assert(
      fc.property(fc.constantFrom(...REQUESTS), fc.uint8Array({ maxLength: 300 }), (command, noise) => {
        const decoded = demandOf(command, Buffer.from(noise), chain, new RelayedOnce())
        if (decoded.ok) assert.ok(decoded.value.relay !== undefined || decoded.value.bulk !== undefined)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what is recent', () => {
  const header = (seconds: number, nonce = 0): Buffer =>
    wire.encodeBlockHeader({ version: 1, previous: NONE, merkleRoot: NONE, time: seconds, bits: 0, nonce })
  it('is told by the time in the header, and ends', () => {
    let now = 1_000_000_000
    const recent = new RecentBlocks(60_000, () => now)
    recent.learn(header(now / 1000 - 61))
    recent.learn(header(now / 1000).subarray(0, 79))
    assert.equal(recent.size, 0)
    recent.learn(header(now / 1000))
    const hash = wire.blockHash(header(now / 1000))
    assert.equal(recent.isRecent(hash), true)
    now += 60_001
    assert.equal(recent.isRecent(hash), false)
  })
  it('is bounded', () => {
    const recent = new RecentBlocks(60_000, () => 0)
    for (let nonce = 0; nonce <= RECENT_BLOCKS_MAX; nonce++) recent.learn(header(1, nonce))
    assert.equal(recent.size, RECENT_BLOCKS_MAX)
    assert.equal(recent.isRecent(wire.blockHash(header(1, 0))), false)
    assert.equal(recent.isRecent(wire.blockHash(header(1, 1))), true)
  })
  it('the mean follows the blocks seen', () => {
    const recent = new RecentBlocks(1, () => 0)
    for (let i = 0; i < 200; i++) recent.sawBlock(5000)
    assert.ok(Math.abs(recent.blockBytesMean - 5000) < 10)
  })
})

describe('what is held', () => {
  const request = (count: number): Buffer => wire.encodeInventory(Array.from({ length: count }, () => ({ type: 2, hash: OLD })))
  it('is bounded per client and over all, and comes out in order', () => {
    const account = new HeldBytes(5000)
    const held = new HeldRequests(account)
    assert.equal(held.add(demand('getdata', request(100)).bulk!), true)
    assert.equal(account.used, 3600)
    assert.equal(held.add(demand('getdata', request(100)).bulk!), false)
    assert.equal(account.used, 3600)
    for (let i = 0; i < 100; i++) assert.equal(held.next()?.command, 'getdata')
    assert.equal(held.next(), undefined)
    assert.equal(account.used, 0)
    for (let i = 0; i < HELD_REQUESTS_MAX; i++) {
      assert.equal(held.isFull, false)
      held.add(demand('getdata', request(1)).bulk!)
    }
    assert.equal(held.isFull, true)
    held.clear()
    assert.equal(account.used, 0)
    assert.equal(held.isFull, false)
  })
})
