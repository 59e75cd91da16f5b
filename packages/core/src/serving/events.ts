/**
 * What the serving room pushes, and what it can be asked.
 */

import type { ServingDenial } from './denial.ts'
import type { ServingLimits } from './limits.ts'
import type { Place } from './place.ts'

/** Why a session ended. */
export type SessionEnd = 'released' | 'idle' | 'shed' | 'stalled'

export type ServingEvent =
  | { readonly type: 'denial'; readonly atMs: number; readonly place: Place; readonly denial: ServingDenial }
  | {
      readonly type: 'session-end'
      readonly atMs: number
      readonly place: Place
      readonly reason: SessionEnd
      /** False when it was abandoned with requests held. */
      readonly isFinished: boolean
      readonly servedBytes: number
      readonly turns: number
      readonly waitedMsMax: number
    }

/** What is in use now, and its bounds. */
export interface ServingReport {
  readonly sessions: number
  readonly waiting: number
  readonly parked: number
  readonly slots: number
  readonly held: number
  readonly bytesInFlight: number
  /** The wait reckoned with for a prefix never seen. */
  readonly newcomerWaitMs: number
  readonly limits: ServingLimits
}
