/**
 * What a protected node must keep while attacked, and the comparison of a row with it.
 */

import type { AttackFigures, CalmFigures } from './row.ts'

export interface Thresholds {
  readonly rssGrowthBytesMax: number
  readonly loopDelayP99MsMax: number
  /** Honest ping p50 under attack as a multiple of the calm one. */
  readonly pingP50RatioMax: number
  readonly goodputRatioMin: number
  readonly dialSuccessRatioMin: number
}

/** The same for every scenario: the attackers share the machine's cores with the server, hence the room in ping and goodput. */
export const PROTECTED: Thresholds = {
  rssGrowthBytesMax: 96 * 2 ** 20,
  loopDelayP99MsMax: 100,
  pingP50RatioMax: 3,
  goodputRatioMin: 0.7,
  dialSuccessRatioMin: 0.95,
}

/** Names of the figures that miss their threshold; a figure nobody could measure misses it. */
export function missed(thresholds: Thresholds, calm: CalmFigures, attack: AttackFigures): string[] {
  const atMost = (value: number | null, limit: number | null): boolean => value !== null && limit !== null && value <= limit
  const atLeast = (value: number | null, limit: number): boolean => value !== null && value >= limit
  const pingLimitMs = calm.pingP50Ms === null ? null : calm.pingP50Ms * thresholds.pingP50RatioMax
  return Object.entries({
    rssGrowthBytes: atMost(attack.rssGrowthBytes, thresholds.rssGrowthBytesMax),
    loopDelayP99Ms: atMost(attack.loopDelayP99Ms, thresholds.loopDelayP99MsMax),
    pingP50Ms: atMost(attack.pingP50Ms, pingLimitMs),
    goodputRatio: atLeast(attack.goodputRatio, thresholds.goodputRatioMin),
    dialSuccessRatio: atLeast(attack.dialSuccessRatio, thresholds.dialSuccessRatioMin),
  }).flatMap(([name, holds]) => (holds ? [] : [name]))
}
