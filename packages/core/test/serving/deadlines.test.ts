/** The heap of deadlines against a sorted list. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deadlines, type Due } from '../../src/serving/deadlines.ts'
import { holds } from '../helpers.ts'

test('the first is the least, after any setting, moving and dropping', t => {
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(1000), fc.boolean()), { maxLength: 300 }), steps => {
      const heap = new Deadlines<Due>()
      const items = Array.from({ length: 21 }, () => ({ dueMs: 0, dueAt: -1 }))
      const inside = new Set<Due>()
      for (const [which, dueMs, isDropped] of steps) {
        const item = items[which]!
        if (isDropped) heap.delete(item)
        else heap.set(item, dueMs)
        if (isDropped) inside.delete(item)
        else inside.add(item)
        assert.equal(heap.size, inside.size)
        assert.equal(heap.first?.dueMs, inside.size === 0 ? undefined : Math.min(...[...inside].map(({ dueMs }) => dueMs)))
      }
    }),
  )
})
