/**
 * What principals of one level have used: a record of numbers per principal, in pages of typed arrays, so that growing copies nothing and charging allocates nothing.
 *
 *     record   reserved | used of each window | what each window needs beside it | what is left of the lease
 *
 * A rolling window keeps the sum `used` and its full parts; the running part is the sum less the parts, worked out only when time moves on. So a charge is one addition per window. The part of number k stands at
 * `k mod parts`. A calendar window keeps `used` and the number of its period. Bytes reserved and not yet sent are in no part: they do not expire, and count in every window until sent or given back.
 *
 * Every number is a whole one up to 2^53-1, exact.
 */

import { type BudgetWindow, type CalendarWindow, type Period, periodAt } from './window.ts'

/** Records in a page. */
const PAGE = 256
const PAGE_BITS = 8

/** Waits that no clock can tell: a release could help, or nothing. */
export const WAIT_RELEASE: number = Number.MAX_VALUE
export const WAIT_NEVER: number = Number.POSITIVE_INFINITY

/** Flags beside the power. */
const ASKED = 0x80
const UNSAVED = 0x40

/** A window with its place in the record and its limit. */
export interface Ring {
  readonly window: BudgetWindow
  /** Offset of `used`. */
  readonly used: number
  /** Offset of the parts, or of the period number. */
  readonly cells: number
  /** Bytes; `Infinity` for unlimited. */
  limit: number
}

/** The time all records are brought to before they are looked at. */
export class BudgetTime {
  readonly tickMs: number
  /** Number of the running tick. */
  tick: number
  #endMs: number
  nowMs: number

  constructor(tickMs: number) {
    this.tickMs = tickMs
    this.tick = 0
    this.#endMs = 0
    this.nowMs = Number.NEGATIVE_INFINITY
  }

  /** Moves on; never back. */
  set(nowMs: number): void {
    if (!(nowMs > this.nowMs)) return
    this.nowMs = nowMs
    if (nowMs < this.#endMs) return
    this.tick = Math.max(0, Math.floor(nowMs / this.tickMs))
    this.#endMs = (this.tick + 1) * this.tickMs
  }
}

export class Rings {
  readonly rings: readonly Ring[]
  /** Numbers in a record. */
  readonly stride: number
  /** Largest lease chunk of a principal with these limits, bytes. */
  chunkMax: number
  readonly #time: BudgetTime
  readonly #hasCalendar: boolean
  readonly #pages: Float64Array[] = []
  /** Tick each record was last brought to. */
  readonly #ticks: Uint32Array[] = []
  /** Times the lease chunk has doubled; the two highest bits say that a renewal is asked for, and that something was used which the store does not know as used. */
  readonly #powers: Uint8Array[] = []
  readonly #free: number[] = []
  readonly #periods: Map<CalendarWindow, Period> = new Map()
  #used = 0

  constructor(windows: readonly BudgetWindow[], limits: readonly number[], time: BudgetTime) {
    let cells = 1 + windows.length
    this.rings = windows.map((window, i) => {
      const ring = { window, used: 1 + i, cells, limit: limits[i] ?? Number.POSITIVE_INFINITY }
      cells += window.kind === 'rolling' ? window.parts : 1
      return ring
    })
    this.stride = cells + 1
    this.chunkMax = 1
    this.#time = time
    this.#hasCalendar = windows.some(window => window.kind === 'calendar')
  }

  /** Records in use. */
  get size(): number {
    return this.#used - this.#free.length
  }

  /** Bytes of memory held by the pages. */
  get memoryBytes(): number {
    return this.#pages.length * PAGE * (8 * this.stride + 5)
  }

