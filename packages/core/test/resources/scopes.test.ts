import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Limits, MisuseError, PolicyError, type ScopeSelector } from '@sluice/core'
import { COLLECT_EVERY_MS, SWEEP_EVERY_MS } from '../../src/governor.ts'
import { rig, taken } from '../helpers.ts'

const ZERO = [0, 0, 0, 0, 0, 0, 0]

describe('a view', () => {
  it('charges direct use as go does: itself and system, sub-scopes themselves alone', () => {
    const { governor } = rig()
    const selectors: ScopeSelector[] = [
      { scope: 'system' },
      { scope: 'transient' },
      { scope: 'allowlistedTransient' },
      { scope: 'peer', key: 'QmPeer' },
      { scope: 'service', key: 'x' },
      { scope: 'protocol', key: '/a' },
      { scope: 'servicePeer', key: 'x', peer: 'QmPeer' },
      { scope: 'protocolPeer', key: '/a', peer: 'QmPeer' },
    ]
    for (const selector of selectors) taken(governor.view(selector)?.memory.reserve(10) ?? { allow: false, denial: { message: 'no view' } })
    for (const selector of selectors.slice(1)) assert.equal(governor.view(selector)?.usage.memory, 10, JSON.stringify(selector))
    const { system, allowlistedSystem } = governor.resources()
    assert.deepEqual([system.usage.memory, allowlistedSystem.usage.memory], [50, 10])
  })

  it('opens spans whose end frees what they hold', () => {
    const { governor } = rig()
    const view = governor.view({ scope: 'service', key: 'relay' })
    assert.ok(view !== undefined)
    {
      using span = taken(view.openSpan())
      using inner = taken(span.openSpan())
      taken(inner.memory.reserve(5))
      taken(span.memory.reserve(7))
      assert.deepEqual([inner.usage.memory, span.usage.memory, view.usage.memory, governor.resources().counts.spans], [5, 12, 12, 2])
      assert.equal(inner.name, 'service:relay.span-1.span-2')
    }
    assert.deepEqual([view.usage.memory, governor.resources().system.usage.memory, governor.resources().counts.spans], [0, 0, 0])
  })

  it('of a span frees it among others, in any order', () => {
    const { governor } = rig({ costs: { connection: 0 } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'outbound'))
    const spans = [1, 2, 3].map(() => taken(connection.openSpan()))
    for (const [index, span] of spans.entries()) taken(span.memory.reserve(10 ** index))
    spans[1]?.release()
    assert.equal(connection.usage.memory, 101)
    spans[2]?.release()
    assert.equal(connection.usage.memory, 1)
    connection.release()
    assert.equal(spans[0]?.open, false)
    spans[0]?.release()
    assert.equal(governor.resources().counts.spans, 0)
  })

  it('sets limits that take effect at once and keep the scope', () => {
    const { governor, clock } = rig()
    const view = governor.view({ scope: 'peer', key: 'QmPeer' })
    view?.setLimits({ connections: 1, memory: 'unlimited', streams: 'block' })
    assert.deepEqual([view?.limits.connections, view?.limits.memory, view?.limits.streams], [1, 'unlimited', 'block'])
    const [first, second] = [1, 2].map(n => taken(governor.openConnection(`/ip4/192.0.2.${n}/tcp/1`, 'inbound')))
    taken(first?.setPeer('QmPeer') ?? { allow: false, denial: { message: '' } })
    const refused = second?.setPeer('QmPeer')
    assert.ok(refused !== undefined && !refused.allow && refused.denial.limit === 1)
    first?.release()
    clock.pass(COLLECT_EVERY_MS)
    governor.advance()
    assert.equal(governor.resources().counts.peers, 1)
    governor.setPolicy({ limits: { peerDefault: { connections: 7 } } })
    assert.equal(governor.view({ scope: 'peer', key: 'QmPeer' })?.limits.connections, 1)
    assert.throws(() => view?.setLimits({ sockets: 1 } as unknown as Partial<Limits>), MisuseError)
    assert.throws(() => view?.setLimits({ memory: -1 }), MisuseError)
  })

  it('survives the collection of its scope', () => {
    const { governor, clock } = rig()
    const peer = governor.view({ scope: 'peer', key: 'QmPeer' })
    const sub = governor.view({ scope: 'protocolPeer', key: '/a', peer: 'QmPeer' })
    clock.pass(COLLECT_EVERY_MS)
    governor.advance()
    assert.equal(governor.resources().counts.peers, 0)
    taken(peer?.memory.reserve(3) ?? { allow: false, denial: { message: '' } })
    taken(sub?.memory.reserve(4) ?? { allow: false, denial: { message: '' } })
    clock.pass(COLLECT_EVERY_MS)
    governor.advance()
    assert.deepEqual([governor.view({ scope: 'peer', key: 'QmPeer' })?.usage.memory, sub?.usage.memory], [3, 4])
    peer?.memory.free(3)
    clock.pass(COLLECT_EVERY_MS)
    governor.advance()
    assert.equal(governor.resources().counts.peers, 1, 'a sub-scope in use keeps its peer')
  })

  it('is of nothing for a prefix nobody is connected from, and refuses nonsense', () => {
    const { governor } = rig()
    assert.equal(governor.view({ scope: 'prefix', key: '192.0.2.0/24' }), undefined)
    assert.throws(() => governor.view({ scope: 'planet' } as unknown as ScopeSelector), MisuseError)
    assert.throws(() => governor.view({ scope: 'peer', key: '' }), MisuseError)
  })
})

