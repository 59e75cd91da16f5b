/**
 * Windows: over which time a budget holds. A rolling one is a row of equal parts (hour: 12 of 5 minutes, day: 24 of 1 hour) and the running part beside them, so that the part that is half gone counts whole and no
 * interval of the window's length ever holds more than the budget. A calendar one is a month from billing day to billing day at local midnight, and starts from zero there.
 *
 * The time zone is a function, offset of the local clock at an instant, so that tests need no zone data; `zoneOffset` makes one of an IANA name.
 */

import { MisuseError } from '../errors.ts'

/** Milliseconds that the local clock is ahead of UTC at an instant (milliseconds since the epoch). */
export type UtcOffset = (atMs: number) => number

export interface RollingWindow {
  readonly kind: 'rolling'
  /** Part of the rule's name: `budget.<name>`. Lower case letters, digits, `-`. */
  readonly name: string
  /** Length of one part; a whole number of seconds. */
  readonly partMs: number
  /** Full parts in the window, 1 to `PARTS_MAX`. */
  readonly parts: number
}

export interface CalendarWindow {
  readonly kind: 'calendar'
  readonly name: string
  /** First day of the period, 1 to 31; the last of the month where there is no such day. @default 1 */
  readonly billingDay?: number
  /** @default UTC */
  readonly utcOffset?: UtcOffset
}

export type BudgetWindow = RollingWindow | CalendarWindow

/** A month of hours and then some; the memory of an entry is 8 bytes for each. */
export const PARTS_MAX = 1024

/** Ticks are whole seconds, so that 32 bits of them last until 2106. */
const TICK_MIN_MS = 1000

export const HOUR: RollingWindow = { kind: 'rolling', name: 'hour', partMs: 5 * 60_000, parts: 12 }
export const DAY: RollingWindow = { kind: 'rolling', name: 'day', partMs: 3600_000, parts: 24 }

/** @param billingDay 1 to 31 @param utcOffset @default UTC */
export function month(billingDay = 1, utcOffset: UtcOffset = () => 0): CalendarWindow {
  return { kind: 'calendar', name: 'month', billingDay, utcOffset }
}

/** Length of a rolling window. */
export function spanMs(window: RollingWindow): number {
  return window.partMs * window.parts
}

/** Throws `MisuseError` unless the window can be kept. */
export function checkWindow(window: BudgetWindow): void {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(window.name)) {
    throw new MisuseError('A window is named by 1 to 32 lower case letters, digits and dashes.', { name: window.name })
  }
  if (window.kind === 'calendar') {
    const day = window.billingDay ?? 1
    if (!Number.isInteger(day) || day < 1 || day > 31)
      throw new MisuseError('billingDay must be a whole number from 1 to 31.', { billingDay: day })
    return
  }
  const { partMs, parts } = window
  if (!Number.isSafeInteger(partMs) || partMs < TICK_MIN_MS || partMs % TICK_MIN_MS !== 0) {
    throw new MisuseError('partMs must be a whole number of seconds, in milliseconds.', { partMs })
  }
  if (!Number.isInteger(parts) || parts < 1 || parts > PARTS_MAX) {
    throw new MisuseError(`parts must be a whole number from 1 to ${PARTS_MAX}.`, { parts })
  }
}

/** The longest tick of which every part is a multiple; an hour where nothing rolls. */
export function tickOf(windows: Iterable<BudgetWindow>): number {
  let tick = 0
  for (const window of windows) if (window.kind === 'rolling') tick = gcd(window.partMs, tick)
  return tick === 0 ? 3600_000 : tick
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}

/** One period of a calendar window: half open, `startMs` to `endMs`. */
export interface Period {
  /** `year * 12 + month` of its first day; counts up by one per period. */
  readonly number: number
  readonly startMs: number
  readonly endMs: number
}

export function periodAt(window: CalendarWindow, atMs: number): Period {
  const offset = window.utcOffset ?? (() => 0)
  const day = window.billingDay ?? 1
  const local = new Date(atMs + offset(atMs))
  let number = local.getUTCFullYear() * 12 + local.getUTCMonth()
  // The local guess may be one off beside a change of the clock; the instants decide.
  if (startOf(number, day, offset) > atMs) number--
  else if (startOf(number + 1, day, offset) <= atMs) number++
  return { number, startMs: startOf(number, day, offset), endMs: startOf(number + 1, day, offset) }
}

/** The instant at which a period starts: local midnight of the billing day. */
function startOf(number: number, billingDay: number, offset: UtcOffset): number {
  const year = Math.floor(number / 12)
  const monthIndex = number - 12 * year
  const lastDay = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate()
  const local = Date.UTC(year, monthIndex, Math.min(billingDay, lastDay))
  // Twice, for the offset at the instant itself and not at the same reading of a UTC clock.
  return local - offset(local - offset(local))
}

/** Offset function of an IANA zone, e.g. `Europe/Berlin`. Throws `MisuseError` for a name the runtime does not know. */
export function zoneOffset(timeZone: string): UtcOffset {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    throw new MisuseError('timeZone must be an IANA name, like Europe/Berlin.', { timeZone })
  }
  return atMs => {
    const parts: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(atMs)) parts[type] = Number(value)
    const { year = 0, month: of = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, of - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000
  }
}
