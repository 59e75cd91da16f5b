/**
 * One row of the table: the only output format of the lab. Milliseconds and bytes; null where nothing could be measured.
 */

import type { Layout } from './layouts.ts'

export const TARGETS = ['plain', 'protected'] as const
export type Target = (typeof TARGETS)[number]

export interface CalmFigures {
  readonly seconds: number
  readonly rssPeakBytes: number
  readonly loopDelayP99Ms: number
  readonly pingP50Ms: number | null
  readonly pingP99Ms: number | null
  readonly goodputBytesPerSecond: number
  readonly dialSuccessRatio: number | null
}

export interface AttackFigures {
  readonly rssPeakBytes: number
  /** Peak under attack less the peak of the calm phase; 0 when it did not rise. */
  readonly rssGrowthBytes: number
  readonly loopDelayP99Ms: number
  readonly pingP50Ms: number | null
  readonly pingP99Ms: number | null
  /** Honest bytes per second under attack over those in the calm phase. */
  readonly goodputRatio: number | null
  readonly dialSuccessRatio: number | null
  /** Milliseconds from the start of the attack to the first attacker connection cut or refused; null when none was. */
  readonly attackerCutAfterMs: number | null
}

export interface Row {
  readonly scenario: string
  readonly layout: Layout
  readonly target: Target
  readonly calm: CalmFigures
  readonly attack: AttackFigures
  readonly pass: boolean
  readonly failed: readonly string[]
}

export interface Table {
  readonly rows: readonly Row[]
}
