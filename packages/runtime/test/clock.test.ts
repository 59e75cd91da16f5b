import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_LEAD_MAX_MS, systemClock } from '@sluice/runtime'
import fc from 'fast-check'

test('the clock starts at the wall clock and moves with the monotonic one', () => {
  const sources = { wallMs: 1_700_000_000_000, monotonicMs: 5 }
  const clock = systemClock({ wall: () => sources.wallMs, monotonic: () => sources.monotonicMs })
  assert.equal(clock.now(), 1_700_000_000_000)
  sources.monotonicMs += 250
  assert.equal(clock.now(), 1_700_000_000_250)
})

test('a wall clock set back an hour neither stops nor reverses time', () => {
  const sources = { wallMs: 10_000_000, monotonicMs: 0 }
  const clock = systemClock({ wall: () => sources.wallMs, monotonic: () => sources.monotonicMs })
  sources.wallMs -= 3_600_000
  sources.monotonicMs += 100
  assert.equal(clock.now(), 10_000_100)
})

test('a wall clock that leapt ahead (resume from suspend) is followed', () => {
  const sources = { wallMs: 10_000_000, monotonicMs: 0 }
  const clock = systemClock({ wall: () => sources.wallMs, monotonic: () => sources.monotonicMs })
  sources.wallMs += 3_600_000
  assert.equal(clock.now(), 13_600_000)
  sources.wallMs += CLOCK_LEAD_MAX_MS
  assert.equal(clock.now(), 13_600_000, 'a lead within the tolerance is not')
})

test('whatever the wall clock does, time never runs backwards and keeps up with the monotonic clock', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -1e7, max: 1e7 }), fc.integer({ min: 0, max: 10_000 }))), steps => {
      const sources = { wallMs: 1e12, monotonicMs: 0 }
      const clock = systemClock({ wall: () => sources.wallMs, monotonic: () => sources.monotonicMs })
      let before = clock.now()
      for (const [wallStep, monotonicStep] of steps) {
        sources.wallMs += wallStep
        sources.monotonicMs += monotonicStep
        const now = clock.now()
        assert.ok(now >= before + monotonicStep)
        before = now
      }
    }),
  )
})

test('with the real clocks it agrees with Date.now()', () => {
  assert.ok(Math.abs(systemClock().now() - Date.now()) <= CLOCK_LEAD_MAX_MS)
})
