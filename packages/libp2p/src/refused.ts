/**
 * The two errors a caller of a protected node can meet: its dial or stream was refused, or the connection it used was cut for what the other side did.
 * Both are `ERR_SLUICE_REFUSED`; only the first carries a denial, because only it was decided by a rule with a usage and a limit.
 */

import type { Denial } from '@sluice/core'
import { SluiceError } from '@sluice/core'

/** `denial` names the rule, usage and limit; `retryAfterMs` is the exact wait where waiting helps. */
export class RefusedError extends SluiceError {
  readonly denial: Denial
  readonly retryAfterMs: number | undefined

  constructor(denial: Denial) {
    super('ERR_SLUICE_REFUSED', denial.message, { denial })
    this.denial = denial
    this.retryAfterMs = denial.retryAfterMs
  }
}

/** A connection or stream ended because of what the remote did on it. `reason` is one of `CutReason`. */
export class CutError extends SluiceError {
  readonly reason: CutReason

  constructor(reason: CutReason, message: string) {
    super('ERR_SLUICE_REFUSED', message, { reason })
    this.reason = reason
  }
}

/**
 * Why the adapter ended something that no engine rule refused: bounds of `policy.transports` and of the adapter itself.
 * `ban` and `deny` end connections that were open before the target was forbidden.
 */
export const CUT_REASONS = [
  'upgrade-deadline',
  'frame-length',
  'negotiation-bytes',
  'negotiation-messages',
  'negotiating-streams',
  'read-buffer',
  'write-buffer',
  'memory',
  'malformed-frame',
  'ban',
  'deny',
] as const

export type CutReason = (typeof CUT_REASONS)[number]
