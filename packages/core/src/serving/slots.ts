/**
 * Slots and how fast they turn over. A slot is one place among those being served; the time between turns, measured while somebody waits, says how long a newcomer would wait. Mean and deviation as in TCP's timer
 * (RFC 6298), because a queue is promised to more people than the mean: the estimate is the mean plus two deviations, and never less than the time the running gap already lasts.
 */

import type { ServingLimits } from './limits.ts'

const GAIN = 1 / 8
const DEVIATION_GAIN = 1 / 4

export class Slots {
  readonly max: number
  readonly #gapMsMax: number
  #held: number
  #meanMs: number
  #deviationMs: number
  #isMeasured: boolean
  #lastGrantMs: number
  #isBusy: boolean

  constructor(limits: ServingLimits) {
    this.max = limits.slots
    this.#gapMsMax = (limits.turnMs + limits.overrunMs) / limits.slots
    this.#held = 0
    this.#meanMs = limits.turnMs / limits.slots
    this.#deviationMs = 0
    this.#isMeasured = false
    this.#lastGrantMs = 0
    this.#isBusy = false
  }

  get held(): number {
    return this.#held
  }

  get free(): number {
    return this.max - this.#held
  }

  take(): void {
    this.#held++
  }

  give(): void {
    this.#held--
  }

  /** A turn began. @param isWaiting does anybody wait for the next one? */
  granted(nowMs: number, isWaiting: boolean): void {
    if (this.#isBusy) this.#measure(nowMs - this.#lastGrantMs)
    this.#lastGrantMs = nowMs
    this.#isBusy = isWaiting
  }

  /** Nobody waits any more, without a turn. */
  rest(): void {
    this.#isBusy = false
  }

  /** Milliseconds between turns to reckon with. Before anything was measured: full turns. */
  gapMs(nowMs: number): number {
    const expected = Math.min(this.#gapMsMax, this.#meanMs + 2 * this.#deviationMs)
    return this.#isBusy ? Math.max(expected, nowMs - this.#lastGrantMs) : expected
  }

  #measure(gapMs: number): void {
    if (!this.#isMeasured) {
      this.#isMeasured = true
      this.#meanMs = gapMs
      this.#deviationMs = gapMs / 2
      return
    }
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(gapMs - this.#meanMs) - this.#deviationMs)
    this.#meanMs += GAIN * (gapMs - this.#meanMs)
  }
}
