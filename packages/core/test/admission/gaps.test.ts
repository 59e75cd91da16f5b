/** The gaps of go-libp2p's resource manager, one test each, numbered as in the README's table. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Connection, type Decision, type Governor, validatePolicy } from '@sluice/core'
import { StreamHandle } from '../../src/admission/stream.ts'
import { NOWHERE } from '../../src/resources/scope.ts'
import { rig, taken } from '../helpers.ts'

const RELAY = '12D3KooWRelayRelayRelayRelay'
const FRIEND = '12D3KooWFriendFriendFriend'

/** Opens until refused, at most `max` times. */
function openAll(governor: Governor, address: (n: number) => string, max: number): Decision<Connection>[] {
  const decisions: Decision<Connection>[] = []
  for (let n = 0; n < max; n++) {
    const decision = governor.openConnection(address(n), 'inbound')
    decisions.push(decision)
    if (!decision.allow) break
  }
  return decisions
}

describe('gap 1: addresses without an IP', () => {
  it('are charged by kind, so that one kind cannot crowd out another', () => {
    const { governor } = rig({ prefixes: { other: { connections: 2, pending: 2 } } })
    assert.deepEqual(
      openAll(governor, () => '/memory/7', 9).map(each => each.allow),
      [true, true, false],
    )
    for (const address of ['/dns4/example.org/tcp/1', '/onion3/abc:1/x', 'no address at all'])
      taken(governor.openConnection(address, 'inbound'))
    const names = governor.resources().prefixes.map(scope => scope.name)
    assert.deepEqual(names.sort(), ['other:dns4', 'other:memory', 'other:onion3', 'other:unparsable'])
  })
})

describe('gap 2: circuits', () => {
  it('are charged to their relay by id, never to its IP', () => {
    const { governor } = rig({ prefixes: { ipv4: { ip: { connections: 1 } } } })
    const circuits = openAll(governor, n => `/ip4/203.0.113.1/tcp/${n + 1}/p2p/${RELAY}/p2p-circuit`, 12)
    assert.ok(circuits.every(each => each.allow))
    assert.equal(governor.view({ scope: 'prefix', key: `relay:${RELAY}` })?.usage.connectionsInbound, 12)
    taken(governor.openConnection('/ip4/203.0.113.1/tcp/1', 'inbound'))
  })
})

describe('gap 3: private networks, and dialling out', () => {
  it('are not held to the limits of the public Internet', () => {
    const { governor } = rig({ prefixes: { ipv4: { ip: { connections: 1 } }, ipv6: { ip: { connections: 1 } } } })
    for (const address of ['/ip4/192.168.1.1/tcp/1', '/ip6/fd00::1/tcp/1', '/ip4/127.0.0.1/tcp/1']) {
      assert.ok(
        openAll(governor, () => address, 9).every(each => each.allow),
        address,
      )
    }
    for (let n = 0; n < 9; n++) taken(governor.openConnection('/ip4/198.51.100.1/tcp/1', 'outbound'))
    assert.equal(governor.resources().prefixes.length, 0)
  })
})

