/**
 * How often the adapter ended something itself, by reason. The governor counts what its rules refuse; a cut is no denial (no rule, no usage, no limit), so without this an attack
 * that is cut off would leave no trace in `resources()`.
 */

import type { Mode, ResourceReport } from '@sluice/core'
import type { CutEvent } from './events.ts'
import type { CutReason } from './refused.ts'
import { CUT_REASONS } from './refused.ts'

/** Most rows: every reason, for connections and streams, enforced and observed. */
export const CUT_COUNTS_MAX: number = CUT_REASONS.length * 4

export interface CutCount {
  readonly reason: CutReason
  readonly what: 'connection' | 'stream'
  /** In `observe`: would have been cut. */
  readonly mode: Mode
  readonly count: number
}

/** The governor's report, and what this node cut since it was made. A governor shared by several nodes reports for all of them, `cuts` for this one. */
export interface NodeReport extends ResourceReport {
  /** Most frequent first; none that are 0. */
  readonly cuts: readonly CutCount[]
}

export class CutCounts {
  /** At most `CUT_COUNTS_MAX`: the keys are made of our own words only. */
  readonly #counts = new Map<string, CutCount>()

  add({ reason, what, mode }: CutEvent): void {
    const key = `${reason} ${what} ${mode}`
    const count = (this.#counts.get(key)?.count ?? 0) + 1
    this.#counts.set(key, { reason, what, mode, count })
  }

  read(): readonly CutCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count)
  }
}