  /** An empty record. */
  take(): number {
    const slot = this.#free.pop() ?? this.#used++
    if (slot >> PAGE_BITS === this.#pages.length) {
      this.#pages.push(new Float64Array(PAGE * this.stride))
      this.#ticks.push(new Uint32Array(PAGE))
      this.#powers.push(new Uint8Array(PAGE))
    }
    this.#stamp(slot, this.#time.tick)
    if (this.#hasCalendar) this.#startPeriods(slot)
    return slot
  }

  give(slot: number): void {
    const base = this.base(slot)
    this.page(slot).fill(0, base, base + this.stride)
    const powers = this.#powers[slot >> PAGE_BITS]
    if (powers !== undefined) powers[slot & (PAGE - 1)] = 0
    this.#free.push(slot)
  }

  page(slot: number): Float64Array {
    return this.#pages[slot >> PAGE_BITS] as Float64Array
  }

  base(slot: number): number {
    return (slot & (PAGE - 1)) * this.stride
  }

  /** Brings a record to the present. Must come before anything is read. */
  roll(slot: number): void {
    const tick = this.tickOf(slot)
    if (tick !== this.#time.tick) this.#rollParts(slot, tick)
    if (this.#hasCalendar) this.#rollPeriods(slot)
  }

  tickOf(slot: number): number {
    return this.#ticks[slot >> PAGE_BITS]?.[slot & (PAGE - 1)] ?? 0
  }

  #stamp(slot: number, tick: number): void {
    const ticks = this.#ticks[slot >> PAGE_BITS]
    if (ticks !== undefined) ticks[slot & (PAGE - 1)] = tick
  }

  /** Bytes leased and neither reserved nor used. */
  leaseLeft(slot: number): number {
    return this.page(slot)[this.base(slot) + this.stride - 1] ?? 0
  }

  setLeaseLeft(slot: number, bytes: number): void {
    this.page(slot)[this.base(slot) + this.stride - 1] = bytes
  }

  #flags(slot: number): number {
    return this.#powers[slot >> PAGE_BITS]?.[slot & (PAGE - 1)] ?? 0
  }

  /** How often the chunk of this record doubled; once less for every tick that passed since. */
  leasePower(slot: number): number {
    return this.#flags(slot) & ~(ASKED | UNSAVED)
  }

  isAsked(slot: number): boolean {
    return (this.#flags(slot) & ASKED) !== 0
  }

  isUnsaved(slot: number): boolean {
    return (this.#flags(slot) & UNSAVED) !== 0
  }

  setLease(slot: number, power: number, isAsked: boolean, isUnsaved: boolean): void {
    const powers = this.#powers[slot >> PAGE_BITS]
    if (powers !== undefined) powers[slot & (PAGE - 1)] = Math.min(52, power) | (isAsked ? ASKED : 0) | (isUnsaved ? UNSAVED : 0)
  }

  /** Do that many more bytes fit into every window now? The record must be rolled. */
  fits(slot: number, bytes: number): boolean {
    const page = this.page(slot)
    const base = this.base(slot)
    const wanted = (page[base] ?? 0) + bytes
    const { rings } = this
    for (let i = 0; i < rings.length; i++) {
      if ((page[base + 1 + i] ?? 0) + wanted > (rings[i] as Ring).limit) return false
    }
    return true
  }

  /** Bytes reserved and not yet sent. */
  reserved(slot: number): number {
    return this.page(slot)[this.base(slot)] ?? 0
  }

  /** Adds to what is reserved; negative gives back. */
  reserve(slot: number, bytes: number): void {
    const page = this.page(slot)
    const base = this.base(slot)
    page[base] = Math.max(0, (page[base] ?? 0) + bytes)
  }

  /** Adds to what every window has used now. The record must be rolled. */
  use(slot: number, bytes: number): void {
    const page = this.page(slot)
    const base = this.base(slot)
    for (let i = 1; i <= this.rings.length; i++) page[base + i] = Math.min(Number.MAX_SAFE_INTEGER, (page[base + i] ?? 0) + bytes)
  }

  /** Raises what one window has used to that many bytes, as if just now. The record must be rolled. */
  spend(slot: number, index: number, bytes: number): void {
    const page = this.page(slot)
    const at = this.base(slot) + 1 + index
    page[at] = Math.max(page[at] ?? 0, bytes)
  }

  /** Used within a window, without what is reserved. The record must be rolled. */
  usedOf(slot: number, index: number): number {
    return this.page(slot)[this.base(slot) + 1 + index] ?? 0
  }

  /** Nothing reserved, nothing used in any window. */
  isEmpty(slot: number): boolean {
    this.roll(slot)
    const page = this.page(slot)
    const base = this.base(slot)
    for (let i = 0; i <= this.rings.length; i++) if (page[base + i] !== 0) return false
    return true
  }

  /** Milliseconds until that many bytes would fit into one window, if nothing else is taken: 0 now, `WAIT_RELEASE` when only a release can tell, `WAIT_NEVER` when they are more than the window holds. */
  waitMs(slot: number, index: number, bytes: number): number {
    const ring = this.rings[index] as Ring
    const page = this.page(slot)
    const base = this.base(slot)
    const reserved = page[base] ?? 0
    let excess = (page[base + ring.used] ?? 0) + reserved + bytes - ring.limit
    if (excess <= 0) return 0
    if (bytes > ring.limit) return WAIT_NEVER
    if (reserved + bytes > ring.limit) return WAIT_RELEASE
    const { window } = ring
    const { nowMs, tick, tickMs } = this.#time
    if (window.kind === 'calendar') return this.#period(window).endMs - nowMs
    const running = Math.floor((tick * tickMs) / window.partMs)
    for (let part = running - window.parts; part < running; part++) {
      excess -= page[base + ring.cells + mod(part, window.parts)] ?? 0
      if (excess <= 0) return (part + window.parts + 1) * window.partMs - nowMs
    }
    return (running + window.parts + 1) * window.partMs - nowMs
  }

  /** What is in a window's running part. The record must be rolled. */
  running(slot: number, index: number): number {
    const ring = this.rings[index] as Ring
    const page = this.page(slot)
    const base = this.base(slot)
    let running = page[base + ring.used] ?? 0
    if (ring.window.kind === 'rolling') {
      for (let i = 0; i < ring.window.parts; i++) running -= page[base + ring.cells + i] ?? 0
    }
    return running
  }

  /** Raises each part of a record to the other's, where that is more. Both must be rolled. */
  raise(slot: number, other: number): void {
    const page = this.page(slot)
    const base = this.base(slot)
    const from = this.page(other)
    const fromBase = this.base(other)
    for (const [i, ring] of this.rings.entries()) {
      if (ring.window.kind === 'calendar') {
        page[base + ring.used] = Math.max(page[base + ring.used] ?? 0, from[fromBase + ring.used] ?? 0)
        continue
      }
      let sum = Math.max(this.running(slot, i), this.running(other, i))
      for (let j = 0; j < ring.window.parts; j++) {
        const at = ring.cells + j
        const value = Math.max(page[base + at] ?? 0, from[fromBase + at] ?? 0)
        page[base + at] = value
        sum += value
      }
      page[base + ring.used] = Math.min(Number.MAX_SAFE_INTEGER, sum)
    }
  }

  /**
   * Puts back what was kept, as of a tick. What claims to be of the future counts as used just now, whole.
   * @param pairs offset and value of each number that is not zero
   */
  restore(slot: number, tick: number, pairs: Float64Array): void {
    const page = this.page(slot)
    const base = this.base(slot)
    page.fill(0, base + 1, base + this.stride - 1)
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const at = pairs[i] ?? 0
      if (at >= 1 && at < this.stride - 1) page[base + at] = pairs[i + 1] ?? 0
    }
    if (tick <= this.#time.tick) this.#stamp(slot, tick)
    else {
      for (const { window, cells } of this.rings) if (window.kind === 'rolling') page.fill(0, base + cells, base + cells + window.parts)
    }
    this.roll(slot)
  }

  #rollParts(slot: number, tick: number): void {
    const { tickMs, tick: now } = this.#time
    const page = this.page(slot)
    const base = this.base(slot)
    for (const [i, ring] of this.rings.entries()) {
      if (ring.window.kind !== 'rolling') continue
      const { partMs, parts } = ring.window
      const before = Math.floor((tick * tickMs) / partMs)
      const running = Math.floor((now * tickMs) / partMs)
      if (before === running) continue
      const used = base + ring.used
      const cells = base + ring.cells
      let closing = this.running(slot, i)
      if (running - before > parts) {
        page.fill(0, cells, cells + parts)
        page[used] = 0
        continue
      }
      for (let part = before; part < running; part++) {
        const at = cells + mod(part, parts)
        page[used] = (page[used] ?? 0) - (page[at] ?? 0)
        page[at] = closing
        closing = 0
      }
    }
    this.setLease(slot, Math.max(0, this.leasePower(slot) - Math.abs(now - tick)), this.isAsked(slot), this.isUnsaved(slot))
    this.#stamp(slot, now)
  }

  #period(window: CalendarWindow): Period {
    const known = this.#periods.get(window)
    const { nowMs } = this.#time
    if (known !== undefined && nowMs >= known.startMs && nowMs < known.endMs) return known
    const period = periodAt(window, nowMs)
    this.#periods.set(window, period)
    return period
  }

  #startPeriods(slot: number): void {
    for (const { window, cells } of this.rings)
      if (window.kind === 'calendar') this.page(slot)[this.base(slot) + cells] = this.#period(window).number
  }

  #rollPeriods(slot: number): void {
    const page = this.page(slot)
    const base = this.base(slot)
    for (const { window, used, cells } of this.rings) {
      if (window.kind !== 'calendar') continue
      const { number } = this.#period(window)
      const before = page[base + cells] ?? 0
      if (before === number) continue
      // A period of the future: what it used counts in this one.
      if (before < number) page[base + used] = 0
      page[base + cells] = number
    }
  }
}

function mod(a: number, b: number): number {
  return ((a % b) + b) % b
}
