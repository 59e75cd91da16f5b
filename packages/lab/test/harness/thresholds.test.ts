/** Thresholds at their edges, and what a figure nobody measured does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitCodeOf } from '../../src/commands/run.ts'
import type { AttackFigures, CalmFigures, Row } from '../../src/harness/row.ts'
import { missed, PROTECTED } from '../../src/harness/thresholds.ts'

const calm: CalmFigures = {
  seconds: 30,
  rssPeakBytes: 150 * 2 ** 20,
  loopDelayP99Ms: 5,
  pingP50Ms: 4,
  pingP99Ms: 20,
  goodputBytesPerSecond: 25e6,
  dialSuccessRatio: 1,
}
const atTheEdge: AttackFigures = {
  rssPeakBytes: 246 * 2 ** 20,
  rssGrowthBytes: 96 * 2 ** 20,
  loopDelayP99Ms: 100,
  pingP50Ms: 12,
  pingP99Ms: 5_000,
  goodputRatio: 0.7,
  dialSuccessRatio: 0.95,
  attackerCutAfterMs: null,
}

test('figures at their limits hold', () => {
  assert.deepEqual(missed(PROTECTED, calm, atTheEdge), [])
})

const beyond: Partial<AttackFigures>[] = [
  { rssGrowthBytes: 96 * 2 ** 20 + 1 },
  { loopDelayP99Ms: 100.1 },
  { pingP50Ms: 12.1 },
  { pingP50Ms: null },
  { goodputRatio: 0.699 },
  { goodputRatio: null },
  { dialSuccessRatio: 0.949 },
  { dialSuccessRatio: null },
]
for (const change of beyond) {
  test(`missed: ${JSON.stringify(change)}`, () => {
    assert.deepEqual(missed(PROTECTED, calm, { ...atTheEdge, ...change }), Object.keys(change))
  })
}

test('a calm phase without pings proves nothing about pings', () => {
  assert.deepEqual(missed(PROTECTED, { ...calm, pingP50Ms: null }, atTheEdge), ['pingP50Ms'])
})

test('only a protected row that fails changes the exit code', () => {
  const row = (target: 'plain' | 'protected', pass: boolean): Row => ({
    scenario: 's',
    layout: 'one',
    target,
    calm,
    attack: atTheEdge,
    pass,
    failed: [],
  })
  assert.equal(exitCodeOf([row('plain', false), row('protected', true)]), 0)
  assert.equal(exitCodeOf([row('plain', true), row('protected', false)]), 99)
})
