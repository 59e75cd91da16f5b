/**
 * The few statistics a row needs. Quantiles are nearest-rank: always a value that was measured.
 */

/** @param share 0..1. Returns null for no values. */
export function quantile(values: readonly number[], share: number): number | null {
  if (share < 0 || share > 1) throw new RangeError(`share ${share}, 0..1`)
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

/** What `monitorEventLoopDelay` offers and this file needs. Nanoseconds. */
export interface LoopHistogram {
  readonly count: number
  /** Percentile (0..100) to the interval between two ticks, ascending. */
  readonly percentiles: ReadonlyMap<number, number>
}

/**
 * The delay that an event arriving at a random moment meets, at the 99th percentile, in milliseconds.
 *
 * Node counts ticks, so one stall of four seconds is one sample among hundreds and a plain percentile hides it (coordinated omission).
 * Here each interval weighs as long as it lasted: in an interval of v with a tick due every r, arrivals wait more than x for v - r - x of it.
 *
 * @param resolutionMs period of the sampling timer, part of every recorded interval
 */
export function loopDelayP99Ms(histogram: LoopHistogram, resolutionMs: number): number {
  const intervals: { readonly ms: number; readonly weight: number }[] = []
  let below = 0
  for (const [percentile, nanoseconds] of histogram.percentiles) {
    const weight = ((percentile - below) / 100) * histogram.count
    if (weight > 0) intervals.push({ ms: nanoseconds / 1e6, weight })
    below = percentile
  }
  const total = intervals.reduce((sum, { ms, weight }) => sum + ms * weight, 0)
  if (total === 0) return 0
  const waitingLonger = (x: number): number =>
    intervals.reduce((sum, { ms, weight }) => sum + weight * Math.max(0, ms - resolutionMs - x), 0)
  let low = 0
  let high = Math.max(...intervals.map(({ ms }) => ms))
  // Halving 40 times leaves less than a microsecond of any stall an hour long.
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2
    if (waitingLonger(middle) > total / 100) low = middle
    else high = middle
  }
  return high
}

/** Rounded for a row; null stays null. */
export function rounded(value: number | null, digits = 1): number | null {
  if (value === null) return null
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}
