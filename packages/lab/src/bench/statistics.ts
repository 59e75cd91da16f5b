/**
 * The arithmetic of every benchmark: medians, the ratio "how many times better", and its bootstrap interval.
 *
 * Two sides are measured in alternating runs, so that run i of ours and run i of the peer saw the same machine. The interval therefore resamples pairs of runs
 * (percentile bootstrap, B. Efron 1979), which keeps what the pair shares. It speaks of the spread between runs in one session on one machine, of nothing else.
 * The generator is seeded: the same measurements always print the same interval.
 */

/** Which way a case improves. */
export type Better = 'higher' | 'lower'

export interface Comparison {
  /** Medians over the runs, in the case's unit. */
  readonly ours: number
  readonly peer: number
  /** How many times better ours is than the peer, whatever the unit: 1 is equal, above 1 is better. */
  readonly ratio: number
  /** 95 % bootstrap interval of the ratio. */
  readonly interval: readonly [number, number]
}

/** Resamples of the bootstrap: 2.5 % of them are 50, enough to hold the ends of the interval still. */
const RESAMPLES = 2000

/** Seed of the bootstrap; any constant will do. */
const SEED = 0x51_1c_e0

/** Middle value, or the mean of the two middle ones. Throws a `RangeError` on an empty list or a value that is not finite. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of nothing')
  if (!values.every(Number.isFinite)) throw new RangeError(`median of values that are not finite: ${values.join(', ')}`)
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Value below which the share `quantile` (0 to 1) of the values lies, interpolated between neighbours. */
export function percentile(values: readonly number[], quantile: number): number {
  if (values.length === 0) throw new RangeError('percentile of nothing')
  if (!(quantile >= 0 && quantile <= 1)) throw new RangeError(`quantile must be 0 to 1, not ${quantile}`)
  const sorted = [...values].sort((a, b) => a - b)
  const position = quantile * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (position - below)
}

/**
 * @param better which way the unit improves.
 * @param canBeZero for counts that may be 0: one is added to both sides, (peer + 1) / (ours + 1). @default false
 */
export function ratioOf(ours: number, peer: number, better: Better, canBeZero = false): number {
  const add = canBeZero ? 1 : 0
  const ratio = better === 'higher' ? (ours + add) / (peer + add) : (peer + add) / (ours + add)
  if (!Number.isFinite(ratio)) throw new RangeError(`no ratio of ${ours} to ${peer}`)
  return ratio
}

/**
 * Compares two lists of runs measured in alternation.
 * @param ours and peer: one value per run, the same number of runs, at least one.
 */
export function compare(ours: readonly number[], peer: readonly number[], better: Better, canBeZero = false): Comparison {
  if (ours.length !== peer.length) throw new RangeError(`runs differ: ${ours.length} of ours, ${peer.length} of the peer`)
  const random = generator(SEED)
  const ratios: number[] = []
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const picks = ours.map(() => Math.floor(random() * ours.length))
    const sampledOurs = median(picks.map(pick => ours[pick]!))
    const sampledPeer = median(picks.map(pick => peer[pick]!))
    ratios.push(ratioOf(sampledOurs, sampledPeer, better, canBeZero))
  }
  return {
    ours: median(ours),
    peer: median(peer),
    ratio: ratioOf(median(ours), median(peer), better, canBeZero),
    interval: [percentile(ratios, 0.025), percentile(ratios, 0.975)],
  }
}

/** Slope of the line through the points by least squares. Throws a `RangeError` when fewer than two of them differ in x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  if (!(spread > 0)) throw new RangeError('no line through points that do not differ')
  return points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
}

/** mulberry32: uniform in [0, 1), 32 bits of state, good enough to pick runs. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
