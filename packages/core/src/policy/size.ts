/**
 * Text with a unit, as it comes from a file, a flag or the environment, turned into a number. Sizes are SI (`512MB` = 512,000,000 bytes) or binary with an `iB` suffix (`64MiB`);
 * durations are `ms`, `s`, `min`, `h`. One digit run, one optional fraction, one unit: no expressions, no sums.
 * Nothing here rounds: a size that is not a whole number of bytes is an error, never a guess.
 */

/** Bytes per unit. SI prefixes: IEC 80000-13 and ISO 80000-1. `K` without `B` is refused on purpose: nobody agrees on what it means. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1e3],
  ['min', 60e3],
  ['h', 3600e3],
])

/** A number, or a sentence saying why there is none. */
export type Parsed = { readonly ok: true; readonly value: number } | { readonly ok: false; readonly why: string; readonly remedy: string }

const SHAPE = /^([0-9]{1,20})(?:\.([0-9]{1,20}))? ?([A-Za-z]{0,4})$/

function parseQuantity(text: string, units: ReadonlyMap<string, number>, example: string): Parsed {
  const match = SHAPE.exec(text.trim())
  const known = [...units.keys()].filter(unit => unit !== '').join(', ')
  if (match === null) return { ok: false, why: `${quote(text)} is not a number with a unit.`, remedy: `Write it like ${example}.` }
  const [, whole = '', fraction = '', unit = ''] = match
  const factor = units.get(unit)
  if (factor === undefined)
    return { ok: false, why: `${quote(unit)} is not a unit known here.`, remedy: `Use one of ${known}, as in ${example}.` }
  const value = Number(fraction === '' ? whole : `${whole}.${fraction}`) * factor
  if (!Number.isInteger(value) && value <= Number.MAX_SAFE_INTEGER) {
    return { ok: false, why: `${quote(text)} is not a whole number of units.`, remedy: `Use a smaller unit, as in ${example}.` }
  }
  return { ok: true, value }
}

/** Bytes from text such as `512MB`, `64MiB`, `1.5GiB`, `4096`. Whole bytes only. */
export function parseSize(text: string): Parsed {
  return parseQuantity(text, SIZE_UNITS, '512MB or 64MiB')
}

/** Milliseconds from text such as `250ms`, `10s`, `5min`, `1h`, `3000`. Whole milliseconds only. */
export function parseDuration(text: string): Parsed {
  return parseQuantity(text, DURATION_UNITS, '10s or 250ms')
}

const COUNT = /^[0-9]{1,20}$/

/** A whole number from text without a unit. Underscores and signs are refused. */
export function parseCount(text: string): Parsed {
  const trimmed = text.trim()
  if (!COUNT.test(trimmed)) return { ok: false, why: `${quote(text)} is not a whole number.`, remedy: 'Write digits only, as in 256.' }
  return { ok: true, value: Number(trimmed) }
}

const DECIMAL = /^[0-9]{1,20}(?:\.[0-9]{1,20})?$/

/** A number that may have a fraction, from text without a unit. */
export function parseDecimal(text: string): Parsed {
  const trimmed = text.trim()
  if (!DECIMAL.test(trimmed)) return { ok: false, why: `${quote(text)} is not a number.`, remedy: 'Write it like 0.2 or 16.' }
  return { ok: true, value: Number(trimmed) }
}

/** JSON spelling of at most 64 characters of text that came from outside: safe in a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}

/** Bytes in the largest unit that leaves a whole number: `134217728` is `128MiB`, `512000000` is `512MB`. Reads back to the same number with `parseSize`. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB', 'TB', 'GB', 'MB', 'kB']) {
    const factor = SIZE_UNITS.get(unit) ?? 1
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes}B`
}
