/** Quantiles and the loop delay of a row, on numbers worked out by hand. */

import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import { seededRandom } from '../../src/harness/random.ts'
import { loopDelayP99Ms, quantile, rounded } from '../../src/harness/stats.ts'

test('a quantile is a measured value, nearest rank', () => {
  assert.equal(quantile([], 0.5), null)
  assert.equal(quantile([7], 0.99), 7)
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2)
  assert.equal(quantile([4, 1, 3, 2], 0.51), 3)
  assert.equal(quantile([4, 1, 3, 2], 0), 1)
  assert.equal(quantile([4, 1, 3, 2], 1), 4)
  assert.throws(() => quantile([1], 1.5), RangeError)
})

test('a quantile does not reorder its input', () => {
  const values = [3, 1, 2]
  quantile(values, 0.5)
  assert.deepEqual(values, [3, 1, 2])
})

test('an idle loop has no delay', () => {
  assert.equal(Math.round(loopDelayP99Ms({ count: 1000, percentiles: new Map([[100, 10e6]]) }, 10)), 0)
  assert.equal(loopDelayP99Ms({ count: 0, percentiles: new Map() }, 10), 0)
})

test('a single long stall is not hidden by its being one sample', () => {
  // 999 ticks of 10 ms and one of 1,010 ms: 11 s in all. Arrivals wait more than x for 1,000 - x ms of them; one in a hundred waits more than 890 ms.
  const percentiles = new Map([
    [99.9, 10e6],
    [100, 1_010e6],
  ])
  assert.equal(Math.round(loopDelayP99Ms({ count: 1000, percentiles }, 10)), 890)
})

test('stalls that together last less than a hundredth of the time have no p99', () => {
  const percentiles = new Map([
    [99.9, 10e6],
    [100, 60e6],
  ])
  assert.ok(loopDelayP99Ms({ count: 1000, percentiles }, 10) < 0.001)
})

test('a blocked loop shows in a real histogram', async () => {
  const histogram = monitorEventLoopDelay({ resolution: 10 })
  histogram.enable()
  await new Promise(resolve => setTimeout(resolve, 30))
  const until = performance.now() + 200
  while (performance.now() < until);
  await new Promise(resolve => setTimeout(resolve, 30))
  histogram.disable()
  const delayMs = loopDelayP99Ms(histogram, 10)
  assert.ok(delayMs > 100, `${delayMs} ms`)
})

test('rounding keeps null', () => {
  assert.equal(rounded(null), null)
  assert.equal(rounded(1.2345, 2), 1.23)
})

test('the seed decides', () => {
  const [first, second, other] = [seededRandom(7), seededRandom(7), seededRandom(8)]
  const draws = (random: () => number): number[] => Array.from({ length: 5 }, random)
  const drawn = draws(first)
  assert.deepEqual(drawn, draws(second))
  assert.notDeepEqual(drawn, draws(other))
  assert.ok(drawn.every(value => value >= 0 && value < 1))
})
