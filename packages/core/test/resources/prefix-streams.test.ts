/** Streams count in the prefixes of their connection: whose limit refuses whom, who is exempt, and that every way a stream comes and goes keeps the numbers true. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Connection, type Governor, MisuseError, type PolicyInput } from '@sluice/core'
import { rig, taken } from '../helpers.ts'

const FREE = { connections: 'unlimited', pending: 'unlimited', streams: 'unlimited', rate: 'unlimited' } as const

function policy(ip: number, site: number, more: PolicyInput = {}): PolicyInput {
  const narrow = { ...FREE, streams: ip }
  const wide = { ...FREE, streams: site }
  return {
    ...more,
    prefixes: {
      ipv4: { ip: narrow, '/24': wide, '/16': FREE },
      ipv6: { ip: narrow, '/56': FREE, '/48': wide, '/32': FREE },
      relay: wide,
      other: wide,
      ...more.prefixes,
    },
  }
}

function connect(governor: Governor, address: string): Connection {
  return taken(governor.openConnection(address, 'inbound'))
}

/** Inbound and outbound streams of a prefix scope. */
function held(governor: Governor, key: string): readonly number[] {
  const usage = governor.view({ scope: 'prefix', key })?.usage
  return [usage?.streamsInbound ?? 0, usage?.streamsOutbound ?? 0]
}

function refusal(connection: Connection): readonly unknown[] {
  const decision = connection.openStream('inbound')
  if (decision.allow) return []
  const { rule, scope, resource, current, limit } = decision.denial
  return [rule, scope, resource, current, limit]
}

describe('the stream limit of a prefix', () => {
  it('counts un-negotiated streams of all connections of an IP together, whoever their peers are', () => {
    const { governor } = rig(policy(3, 100))
    const [first, second] = [1, 2].map(port => connect(governor, `/ip4/192.0.2.1/tcp/${port}`))
    assert.ok(first !== undefined && second !== undefined)
    taken(second.setPeer('QmSecond'))
    taken(first.openStream('inbound'))
    taken(first.openStream('inbound'))
    taken(second.openStream('inbound'))
    assert.deepEqual(refusal(first), ['limit.prefix', 'prefix:192.0.2.1/32', 'streamsInbound', 3, 3])
    assert.deepEqual(refusal(second), ['limit.prefix', 'prefix:192.0.2.1/32', 'streamsInbound', 3, 3])
    taken(first.openStream('outbound'))
    assert.deepEqual(held(governor, '192.0.2.1/32'), [3, 1])
    assert.deepEqual(held(governor, '192.0.0.0/16'), [3, 1])
    taken(connect(governor, '/ip4/192.0.2.2/tcp/1').openStream('inbound'))
  })

  it('holds for sites of many IPs, IPv6, relays and other addresses', () => {
    for (const [one, other, scope] of [
      ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.200/tcp/1', 'prefix:192.0.2.0/24'],
      ['/ip6/2001:db8:1:100::1/tcp/1', '/ip6/2001:db8:1:200::1/tcp/1', 'prefix:2001:db8:1::/48'],
      ['/ip4/192.0.2.1/tcp/1/p2p/QmRelay/p2p-circuit', '/ip4/198.51.100.1/tcp/1/p2p/QmRelay/p2p-circuit', 'relay:QmRelay'],
      ['/memory/1', '/memory/2', 'other:memory'],
    ] as const) {
      const { governor } = rig(policy(100, 2))
      taken(connect(governor, one).openStream('inbound'))
      taken(connect(governor, other).openStream('inbound'))
      assert.deepEqual(refusal(connect(governor, one)), ['limit.prefix', scope, 'streamsInbound', 2, 2])
    }
  })

  it('does not concern connections we dialled, nor loopback', () => {
    const { governor } = rig(policy(1, 1))
    const dialled = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'outbound'))
    const local = connect(governor, '/ip4/127.0.0.1/tcp/1')
    for (const connection of [dialled, local]) for (let n = 0; n < 3; n++) taken(connection.openStream('inbound'))
    assert.deepEqual(governor.resources().prefixes, [])
  })

  it('of a network replaces those of the levels; a network with a rate alone leaves them', () => {
    const networks = [
      { network: '192.0.2.0/24', streams: 2 },
      { network: '198.51.100.0/24', rate: { perSecond: 1, burst: 100 } },
    ]
    const { governor } = rig(policy(1, 100, { prefixes: { networks } }))
    taken(connect(governor, '/ip4/192.0.2.1/tcp/1').openStream('inbound'))
    const second = connect(governor, '/ip4/192.0.2.1/tcp/2')
    taken(second.openStream('inbound'))
    assert.deepEqual(refusal(second), ['limit.prefix', 'prefix:192.0.2.0/24', 'streamsInbound', 2, 2])
    const elsewhere = connect(governor, '/ip4/198.51.100.1/tcp/1')
    taken(elsewhere.openStream('inbound'))
    assert.deepEqual(refusal(elsewhere), ['limit.prefix', 'prefix:198.51.100.1/32', 'streamsInbound', 1, 1])
    const rules = governor.explain('192.0.2.1').rules.filter(rule => rule.resource === 'streamsInbound' && rule.rule === 'limit.prefix')
    assert.deepEqual(
      rules.map(({ current, limit, passes, policyPath }) => [current, limit, passes, policyPath]),
      [[2, 2, false, 'prefixes.networks[0].streams']],
    )
  })

  it('in observe admits and says what it would have refused', () => {
    const { governor } = rig(policy(1, 100, { rules: { 'limit.prefix': 'observe' } }))
    const connection = connect(governor, '/ip4/192.0.2.1/tcp/1')
    taken(connection.openStream('inbound'))
    const decision = connection.openStream('inbound')
    assert.ok(decision.allow)
    assert.deepEqual([decision.would?.rule, decision.would?.resource], ['limit.prefix', 'streamsInbound'])
    assert.deepEqual(held(governor, '192.0.2.1/32'), [2, 0])
  })

  it('can be set on one prefix at run time', () => {
    const { governor } = rig(policy(100, 100))
    const connection = connect(governor, '/ip4/192.0.2.1/tcp/1')
    const view = governor.view({ scope: 'prefix', key: '192.0.2.1/32' })
    view?.setLimits({ streamsInbound: 1 })
    assert.throws(() => view?.setLimits({ streamsOutbound: 1 }), MisuseError)
    taken(connection.openStream('inbound'))
    assert.deepEqual(refusal(connection), ['limit.prefix', 'prefix:192.0.2.1/32', 'streamsInbound', 1, 1])
  })
})

