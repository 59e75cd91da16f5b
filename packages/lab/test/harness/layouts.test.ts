/** Where attackers and honest clients come from. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from '../../src/harness/guard.ts'
import { attackerAddress, HONEST_ADDRESS, newcomerAddress, SPREAD_PREFIXES } from '../../src/harness/layouts.ts'
import { seededRandom } from '../../src/harness/random.ts'

const prefixOf = (address: string): string => address.split('.').slice(0, 3).join('.')

test('one address, or 32 /24s, never anything but loopback', () => {
  const random = seededRandom(1)
  const spread = new Set<string>()
  const single = new Set<string>()
  for (let lane = 0; lane < 200; lane++) {
    for (let turn = 0; turn < 5; turn++) {
      const address = attackerAddress('spread', lane, turn, random)
      assert.ok(isLoopback(address), address)
      spread.add(prefixOf(address))
      single.add(attackerAddress('one', lane, turn, random))
    }
  }
  assert.equal(spread.size, SPREAD_PREFIXES)
  assert.equal(single.size, 1)
})

test('honest clients share no /24 with attackers or with each other', () => {
  const random = seededRandom(1)
  const attackers = new Set(Array.from({ length: 500 }, (_, lane) => prefixOf(attackerAddress('open', lane, 0, random))))
  const honest = [HONEST_ADDRESS, ...Array.from({ length: 12_800 }, (_, n) => newcomerAddress(n))]
  assert.equal(new Set(honest.map(prefixOf)).size, honest.length)
  assert.ok(honest.every(address => isLoopback(address) && !attackers.has(prefixOf(address))))
})
