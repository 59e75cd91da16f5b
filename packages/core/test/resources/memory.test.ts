import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type MemoryPriority, MisuseError } from '@sluice/core'
import fc from 'fast-check'
import { LimitTable, UNLIMITED_LIMITS } from '../../src/resources/limits.ts'
import { memoryThreshold, PRIORITIES, UNLIMITED } from '../../src/resources/memory.ts'
import { holds, rig, taken } from '../helpers.ts'

const NAMES = Object.keys(PRIORITIES) as MemoryPriority[]

describe('the memory rule', () => {
  it('is exact up to 2^53-1, as in whole numbers of any size', t => {
    holds(
      t,
      fc.property(fc.nat(UNLIMITED - 1), fc.constantFrom(...NAMES), (limit, priority) => {
        const exact = (BigInt(limit) * BigInt(1 + PRIORITIES[priority])) / 256n
        assert.equal(BigInt(memoryThreshold(limit, priority)), exact)
      }),
      2000,
    )
  })

  it('fills 40, 60, 80 and 100 percent of a limit', () => {
    assert.deepEqual(
      NAMES.map(name => [name, memoryThreshold(1000, name)]),
      [
        ['low', 398],
        ['medium', 597],
        ['high', 796],
        ['always', 1000],
      ],
    )
    const table = new LimitTable({ ...UNLIMITED_LIMITS, memory: 1000 })
    assert.deepEqual(
      NAMES.map(name => table.memoryAt(name)),
      [398, 597, 796, 1000],
    )
  })

  it('does not overflow at the edge of what can be counted', () => {
    const most = Number.MAX_SAFE_INTEGER
    const { governor } = rig({
      limits: { system: { memory: 'unlimited' }, transient: { memory: most }, connection: { memory: 'unlimited' } },
      costs: { connection: 0 },
    })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'outbound'))
    taken(connection.memory.reserve(most - 1))
    const refused = connection.memory.reserve(2)
    assert.ok(!refused.allow)
    assert.deepEqual([refused.denial.current, refused.denial.attempted, refused.denial.limit], [most - 1, 2, UNLIMITED])
    taken(connection.memory.reserve(1))
    assert.ok(!connection.memory.reserve(1, 'low').allow)
    assert.equal(connection.memory.force(1000), true)
    assert.equal(connection.memory.used, most)
    connection.memory.free(most)
    assert.equal(governor.resources().system.usage.memory, 0)
  })

  it('forced above the limit, admits nothing until below it', () => {
    const { governor } = rig({ limits: { transient: { memory: 100 } }, costs: { connection: 0 } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'outbound'))
    assert.equal(connection.memory.force(150), false)
    assert.ok(!connection.memory.reserve(0).allow)
    connection.memory.free(49)
    assert.ok(!connection.memory.reserve(0).allow)
    connection.memory.free(2)
    taken(connection.memory.reserve(1))
    assert.ok(!connection.memory.reserve(1).allow)
  })

  it('takes whole numbers only', () => {
    const { governor } = rig()
    const { memory } = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'outbound'))
    for (const bytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => memory.reserve(bytes), MisuseError)
      assert.throws(() => memory.force(bytes), MisuseError)
      assert.throws(() => memory.free(bytes), MisuseError)
    }
    assert.throws(() => memory.reserve(1, 'urgent' as MemoryPriority), MisuseError)
  })
})
