/**
 * What a protected node reports as it happens: the governor's events, and the adapter's own cuts. `decisions()` hands them out.
 */

import type { GovernorEvent, Mode } from '@sluice/core'
import type { CutReason } from './refused.ts'

/** The adapter ended (in `observe`: would have ended) a connection or a stream for what the remote did on it. */
export interface CutEvent {
  readonly type: 'cut'
  readonly atMs: number
  readonly mode: Mode
  readonly reason: CutReason
  readonly what: 'connection' | 'stream'
  readonly peer: string | undefined
  readonly address: string
  /** One English sentence with the numbers. Contains no unescaped peer-controlled text. */
  readonly message: string
}

export type SluiceEvent = GovernorEvent | CutEvent
