/** Cooldown: who gets one and who never does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cooldowns, type Reconnections } from '@sluice/core'
import fc from 'fast-check'
import { holds } from '../helpers.ts'
import { place } from './rig.ts'

const HOUR = 3_600_000

function rig(init = {}): {
  cooldowns: Cooldowns
  told: Reconnections[]
  visit: (peer: number, isFinished: boolean, nowMs: number, ip?: number) => void
} {
  const told: Reconnections[] = []
  const cooldowns = new Cooldowns({ ...init, onReconnections: evidence => told.push(evidence) })
  const visit = (peer: number, isFinished: boolean, nowMs: number, ip = 1): void => {
    cooldowns.opened(place(1, ip, peer), nowMs)
    cooldowns.closed(place(1, ip, peer), isFinished, nowMs + 1)
  }
  return { cooldowns, told, visit }
}

test('more than three new identities an hour, each abandoning a session: an hour of cooldown', () => {
  const { cooldowns, told, visit } = rig()
  for (let peer = 0; peer < 3; peer++) visit(peer, false, peer * 1000)
  assert.equal(cooldowns.leftMs(place(1, 1, 9), 3000), 0)
  visit(3, false, 3000)
  assert.deepEqual(told, [{ ip: '10.0.1.1', atMs: 3001, identities: 4, places: 1, untilMs: 3001 + HOUR }])
  assert.equal(cooldowns.leftMs(place(1, 1, 9), 3001), HOUR)
  assert.equal(cooldowns.leftMs(place(1, 1, 9), 3001 + HOUR), 0)
})

test('the same identity coming back, finished sessions, and slow ones are no pattern', () => {
  const { told, visit } = rig()
  for (let n = 0; n < 50; n++) visit(1, false, n * 1000)
  for (let n = 0; n < 50; n++) visit(n, true, n * 1000, 2)
  for (let n = 0; n < 50; n++) visit(n, false, n * (HOUR / 3), 3)
  assert.deepEqual(told, [])
})

test('ten households behind one NAT are ten places: losing the uplink together, twice, is no pattern', () => {
  const { cooldowns, told } = rig()
  for (let round = 0; round < 3; round++) {
    for (let home = 0; home < 10; home++) cooldowns.opened(place(1, 1, round * 10 + home), round * 60_000)
    for (let home = 0; home < 10; home++) cooldowns.closed(place(1, 1, round * 10 + home), false, round * 60_000 + 30_000)
  }
  assert.deepEqual(told, [])
  cooldowns.opened(place(1, 1, 99), HOUR / 2)
  cooldowns.closed(place(1, 1, 99), false, HOUR / 2)
  assert.equal(told.length, 1, 'the 31st identity on ten places is')
})

test('a principal without history is never in cooldown, whatever its prefix did', t => {
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(50), fc.boolean()), { maxLength: 100 }), visits => {
      const { cooldowns, visit } = rig()
      for (const [ip, peer, isFinished] of visits) visit(peer, isFinished, 0, ip)
      assert.equal(cooldowns.leftMs(place(1, 200, 77), 1), 0)
    }),
  )
})

test('an offence starts one for the principal alone; it can be lifted', () => {
  const { cooldowns } = rig({ cooldownMs: 1000 })
  assert.equal(cooldowns.start(`peer:${place(1, 1, 1).peer}`, 0), 1000)
  assert.equal(cooldowns.leftMs(place(1, 1, 1), 400), 600)
  assert.equal(cooldowns.leftMs(place(1, 1, 2), 400), 0)
  assert.equal(cooldowns.lift(`peer:${place(1, 1, 1).peer}`), true)
  assert.equal(cooldowns.leftMs(place(1, 1, 1), 400), 0)
})

test('both tables are bounded; who abandoned most is forgotten last', () => {
  const { cooldowns, visit, told } = rig({ principalsMax: 100 })
  for (let peer = 0; peer < 3; peer++) visit(peer, false, 0)
  for (let n = 0; n < 5000; n++) cooldowns.opened(place(n + 2, 0, 0), 1)
  for (let n = 0; n < 5000; n++) cooldowns.start(`ip:${n}`, n)
  assert.equal(cooldowns.size, 100)
  assert.equal(cooldowns.cooling, 100)
  visit(3, false, 10)
  assert.equal(told.length, 1)
})

test('refuses numbers that mean nothing', () => {
  for (const init of [{ reconnectionsMax: 0 }, { principalsMax: 0.5 }, { cooldownMs: -1 }])
    assert.throws(() => new Cooldowns(init), { code: 'ERR_SLUICE_MISUSE' })
})