describe('the count of streams in a prefix', () => {
  it('goes with the stream, with its connection, and twice with neither', () => {
    const { governor } = rig(policy(100, 100))
    const connection = connect(governor, '/ip4/192.0.2.1/tcp/1')
    const stays = connect(governor, '/ip4/192.0.2.1/tcp/2')
    taken(stays.openStream('inbound'))
    const stream = taken(connection.openStream('inbound'))
    taken(connection.openStream('inbound'))
    stream.release()
    stream.release()
    assert.deepEqual(held(governor, '192.0.2.1/32'), [2, 0])
    connection.release()
    connection.release()
    assert.deepEqual(held(governor, '192.0.2.1/32'), [1, 0])
  })

  it('moves to the prefixes of a new policy', () => {
    const { governor } = rig(policy(100, 100))
    const connection = connect(governor, '/ip4/192.0.2.1/tcp/1')
    const local = connect(governor, '/ip4/127.0.0.1/tcp/1')
    const streams = [connection, connection, local].map(each => taken(each.openStream('inbound')))
    governor.setPolicy(policy(100, 100, { prefixes: { loopback: 'public', networks: [{ network: '192.0.2.0/28', connections: 9 }] } }))
    assert.deepEqual(held(governor, '192.0.2.0/28'), [2, 0])
    assert.deepEqual(held(governor, '127.0.0.1/32'), [1, 0])
    for (const stream of streams) stream.release()
    assert.deepEqual(held(governor, '192.0.2.0/28'), [0, 0])
    assert.deepEqual(held(governor, '127.0.0.1/32'), [0, 0])
  })

  it('leaves out what came in through the allow list, at once after allow()', () => {
    const { governor } = rig(policy(1, 100))
    const connection = connect(governor, '/ip4/192.0.2.1/tcp/1')
    taken(connection.openStream('inbound'))
    assert.equal(refusal(connection).length, 5)
    governor.allow('/ip4/192.0.2.1')
    const listed = taken(connection.openStream('inbound'))
    assert.deepEqual(held(governor, '192.0.2.1/32'), [1, 0])
    assert.equal(governor.resources().allowlistedSystem.usage.streamsInbound, 1)
    taken(connection.setPeer('QmPeer'))
    assert.equal(governor.resources().allowlistedSystem.usage.streamsInbound, 1, 'its peer does not push it into a scope nobody looked at')
    governor.setPolicy(policy(1, 50))
    assert.deepEqual(held(governor, '192.0.2.1/32'), [1, 0])
    listed.release()
    assert.deepEqual(held(governor, '192.0.2.1/32'), [1, 0])
    assert.equal(governor.resources().allowlistedSystem.usage.streamsInbound, 0)
  })

  it('takes the streams of a connection that turns out not to be on the list, or refuses it', () => {
    const gate = { allow: ['/ip4/192.0.2.0/ipcidr/24/p2p/QmFriendFriendFriend'] }
    const { governor } = rig(policy(2, 100, { gate, prefixes: { ipv4: { ip: { ...FREE, connections: 1, streams: 2 } } } }))
    const first = connect(governor, '/ip4/192.0.2.1/tcp/1')
    const second = connect(governor, '/ip4/192.0.2.1/tcp/2')
    assert.ok(second.allowlisted && !first.allowlisted)
    const streams = [1, 2, 3].map(() => taken(second.openStream('inbound')))
    assert.deepEqual(held(governor, '192.0.2.1/32'), [0, 0])
    first.release()
    const refused = second.setPeer('QmStranger')
    assert.ok(!refused.allow)
    const { rule, resource, current, attempted, limit } = refused.denial
    assert.deepEqual([rule, resource, current, attempted, limit], ['limit.prefix', 'streamsInbound', 0, 3, 2])
    streams[0]?.release()
    taken(second.setPeer('QmStranger'))
    assert.deepEqual(held(governor, '192.0.2.1/32'), [2, 0])
    second.release()
    assert.equal(governor.view({ scope: 'prefix', key: '192.0.2.1/32' })?.usage.streamsInbound, 0)
  })
})