describe('collection', () => {
  it('asks to be called again soon while principals are left to look at', () => {
    const { governor, clock } = rig()
    for (let n = 0; n < 12_000; n++) governor.spend('ping', `198.${n >> 12}.${(n >> 4) & 255}.${n & 15}`)
    clock.pass(COLLECT_EVERY_MS)
    const waits = [governor.advance()]
    assert.equal(governor.advance(), SWEEP_EVERY_MS, 'a call that comes early looks at nothing')
    while (waits.at(-1) === SWEEP_EVERY_MS) {
      clock.pass(SWEEP_EVERY_MS)
      waits.push(governor.advance())
    }
    // 12,000 IPs, 750 /24s and 3 /16s: seven times 2,048 at most.
    assert.deepEqual(waits, [...new Array(6).fill(SWEEP_EVERY_MS), COLLECT_EVERY_MS - 6 * SWEEP_EVERY_MS])
  })

  it('lets go of idle peers and protocols every 60 s, never of services', () => {
    const { governor, clock } = rig()
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a'))
    taken(stream.setService('x'))
    clock.pass(COLLECT_EVERY_MS)
    assert.equal(governor.advance(), COLLECT_EVERY_MS)
    assert.deepEqual([governor.resources().counts.peers, governor.resources().protocols.length], [1, 1])
    connection.release()
    clock.pass(COLLECT_EVERY_MS - 1)
    assert.equal(governor.advance(), 1)
    assert.equal(governor.resources().counts.peers, 1)
    clock.pass(1)
    governor.advance()
    const { counts, protocols, services } = governor.resources()
    assert.deepEqual([counts.peers, protocols.length, services.length], [0, 0, 1])
  })
})

describe('a policy put in force at run time', () => {
  it('changes limits of every scope, keeps what is held, and moves prefix charges', () => {
    const { governor, events } = rig({ prefixes: { ipv4: { ip: { connections: 8, pending: 8 } } } })
    const connections = [1, 2, 3].map(() => taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')))
    taken(connections[0]?.setPeer('QmPeer') ?? { allow: false, denial: { message: '' } })
    governor.setPolicy({ limits: { system: { connections: 2 } }, prefixes: { networks: [{ network: '192.0.2.0/28', connections: 60 }] } })
    const { system, prefixes } = governor.resources()
    assert.equal(system.usage.connectionsInbound, 3)
    assert.deepEqual(
      prefixes.map(({ name, usage }) => [name, usage.connectionsInbound, usage.connectionsPending]),
      [['prefix:192.0.2.0/28', 3, 2]],
    )
    const refused = governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')
    assert.ok(!refused.allow && refused.denial.rule === 'limit.system' && refused.denial.current === 3)
    for (const connection of connections) connection.release()
    assert.deepEqual(Object.values(governor.resources().system.usage), ZERO)
    assert.deepEqual(governor.resources().prefixes, [])
    assert.deepEqual(
      events.map(event => event.type),
      ['policy', 'denial'],
    )
  })

  it('changes nothing when it is invalid', () => {
    const { governor, events } = rig()
    const before = governor.policy
    assert.throws(() => governor.setPolicy({ connections: -5 }), PolicyError)
    assert.equal(governor.policy, before)
    assert.equal(events.length, 0)
    governor.setMode('observe')
    assert.equal(governor.policy.mode, 'observe')
    assert.throws(() => governor.setMode('off' as 'observe'), MisuseError)
  })

  it('answers an honest NAT of 60 peers with one line', () => {
    const { governor, clock } = rig({
      prefixes: { networks: [{ network: '203.0.113.7/32', connections: 60, pending: 60, rate: { perSecond: 1, burst: 60 } }] },
    })
    for (let n = 0; n < 60; n++) taken(governor.openConnection(`/ip4/203.0.113.7/tcp/${n + 1}`, 'inbound'))
    const more = governor.openConnection('/ip4/203.0.113.7/tcp/99', 'inbound')
    assert.ok(!more.allow)
    clock.pass(60_000)
    const full = governor.openConnection('/ip4/203.0.113.7/tcp/99', 'inbound')
    assert.ok(!full.allow && full.denial.scope === 'prefix:203.0.113.7/32')
  })

  it('can give each IP of a network limits of its own', () => {
    const { governor } = rig({
      prefixes: {
        networks: [
          { network: '203.0.113.0/24', per: 'ip', connections: 1 },
          { network: '2001:db8::/32', per: 'ip', connections: 1 },
        ],
      },
    })
    for (const address of [
      '/ip4/203.0.113.1/tcp/1',
      '/ip4/203.0.113.2/tcp/1',
      '/ip6/2001:db8:0:1::1/tcp/1',
      '/ip6/2001:db8:0:2::1/tcp/1',
    ]) {
      taken(governor.openConnection(address, 'inbound'))
      const second = governor.openConnection(address, 'inbound')
      assert.ok(!second.allow && second.denial.rule === 'limit.prefix' && second.denial.limit === 1, address)
    }
  })
})
