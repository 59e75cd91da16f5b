/** The emergency throttle: what it is a percentage of, that it is never zero and does not eat its own measure. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Throttle } from '@sluice/core'

const MINUTE = 60_000

test('of the configured uplink', () => {
  const throttle = new Throttle({ uplinkBytesPerSecond: 1e6, percent: 30 })
  assert.equal(throttle.ratePerSecond, Number.POSITIVE_INFINITY)
  assert.equal(throttle.begin(0), 700_000)
  throttle.end()
  assert.equal(throttle.isOn, false)
})

test('of the best whole minute of the last day, where no uplink is configured', () => {
  const throttle = new Throttle()
  throttle.sent(10 * MINUTE + 1, 60e6)
  throttle.sent(12 * MINUTE, 30e6)
  assert.equal(throttle.bestMinuteBytesPerSecond(12 * MINUTE + 5), 1e6, 'the running minute is not whole')
  assert.equal(throttle.begin(13 * MINUTE), 500_000)
  throttle.end()
  assert.equal(throttle.bestMinuteBytesPerSecond(11 * MINUTE + 1440 * MINUTE), 500_000, 'a day later the second best')
  assert.equal(throttle.bestMinuteBytesPerSecond(3000 * MINUTE), 0)
})

test('an emergency of days keeps the rate it began with', () => {
  const throttle = new Throttle()
  throttle.sent(0, 60e6)
  assert.equal(throttle.begin(MINUTE), 500_000)
  for (let minute = 1; minute < 4 * 1440; minute++) throttle.sent(minute * MINUTE, 1000)
  assert.equal(throttle.begin(4 * 1440 * MINUTE), 500_000)
})

test('never zero', () => {
  assert.equal(new Throttle({ percent: 100, uplinkBytesPerSecond: 1e6 }).begin(0), 65_536)
  assert.equal(new Throttle().begin(0), 65_536, 'nothing measured')
})

test('waits exactly until what was sent is paid', () => {
  const throttle = new Throttle({ uplinkBytesPerSecond: 2e6 })
  throttle.begin(0)
  throttle.sent(0, 3e6)
  assert.equal(throttle.waitMs(0), 3000)
  assert.equal(throttle.waitMs(2999), 1)
  assert.equal(throttle.waitMs(3000), 0)
  throttle.sent(1e6, 1e6)
  assert.equal(throttle.waitMs(1e6), 1000, 'idle time is not saved up')
})

test('refuses numbers that mean nothing', () => {
  for (const init of [{ percent: 101 }, { percent: Number.NaN }, { uplinkBytesPerSecond: 0 }, { floorBytesPerSecond: 0 }])
    assert.throws(() => new Throttle(init), { code: 'ERR_SLUICE_MISUSE' })
})
