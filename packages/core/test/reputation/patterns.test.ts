/** Attacks by name: what is told, with which evidence, and what is not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PatternEvent, Patterns } from '@sluice/core'
import { place } from '../serving/rig.ts'

const HOUR = 3_600_000

function rig(): { patterns: Patterns; told: PatternEvent[]; names: () => string[] } {
  const told: PatternEvent[] = []
  return {
    patterns: new Patterns({ onPattern: event => told.push(event) }),
    told,
    names: () => told.map(({ name, subject }) => `${name} ${subject}`),
  }
}

test('ten households behind one NAT have no name, fifty ports of one IP have', () => {
  const { patterns, told, names } = rig()
  for (let peer = 0; peer < 10; peer++) patterns.opened(place(1, 1, peer), 0)
  assert.deepEqual(names(), [])
  for (let peer = 0; peer < 50; peer++) patterns.opened(place(2, 1, peer), 0)
  assert.deepEqual(names(), ['single-ip 10.0.2.1'])
  assert.deepEqual(told[0]?.evidence, { wanting: 17, ipWantingMax: 16 })
})

test('many IPs of one prefix are a subnet', () => {
  const { patterns, names } = rig()
  for (let ip = 0; ip < 40; ip++) patterns.opened(place(1, ip), 0)
  assert.deepEqual(names(), ['subnet 10.0.1.0/24'])
})

test('distributed: many prefixes, while people are refused', () => {
  const { patterns, told, names } = rig()
  for (let prefix = 0; prefix < 40; prefix++) patterns.opened(place(prefix), 0)
  for (let n = 0; n < 10; n++) patterns.refused(place(n, 1), n)
  for (let n = 0; n < 10; n++) patterns.refused(place(n, 1), 60_000 + n)
  assert.deepEqual(names(), [], 'ten a minute are no pressure')
  patterns.refused(place(0, 1), 60_010)
  assert.deepEqual(names(), ['distributed node'])
  assert.deepEqual(told[0]?.evidence, { prefixes: 40, prefixesMax: 24, refused: 11, refusedMax: 10 })
})

test('rapid reconnection comes from the cooldown', () => {
  const { patterns, names } = rig()
  patterns.reconnected({ ip: '10.0.1.1', atMs: 0, identities: 4, places: 1, untilMs: 1 })
  assert.deepEqual(names(), ['rapid-reconnection 10.0.1.1'])
})

test('told once, and again after an hour of quiet', () => {
  const { patterns, told } = rig()
  for (let n = 0; n < 100; n++) patterns.opened(place(1, 1, n), n * 60_000)
  assert.equal(told.length, 1)
  patterns.opened(place(1, 1, 100), 99 * 60_000 + HOUR)
  assert.equal(told.length, 2)
})

test('identities refused are demand for ten minutes, each once; the table of them is bounded', () => {
  const { patterns, names } = rig()
  for (let n = 0; n < 100; n++) patterns.refused(place(1, 1, n % 16), n)
  assert.deepEqual(names(), [], 'sixteen that come again')
  for (let n = 0; n < 16; n++) patterns.refused(place(1, 1, 16 + n), 600_200 + n)
  assert.deepEqual(names(), [], 'the first sixteen are ten minutes ago')
  patterns.refused(place(1, 1, 99), 600_300)
  assert.deepEqual(names(), ['single-ip 10.0.1.1'])
  for (let n = 0; n < 20_000; n++) patterns.refused(place(n, 1, n), 600_400)
  assert.ok(patterns.prefixes <= 4096)
})

test('what is closed is forgotten', () => {
  const { patterns, told } = rig()
  for (let n = 0; n < 1000; n++) {
    patterns.opened(place(n, 1, n), 0)
    patterns.closed(place(n, 1, n))
    patterns.closed(place(n, 1, n))
  }
  assert.equal(patterns.prefixes, 0)
  assert.deepEqual(told, [])
})
