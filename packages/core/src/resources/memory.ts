/**
 * The memory rule of go-libp2p's resource manager (`scope.go`, `checkMemory`), in exact arithmetic: bytes are admitted at a priority iff
 * `used + bytes <= floor(limit * (1 + priority) / 256)`. A limit goes up to 2^53-1, so the product would not fit a double; it is split into whole 256ths and
 * the rest, both of which do. The thresholds are worked out once per limit, so that a reservation is one subtraction and one comparison per scope.
 */

import { MisuseError } from '../errors.ts'
import type { MemoryPriority } from '../handles.ts'

/** Share of a limit that a priority may fill, minus one, in 256ths: go's `ReservationPriorityLow`, `Medium`, `High`, `Always`. */
export const PRIORITIES: Readonly<Record<MemoryPriority, number>> = { low: 101, medium: 152, high: 203, always: 255 }

/** What `unlimited` counts as: the largest number the engine is exact to. A limit of exactly this is no limit, as 2^63-1 is none in go. */
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER

/** The most that may be in use after a reservation at this priority. @param limit bytes, integer 0..2^53-1; `UNLIMITED` is the same at every priority */
export function memoryThreshold(limit: number, priority: MemoryPriority): number {
  if (limit >= UNLIMITED) return limit
  const share = PRIORITIES[priority] + 1
  const whole = Math.floor(limit / 256)
  const rest = limit - whole * 256
  return whole * share + Math.floor((rest * share) / 256)
}

/** The door of every verb that takes bytes: a non-negative safe integer, else `MisuseError`. */
export function checkBytes(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new MisuseError(`bytes must be an integer from 0 to 2^53-1, got ${String(bytes)}.`, { bytes })
}

/** The door of every verb that takes a priority. */
export function checkPriority(priority: MemoryPriority): void {
  if (!(priority in PRIORITIES))
    throw new MisuseError(`priority must be low, medium, high or always, got ${String(priority)}.`, { priority })
}
