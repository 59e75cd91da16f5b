/**
 * Who holds the most. The lists are short-lived and made only under pressure.
 */

import type { StreamGuard } from '../stream/guard.ts'

/** Streams in descending order of charged bytes. */
export function byCharge(guards: Iterable<StreamGuard>): StreamGuard[] {
  return [...guards].sort((a, b) => b.chargedBytes - a.chargedBytes)
}

/** The fewest streams that together hold at least `share` of what all hold, fattest first. @param share 0..1 */
export function fattestShare(guards: Iterable<StreamGuard>, share: number): StreamGuard[] {
  const sorted = byCharge(guards)
  let left = sorted.reduce((sum, guard) => sum + guard.chargedBytes, 0) * share
  const count = sorted.findIndex(guard => {
    left -= guard.chargedBytes
    return left <= 0
  })
  return count < 0 ? sorted : sorted.slice(0, count + 1)
}

/** The stream with most charged bytes on the connection with most, or undefined when nobody holds anything. */
export function fattestOffender(guards: Iterable<StreamGuard>): StreamGuard | undefined {
  let worst: StreamGuard | undefined
  for (const guard of guards) {
    if (guard.chargedBytes === 0) continue
    if (worst === undefined || guard.owner.heldBytes > worst.owner.heldBytes) worst = guard
    else if (guard.owner === worst.owner && guard.chargedBytes > worst.chargedBytes) worst = guard
  }
  return worst
}
