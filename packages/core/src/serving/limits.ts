/**
 * The numbers of serving: what each bounds, its default and where the default comes from. Checked once, at the door.
 */

import { MisuseError } from '../errors.ts'

export interface ServingLimits {
  /** Turns at once (`max_concurrent_ibd_serving` of the seed). @default 3 */
  readonly slots: number
  /** Bytes of a turn: the largest message of Bitcoin, so that a turn is at least one block. @default 4_000_000 */
  readonly turnBytes: number
  /** Time of a turn. @default 5_000 */
  readonly turnMs: number
  /** How long past its end a turn may take to reach a message boundary, then its session ends: 1 MB in 20 s is 50 kB/s. @default 15_000 */
  readonly overrunMs: number
  /** How long a slot waits for the next request within a turn: a round trip. @default 250 */
  readonly slotIdleMs: number
  /** A session without a request for this long ends. @default 60_000 */
  readonly sessionIdleMs: number
  /** The bound on waiting: a fifth of the time after which Bitcoin Core gives up a block. @default 120_000 */
  readonly waitMsMax: number
  /** Open sessions. @default 1024 */
  readonly sessionsMax: number
  /** Sessions let in to wait for a turn or a budget; those that come back from a turn with more to send, at most one a slot, are on top. @default 512 */
  readonly queueMax: number
  /** Requests a session may hold, the one being served included: what Core asks of one peer at once. @default 16 */
  readonly heldPerSessionMax: number
  /** Requests held in total; `sessionsMax` of them are kept for each session's first. @default 8192 */
  readonly heldMax: number
  /** Bytes granted and not yet sent; at least `turnBytes`. @default 16_000_000 */
  readonly bytesInFlightMax: number
}

export const SERVING_LIMITS: ServingLimits = Object.freeze({
  slots: 3,
  turnBytes: 4_000_000,
  turnMs: 5_000,
  overrunMs: 15_000,
  slotIdleMs: 250,
  sessionIdleMs: 60_000,
  waitMsMax: 120_000,
  sessionsMax: 1024,
  queueMax: 512,
  heldPerSessionMax: 16,
  heldMax: 8192,
  bytesInFlightMax: 16_000_000,
})

/** Most turns begun and deadlines met by one `advance()`: bounds its work. */
export const STEPS_MAX = 256

/** Completes and checks. Throws `MisuseError` naming the number. */
export function servingLimits(given: Partial<ServingLimits>): ServingLimits {
  const limits = { ...SERVING_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isSafeInteger(value) && value >= 1)) throw new MisuseError(`${name} is ${value}; it must be a whole number, 1 or more`)
  }
  if (limits.bytesInFlightMax < limits.turnBytes)
    throw new MisuseError(`bytesInFlightMax is ${limits.bytesInFlightMax}; it must be turnBytes (${limits.turnBytes}) or more`)
  if (limits.heldMax < limits.sessionsMax)
    throw new MisuseError(`heldMax is ${limits.heldMax}; it must be sessionsMax (${limits.sessionsMax}) or more`)
  if (limits.turnMs > limits.waitMsMax)
    throw new MisuseError(`turnMs is ${limits.turnMs}; it must be waitMsMax (${limits.waitMsMax}) or less`)
  return limits
}
