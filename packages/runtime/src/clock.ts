/**
 * The system clock for the engine: milliseconds since the Unix epoch that never run backwards and never stand still.
 *
 * `Date.now()` alone does both when an operator or NTP sets the time back: a rate limiter that clamps such a step would refill nothing until the wall
 * clock has caught up, for hours perhaps. So time is the wall clock at start plus the monotonic clock's progress. A wall clock that is ahead of that
 * by more than a second (resume from suspend, which Linux's monotonic clock does not count; a correction forward) is followed; one that is behind is not.
 */

import type { Clock } from '@sluice/core'

/** How far the wall clock may run ahead of the monotonic one before it is followed. Larger than NTP's slewing ever needs, shorter than any retry. */
export const CLOCK_LEAD_MAX_MS = 1000

/** Where the two readings come from; tests pass their own. Both in milliseconds. */
export interface ClockSources {
  /** Wall clock, may step either way. */
  readonly wall: () => number
  /** Monotonic clock, any origin. */
  readonly monotonic: () => number
}

const SYSTEM_SOURCES: ClockSources = { wall: () => Date.now(), monotonic: () => performance.now() }

/** @param sources @default `Date.now` and `performance.now` */
export function systemClock(sources: ClockSources = SYSTEM_SOURCES): Clock {
  let offsetMs = sources.wall() - sources.monotonic()
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    now(): number {
      const monotonicMs = sources.monotonic()
      const leadMs = sources.wall() - (monotonicMs + offsetMs)
      if (leadMs > CLOCK_LEAD_MAX_MS) offsetMs += leadMs
      lastMs = Math.max(lastMs, monotonicMs + offsetMs)
      return lastMs
    },
  }
}