describe('gap 4: allow-listed remotes', () => {
  it('are not held to the rate of new connections', () => {
    const { governor } = rig({ gate: { allow: ['192.0.2.1'] } })
    for (let n = 0; n < 40; n++) taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')).release()
    assert.equal(governor.resources().denials.length, 0)
    const others = openAll(governor, () => '/ip4/192.0.2.2/tcp/1', 40)
    const last = others.at(-1)
    assert.ok(last !== undefined && !last.allow)
  })

  it('can open streams while the system scope is full of them', () => {
    const { governor } = rig({ gate: { allow: ['192.0.2.1'] }, limits: { system: { streams: 2 } } })
    const stranger = taken(governor.openConnection('/ip4/192.0.2.2/tcp/1', 'inbound'))
    const friend = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(stranger.setPeer('QmStranger'))
    taken(friend.setPeer(FRIEND))
    taken(stranger.openStream('inbound'))
    taken(stranger.openStream('inbound'))
    const refused = stranger.openStream('inbound')
    assert.ok(!refused.allow && refused.denial.rule === 'limit.system')
    const stream = taken(friend.openStream('inbound'))
    taken(stream.setProtocol('/a'))
    const { allowlistedSystem, system } = governor.resources()
    assert.deepEqual([allowlistedSystem.usage.streamsInbound, system.usage.streamsInbound], [1, 2])
    stream.release()
    assert.equal(governor.resources().allowlistedSystem.usage.streamsInbound, 0)
  })

  it('are not held to the rates of what they do', () => {
    const slow = { connection: { perSecond: 1, burst: 1 } }
    const { governor } = rig({ gate: { allow: [`/ip4/192.0.2.1/p2p/${FRIEND}`] }, rates: { 'stream-open': slow, ping: slow } })
    const friend = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(friend.setPeer(FRIEND))
    for (let n = 0; n < 5; n++) {
      taken(friend.openStream('inbound'))
      taken(friend.spend('ping'))
    }
    const other = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(other.setPeer('QmSomebodyElse'))
    taken(other.spend('ping'))
    const refused = other.spend('ping')
    assert.ok(!refused.allow && refused.denial.rule === 'rate.ping' && refused.denial.scope === other.name)
  })
})

describe('gap 5: an allow entry added at run time', () => {
  it('lifts the cap of its prefix at once, and put back when removed', () => {
    const { governor } = rig({ prefixes: { ipv4: { ip: { connections: 8, pending: 8, rate: 'unlimited' } } } })
    const open = (): Decision<Connection> => governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')
    assert.equal(openAll(governor, () => '/ip4/192.0.2.1/tcp/1', 20).length, 9)
    governor.allow('192.0.2.0/28')
    assert.ok(governor.isAllowed('/ip4/192.0.2.1/tcp/1'))
    const ninth = taken(open())
    assert.ok(ninth.allowlisted)
    assert.equal(governor.resources().allowlistedTransient.usage.connectionsInbound, 1)
    assert.ok(governor.disallow('192.0.2.0/28'))
    assert.ok(!open().allow)
  })
})

describe('gap 6: refusals by prefix and by rate', () => {
  it('are the same kind of value as any other, and counted', () => {
    const { governor, events } = rig({
      prefixes: { ipv4: { ip: { connections: 1 }, '/24': { rate: { perSecond: 0.5, burst: 2 } } } },
    })
    taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    const full = governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')
    assert.ok(!full.allow)
    assert.equal((JSON.parse(JSON.stringify(full.denial)) as { message: string }).message, full.denial.message)
    assert.deepEqual(
      [full.denial.rule, full.denial.scope, full.denial.resource, full.denial.current, full.denial.attempted, full.denial.limit],
      ['limit.prefix', 'prefix:192.0.2.1/32', 'connections', 1, 1, 1],
    )
    taken(governor.openConnection('/ip4/192.0.2.2/tcp/1', 'inbound'))
    const fast = governor.openConnection('/ip4/192.0.2.3/tcp/1', 'inbound')
    assert.ok(!fast.allow)
    assert.deepEqual(
      [fast.denial.rule, fast.denial.scope, fast.denial.current, fast.denial.limit, fast.denial.retryAfterMs],
      ['rate.connection', 'prefix:192.0.2.0/24', 2, 2, 2000],
    )
    assert.deepEqual(
      governor.resources().denials.map(({ rule, resource, count }) => [rule, resource, count]),
      [
        ['limit.prefix', 'connections', 1],
        ['rate.connection', 'rate', 1],
      ],
    )
    assert.equal(events.length, 2)
  })
})

describe('gap 7: autoscaling', () => {
  it('adds mebibytes, not bytes, to the protocol-peer scope', () => {
    const small = validatePolicy({}, { memoryBytes: 2 ** 30, fileDescriptors: 1024 }).limits
    const large = validatePolicy({}, { memoryBytes: 16 * 2 ** 30, fileDescriptors: 1024 }).limits
    assert.ok(Number(large.protocolPeerDefault.memory) - Number(small.protocolPeerDefault.memory) >= 2 ** 20)
  })
})

