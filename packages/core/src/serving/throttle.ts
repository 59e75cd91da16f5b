/**
 * The emergency throttle: a rate on the node. In an emergency it may send (100 - percent) % of the configured uplink, or, where none is configured, of the best sustained minute of the last day. Never zero: a node that
 * sends nothing is down. The reference refuses everything when its throttle is on, whatever the percentage.
 *
 * What the percentage is taken of is fixed when the emergency begins: measured anew under the throttle it would shrink with every day the emergency lasts. Pacing is a debt of bytes that the rate pays off, so turns wait
 * and messages never do.
 */

import { MisuseError } from '../errors.ts'

const MINUTE_MS = 60_000
/** Minutes looked back on for the best one. */
export const MINUTES_MAX = 1440

export interface ThrottleInit {
  /** Uplink, if the operator said. @default undefined */
  readonly uplinkBytesPerSecond?: number | undefined
  /** 0 to 100, what is taken away (`emergency_throttle_percent`). @default 50 */
  readonly percent?: number
  /** What is left at least, 1 or more: a message of 4 MB within two minutes. @default 65_536 */
  readonly floorBytesPerSecond?: number
}

export class Throttle {
  readonly #uplink: number | undefined
  readonly #percent: number
  readonly #floor: number
  /** Bytes by minute, a ring by minute number. */
  readonly #minutes: Float64Array = new Float64Array(MINUTES_MAX)
  #minute: number
  #base: number | undefined
  #debtBytes: number
  #paidMs: number

  constructor(init: ThrottleInit = {}) {
    const { uplinkBytesPerSecond, percent = 50, floorBytesPerSecond = 65_536 } = init
    if (!(percent >= 0 && percent <= 100)) throw new MisuseError(`percent is ${percent}; it must be 0 to 100`)
    if (!(floorBytesPerSecond >= 1)) throw new MisuseError(`floorBytesPerSecond is ${floorBytesPerSecond}; it must be 1 or more`)
    if (uplinkBytesPerSecond !== undefined && !(uplinkBytesPerSecond > 0))
      throw new MisuseError(`uplinkBytesPerSecond is ${uplinkBytesPerSecond}; it must be more than 0`)
    this.#uplink = uplinkBytesPerSecond
    this.#percent = percent
    this.#floor = floorBytesPerSecond
    this.#minute = -1
    this.#base = undefined
    this.#debtBytes = 0
    this.#paidMs = 0
  }

  get isOn(): boolean {
    return this.#base !== undefined
  }

  /** Begins the emergency; again is harmless. Returns the rate in force, bytes per second. */
  begin(nowMs: number): number {
    if (this.#base === undefined) {
      this.#base = this.#uplink ?? this.bestMinuteBytesPerSecond(nowMs)
      this.#debtBytes = 0
      this.#paidMs = nowMs
    }
    return this.ratePerSecond
  }

  end(): void {
    this.#base = undefined
  }

  /** Bytes per second in force; `Infinity` without an emergency. */
  get ratePerSecond(): number {
    return this.#base === undefined ? Number.POSITIVE_INFINITY : Math.max(this.#floor, (this.#base * (100 - this.#percent)) / 100)
  }

  /** Bytes per second of the best whole minute of the last day; 0 when there was none. */
  bestMinuteBytesPerSecond(nowMs: number): number {
    this.#roll(nowMs)
    const running = this.#minute % MINUTES_MAX
    let best = 0
    for (let at = 0; at < MINUTES_MAX; at++) if (at !== running) best = Math.max(best, this.#minutes[at] ?? 0)
    return best / 60
  }

  /** Counts what was sent. */
  sent(nowMs: number, bytes: number): void {
    this.#roll(nowMs)
    const at = this.#minute % MINUTES_MAX
    this.#minutes[at] = (this.#minutes[at] ?? 0) + bytes
    if (this.#base === undefined) return
    this.#pay(nowMs)
    this.#debtBytes += bytes
  }

  /** Milliseconds until the next turn may begin; 0 is now. */
  waitMs(nowMs: number): number {
    if (this.#base === undefined) return 0
    this.#pay(nowMs)
    return this.#debtBytes <= 0 ? 0 : Math.ceil((this.#debtBytes * 1000) / this.ratePerSecond)
  }

  #pay(nowMs: number): void {
    this.#debtBytes = Math.max(0, this.#debtBytes - ((nowMs - this.#paidMs) * this.ratePerSecond) / 1000)
    this.#paidMs = nowMs
  }

  #roll(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute <= this.#minute) return
    const passed = this.#minute < 0 ? MINUTES_MAX : Math.min(MINUTES_MAX, minute - this.#minute)
    for (let back = 0; back < passed; back++) this.#minutes[(minute - back) % MINUTES_MAX] = 0
    this.#minute = minute
  }
}
