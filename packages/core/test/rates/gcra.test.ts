/**
 * The rate algorithm against what a rate means: never more than burst plus rate times time in any interval, and a wait that is exact.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commit, compileRate, quantize, spent, waitMs } from '../../src/rates/gcra.ts'

test('a burst is exactly that many at once, however large and however late in the day', () => {
  for (const [perSecond, burst] of [
    [0.2, 16],
    [50, 500],
    [20_000, 20_000],
    [60_000, 60_000],
    [1e6, 1e6],
    [1 / 120, 30],
    [0, 5],
  ] as const) {
    const gcra = compileRate({ perSecond, burst })
    for (const startMs of [0, 0.3, 86_400_000, 3e10]) {
      const nowMs = quantize(startMs)
      let tat = 0
      let passed = 0
      while (waitMs(gcra, tat, nowMs, 1) <= 0) {
        tat = commit(gcra, tat, nowMs, 1)
        passed++
        assert.ok(passed <= burst)
      }
      assert.equal(passed, burst, `${perSecond}/s at ${startMs}`)
      assert.equal(spent(gcra, tat, nowMs), burst)
    }
  }
})

test('more than the burst at once is never', () => {
  const gcra = compileRate({ perSecond: 10, burst: 5 })
  assert.equal(waitMs(gcra, 0, 0, 6), Number.POSITIVE_INFINITY)
  assert.ok(waitMs(gcra, 0, 0, 5) <= 0)
})

test('a rate of 0 per second never comes back', () => {
  const gcra = compileRate({ perSecond: 0, burst: 1 })
  const tat = commit(gcra, 0, 0, 1)
  assert.equal(waitMs(gcra, tat, quantize(1e12), 1), Number.POSITIVE_INFINITY)
})

test('a burst of 0 is never', () => {
  assert.equal(waitMs(compileRate({ perSecond: 10, burst: 0 }), 0, 0, 1), Number.POSITIVE_INFINITY)
})

const rate = fc.record({ perSecond: fc.double({ min: 0.01, max: 5_000, noNaN: true }), burst: fc.integer({ min: 1, max: 200 }) })
const arrivals = fc.array(fc.record({ afterMs: fc.double({ min: 0, max: 500, noNaN: true }), cost: fc.integer({ min: 1, max: 8 }) }), {
  minLength: 1,
  maxLength: 200,
})

test('no interval holds more than burst plus rate times its length', () => {
  fc.assert(
    fc.property(rate, arrivals, (limit, events) => {
      const gcra = compileRate(limit)
      const admitted: { at: number; cost: number }[] = []
      let nowMs = 0
      let tat = 0
      for (const { afterMs, cost } of events) {
        nowMs = quantize(nowMs + afterMs)
        if (waitMs(gcra, tat, nowMs, cost) > 0) continue
        tat = commit(gcra, tat, nowMs, cost)
        admitted.push({ at: nowMs, cost })
      }
      for (let from = 0; from < admitted.length; from++) {
        let sum = 0
        for (let to = from; to < admitted.length; to++) {
          sum += admitted[to]!.cost
          assert.ok(sum <= limit.burst + (admitted[to]!.at - admitted[from]!.at) / gcra.intervalMs, `${sum} events`)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('the wait is exact: a unit earlier is refused, then it passes', () => {
  fc.assert(
    fc.property(rate, arrivals, (limit, events) => {
      const gcra = compileRate(limit)
      let nowMs = 0
      let tat = 0
      for (const { afterMs, cost } of events) {
        nowMs = quantize(nowMs + afterMs)
        const wait = waitMs(gcra, tat, nowMs, cost)
        if (cost > limit.burst) assert.equal(wait, Number.POSITIVE_INFINITY)
        else if (wait > 0) {
          assert.ok(waitMs(gcra, tat, nowMs + wait, cost) <= 0)
          assert.ok(waitMs(gcra, tat, nowMs + wait - 2 ** -16, cost) > 0)
        } else tat = commit(gcra, tat, nowMs, cost)
      }
    }),
    { numRuns: 300 },
  )
})