describe('gap 8: reports', () => {
  it('have the memory of every class of scope, services included', () => {
    const { governor } = rig({ costs: { connection: 10, stream: 1 } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a'))
    taken(stream.setService('relay'))
    taken(stream.memory.reserve(100))
    const { services, protocols, peers, system } = governor.resources()
    const memory = [services[0], protocols[0], peers[0], system].map(scope => [scope?.name, scope?.usage.memory])
    assert.deepEqual(memory, [
      ['service:relay', 101],
      ['protocol:/a', 101],
      ['peer:QmPeer', 111],
      ['system', 111],
    ])
    assert.equal(governor.view({ scope: 'servicePeer', key: 'relay', peer: 'QmPeer' })?.usage.memory, 101)
    assert.equal(governor.view({ scope: 'protocolPeer', key: '/a', peer: 'QmPeer' })?.usage.memory, 101)
  })
})

describe('gap 9: a closed handle', () => {
  it('admits nothing, and holds on to no scope', () => {
    const { governor } = rig()
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a'))
    stream.release()
    const verbs = [stream.setService('x'), stream.setProtocol('/b'), stream.memory.reserve(1), stream.openSpan()]
    for (const decision of verbs) assert.ok(!decision.allow && decision.denial.rule === 'handle.released')
    assert.ok(stream instanceof StreamHandle)
    assert.deepEqual([stream.peerScope, stream.protocolScope, stream.systemScope], [NOWHERE, NOWHERE, NOWHERE])
    connection.release()
    for (const decision of [
      connection.setPeer('QmOther'),
      connection.openStream('inbound'),
      connection.spend('ping'),
      connection.openSpan(),
    ]) {
      assert.ok(!decision.allow && decision.denial.rule === 'handle.released')
    }
    assert.equal(connection.memory.force(5), false)
    connection.memory.free(5)
    assert.equal(governor.resources().system.usage.memory, 0)
  })
})

describe('gap 10: the trace', () => {
  it('names spans as the replay reads them', () => {
    const { governor, inputs } = rig({}, { recorded: true })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    const span = taken(taken(connection.openSpan()).openSpan())
    assert.equal(span.name, 'conn-1.span-1.span-2')
    span.release()
    assert.deepEqual(
      inputs.slice(2).map(input => ('o' in input ? [input.v, input.o] : [])),
      [
        ['span', 'c1'],
        ['span', 'p1'],
        ['release', 'p2'],
      ],
    )
  })
})

describe('gap 11: metrics', () => {
  it('are pulled: admitting pushes no event', () => {
    const { governor, events } = rig()
    for (let n = 0; n < 4; n++) {
      const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
      taken(connection.setPeer('QmPeer'))
      taken(taken(connection.openStream('inbound')).memory.reserve(1))
    }
    assert.equal(events.length, 0)
    assert.equal(governor.resources().counts.streams, 4)
  })
})

describe('gap 12: tokens', () => {
  it('are not spent on what a later step refuses', () => {
    const rate = { perSecond: 0.001, burst: 2 }
    const { governor } = rig({
      prefixes: { ipv4: { ip: { rate } } },
      limits: { transient: { connections: 1 } },
      rates: { 'stream-open': { peer: rate } },
    })
    const first = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    for (let n = 0; n < 10; n++) {
      const refused = governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')
      assert.ok(!refused.allow && refused.denial.rule === 'limit.transient')
    }
    taken(first.setPeer('QmPeer'))
    taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(first.openStream('inbound'))
    governor.view({ scope: 'peer', key: 'QmPeer' })?.setLimits({ streamsInbound: 1 })
    for (let n = 0; n < 10; n++) {
      const refused = first.openStream('inbound')
      assert.ok(!refused.allow && refused.denial.rule === 'limit.peer')
    }
    governor.view({ scope: 'peer', key: 'QmPeer' })?.setLimits({ streamsInbound: 9 })
    taken(first.openStream('inbound'))
    const dry = first.openStream('inbound')
    assert.ok(!dry.allow && dry.denial.rule === 'rate.stream-open' && dry.denial.scope === 'peer:QmPeer')
  })
})
