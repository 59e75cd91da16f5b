/** Pings that fall due while one is waiting count with their own waiting time. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pings } from '../src/honest/pings.ts'

function pingsAt(startMs: number) {
  const clock = { ms: startMs }
  const pings = new Pings(
    async () => {},
    100,
    () => {},
    () => clock.ms,
  )
  return { clock, pings }
}

test('a ping answered at once is one sample', () => {
  const { clock, pings } = pingsAt(0)
  clock.ms = 3
  pings.settle()
  assert.deepEqual(pings.samplesMs(), [3])
})

test('a stall counts for every ping that was due in it', () => {
  const { clock, pings } = pingsAt(0)
  clock.ms = 350
  pings.settle()
  assert.deepEqual(pings.samplesMs(), [350, 250, 150, 50])
})

test('pings still waiting at the end count at their age', () => {
  const { clock, pings } = pingsAt(0)
  clock.ms = 1_000
  assert.equal(pings.samplesMs().length, 10)
  assert.equal(Math.max(...pings.samplesMs()), 1_000)
})

test('a mark forgets what was before it', () => {
  const { clock, pings } = pingsAt(0)
  clock.ms = 500
  pings.settle()
  pings.mark()
  assert.deepEqual(pings.samplesMs(), [])
  clock.ms = 502
  pings.settle()
  assert.deepEqual(pings.samplesMs(), [2])
})
