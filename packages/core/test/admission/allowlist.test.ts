import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rig, taken } from '../helpers.ts'

const FRIEND = '12D3KooWFriendFriendFriend'
const FULL = {
  gate: { allow: [`/ip4/192.0.2.0/ipcidr/24/p2p/${FRIEND}`] },
  limits: { system: { connections: 1 } },
  costs: { connection: 10, stream: 1 },
} as const

describe('a connection through the allow list', () => {
  it('is asked about only when the normal scopes refuse, and moves to its peer under the allow-listed system', () => {
    const { governor } = rig(FULL)
    assert.equal(taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')).allowlisted, false)
    const connection = taken(governor.openConnection('/ip4/192.0.2.2/tcp/1', 'inbound'))
    assert.ok(connection.allowlisted)
    taken(connection.setPeer(FRIEND))
    const { allowlistedSystem, allowlistedTransient, system, prefixes } = governor.resources()
    assert.deepEqual(
      [allowlistedSystem, allowlistedTransient, system].map(scope => [scope.usage.connectionsInbound, scope.usage.memory]),
      [
        [1, 10],
        [0, 0],
        [1, 10],
      ],
    )
    assert.ok(prefixes.every(scope => scope.usage.connectionsInbound === 1))
    connection.release()
    assert.deepEqual(Object.values(governor.resources().allowlistedSystem.usage), [0, 0, 0, 0, 0, 0, 0])
  })

  it('of the wrong peer is refused where the normal scopes are full, and stays', () => {
    const { governor } = rig(FULL)
    const first = taken(governor.openConnection('/ip4/198.51.100.1/tcp/1', 'inbound'))
    const connection = taken(governor.openConnection('/ip4/192.0.2.2/tcp/1', 'inbound'))
    const refused = connection.setPeer('QmSomebodyElse')
    assert.ok(!refused.allow && refused.denial.rule === 'limit.system')
    assert.ok(connection.open && connection.allowlisted && connection.peer === undefined)
    first.release()
    taken(connection.openStream('outbound'))
    taken(connection.setPeer('QmSomebodyElse'))
    assert.equal(connection.allowlisted, false)
    const { system, allowlistedSystem, allowlistedTransient, prefixes, transient } = governor.resources()
    assert.deepEqual([system.usage.connectionsInbound, system.usage.streamsOutbound, system.usage.memory], [1, 1, 11])
    assert.deepEqual([transient.usage.connectionsInbound, transient.usage.streamsOutbound, transient.usage.memory], [0, 1, 1])
    for (const scope of [allowlistedSystem, allowlistedTransient]) assert.deepEqual(Object.values(scope.usage), [0, 0, 0, 0, 0, 0, 0])
    assert.equal(prefixes.length, 3)
    assert.ok(prefixes.every(scope => scope.usage.connectionsInbound === 1 && scope.usage.connectionsPending === 0))
    connection.release()
    assert.deepEqual(Object.values(governor.resources().system.usage), [0, 0, 0, 0, 0, 0, 0])
  })

  it('is refused when the allow-listed scopes are full too', () => {
    const { governor } = rig({ ...FULL, limits: { ...FULL.limits, allowlistedSystem: { connections: 1 } } })
    taken(governor.openConnection('/ip4/198.51.100.1/tcp/1', 'inbound'))
    taken(governor.openConnection('/ip4/192.0.2.2/tcp/1', 'inbound'))
    const refused = governor.openConnection('/ip4/192.0.2.3/tcp/1', 'inbound')
    assert.ok(!refused.allow && refused.denial.rule === 'limit.allowlistedSystem')
  })

  it('never gets past a deny entry or a ban', () => {
    const { governor, clock, events } = rig({ gate: { allow: ['192.0.2.0/24'], deny: ['192.0.2.9'] } })
    const denied = governor.openConnection('/ip4/192.0.2.9/tcp/1', 'inbound')
    assert.ok(!denied.allow && denied.denial.rule === 'gate.deny')
    assert.match(denied.denial.message, /deny list/)
    governor.ban(FRIEND, { forMs: 1000, reason: 'test' })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    const banned = connection.setPeer(FRIEND)
    assert.ok(!banned.allow && banned.denial.rule === 'gate.ban' && banned.denial.scopeClass === 'peer')
    clock.pass(1000)
    governor.advance()
    taken(connection.setPeer(FRIEND))
    assert.deepEqual(
      events.map(event => event.type),
      ['denial', 'ban', 'denial', 'unban'],
    )
  })
})
