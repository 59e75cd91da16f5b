/**
 * The generic cell rate algorithm as virtual scheduling (ITU-T I.371, annex A; ATM Forum TM 4.0): one number per account, the theoretical arrival time `tat`.
 *
 *     interval = 1000 / perSecond                     milliseconds an event stands for
 *     fits(n)  = max(tat, now) + n * interval - burst * interval <= now
 *     commit   : tat = max(tat, now) + n * interval
 *     wait     = max(tat, now) + n * interval - burst * interval - now
 *
 * Peek and commit are apart, so that several accounts can be asked before any is charged. One number means that an account whose `tat` has passed is indistinguishable from a new one,
 * and can be dropped without a trace. More than `burst` at once can never pass, however long one waits.
 *
 * Intervals and times are whole multiples of 2^-16 ms, so that every sum is exact: a burst of 20,000 is 20,000 events, not 19,999 and a rounding error. That holds for four years after
 * the origin times are counted from, which is why callers count from their start and not from 1970. A rate is thereby kept to within 1 % at 1,000,000/s and 0.01 % at 10,000/s.
 */

import type { Rate } from '../policy/policy.ts'

/** Units of time in a millisecond. */
const UNITS = 2 ** 16

/** Stands in for the endless interval of a rate of 0 per second: 30,000 years. */
const INTERVAL_MAX_MS = 1e15

/** A rate ready for use. */
export interface Gcra {
  /** Milliseconds one event stands for. */
  readonly intervalMs: number
  readonly burst: number
  /** `burst * intervalMs`. */
  readonly toleranceMs: number
}

/** Time as this file needs it: rounded down to a whole unit. */
export function quantize(ms: number): number {
  return Math.floor(ms * UNITS) / UNITS
}

export function compileRate(rate: Rate): Gcra {
  const units = Math.max(1, Math.round((1000 / rate.perSecond) * UNITS))
  const intervalMs = rate.perSecond > 0 ? Math.min(INTERVAL_MAX_MS, units / UNITS) : INTERVAL_MAX_MS
  return { intervalMs, burst: rate.burst, toleranceMs: rate.burst * intervalMs }
}

/** Milliseconds until `cost` events pass: 0 or less means now; `Infinity` means never. @param nowMs quantized */
export function waitMs(gcra: Gcra, tat: number, nowMs: number, cost: number): number {
  if (cost > gcra.burst) return Number.POSITIVE_INFINITY
  const wait = (tat > nowMs ? tat : nowMs) + cost * gcra.intervalMs - gcra.toleranceMs - nowMs
  return wait > 0 && gcra.intervalMs === INTERVAL_MAX_MS ? Number.POSITIVE_INFINITY : wait
}

/** The `tat` after `cost` events. @param nowMs quantized */
export function commit(gcra: Gcra, tat: number, nowMs: number, cost: number): number {
  return (tat > nowMs ? tat : nowMs) + cost * gcra.intervalMs
}

/** Events of the burst that are spent now, rounded up; 0 to `burst`. @param nowMs quantized */
export function spent(gcra: Gcra, tat: number, nowMs: number): number {
  return tat > nowMs ? Math.min(gcra.burst, Math.ceil((tat - nowMs) / gcra.intervalMs)) : 0
}
