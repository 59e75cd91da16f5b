/**
 * The order of measures as the budget fills and empties, on streams that hold what they are told to.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fattestOffender, fattestShare } from '../../src/memory/fattest.ts'
import type { StreamGuard } from '../../src/stream/guard.ts'

function guards(...connections: readonly (readonly number[])[]): StreamGuard[] {
  return connections.flatMap(charges => {
    const owner = { heldBytes: charges.reduce((sum, charge) => sum + charge, 0) }
    return charges.map(chargedBytes => ({ chargedBytes, owner }) as unknown as StreamGuard)
  })
}

describe('the fattest', () => {
  it('share is the fewest streams that hold it', () => {
    const all = guards([10, 1], [5, 2, 2])
    assert.deepEqual(
      fattestShare(all, 0.5).map(guard => guard.chargedBytes),
      [10],
    )
    assert.deepEqual(
      fattestShare(all, 0.75).map(guard => guard.chargedBytes),
      [10, 5],
    )
    assert.equal(fattestShare([], 0.5).length, 0)
  })

  it('offender is the fattest stream of the connection that holds most, not the fattest stream of all', () => {
    assert.equal(fattestOffender(guards([9], [4, 5, 3]))?.chargedBytes, 5)
    assert.equal(fattestOffender(guards([0], [])), undefined)
  })
})
