/** Property 8, second half: `observe` refuses nothing and says what `enforce` would have said. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { holds, rig, taken } from '../helpers.ts'
import { Driver, ops, TIGHT } from './driver.ts'

describe('observe', () => {
  it('refuses nothing but verbs on handles that cannot take them', t => {
    holds(
      t,
      fc.property(ops(150), list => {
        const { governor, clock, events } = rig({ ...TIGHT, mode: 'observe' })
        const driver = new Driver(governor, clock, false).run(list)
        for (const outcome of driver.outcomes) {
          if (!outcome.allow && outcome.denial !== undefined) assert.match((outcome.denial as { rule: string }).rule, /^handle\./)
        }
        const denials = events.filter(event => event.type === 'denial')
        const counted = governor.resources().denials.reduce((sum, each) => sum + each.count, 0)
        assert.equal(counted, denials.length)
        for (const event of denials) assert.equal(event.mode, event.denial.rule.startsWith('handle.') ? 'enforce' : 'observe')
      }),
    )
  })

  it('says at the first difference exactly what enforce says', t => {
    holds(
      t,
      fc.property(ops(150), list => {
        const enforced = rig(TIGHT)
        const observed = rig({ ...TIGHT, mode: 'observe' })
        const refusals = new Driver(enforced.governor, enforced.clock, false).run(list).outcomes
        const admissions = new Driver(observed.governor, observed.clock, false).run(list).outcomes
        const first = refusals.findIndex(
          outcome => !outcome.allow && !/^handle\./.test((outcome.denial as { rule: string } | undefined)?.rule ?? 'handle.'),
        )
        assert.deepEqual(admissions.slice(0, first < 0 ? undefined : first), refusals.slice(0, first < 0 ? undefined : first))
        if (first >= 0) assert.deepEqual(admissions[first]?.would, refusals[first]?.denial)
      }),
    )
  })

  it('spends nothing on a stream that has no rate, whatever was asked before', () => {
    const free = {
      connection: 'unlimited',
      peer: 'unlimited',
      ip: 'unlimited',
      '/56': 'unlimited',
      '/24': 'unlimited',
      '/48': 'unlimited',
    } as const
    const { governor } = rig({
      mode: 'observe',
      limits: { peerDefault: { streams: 1 } },
      rates: { 'stream-open': free, ping: { connection: { perSecond: 0, burst: 2 } } },
    })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    taken(connection.openStream('inbound'))
    assert.equal(connection.spend('ping').allow, true)
    const second = connection.openStream('inbound')
    assert.ok(second.allow && second.would?.rule === 'limit.peer')
    const ping = connection.spend('ping')
    assert.ok(ping.allow && ping.would === undefined, 'the second of two')
  })

  it('can be chosen for one rule', () => {
    const { governor } = rig({
      rules: { 'limit.peer': 'observe' },
      limits: { peerDefault: { connections: 1 }, system: { connections: 2 } },
    })
    for (const n of [1, 2]) {
      const connection = taken(governor.openConnection(`/ip4/192.0.2.${n}/tcp/1`, 'inbound'))
      const decision = connection.setPeer('QmPeer')
      assert.ok(decision.allow)
      assert.equal(decision.would?.rule, n === 1 ? undefined : 'limit.peer')
    }
    const third = governor.openConnection('/ip4/192.0.2.3/tcp/1', 'inbound')
    assert.ok(!third.allow && third.denial.rule === 'limit.system')
    const modes = governor.resources().denials.map(({ rule, mode, count }) => [rule, mode, count])
    assert.deepEqual(modes, [
      ['limit.peer', 'observe', 1],
      ['limit.system', 'enforce', 1],
    ])
  })
})
