import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MisuseError } from '@sluice/core'
import { rig, taken } from '../helpers.ts'

describe('a denial', () => {
  it('says in one sentence what refused, with escaped names', () => {
    const { governor, events } = rig({ limits: { protocolDefault: { streams: 1 } } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    const [first, second] = [taken(connection.openStream('inbound')), taken(connection.openStream('inbound'))]
    taken(first.setProtocol('/a\n"☃'))
    const refused = second.setProtocol('/a\n"☃')
    assert.ok(!refused.allow)
    assert.equal(refused.denial.scope, 'protocol:/a\n"☃')
    assert.equal(
      refused.denial.message,
      'limit.protocol: protocol:/a\\u{a}\\"\\u{2603} holds 1 streams of at most 1; inbound request for 1 more refused.',
    )
    const [event] = events
    assert.ok(event?.type === 'denial')
    assert.deepEqual([event.peer, event.address, event.denial.id], ['QmPeer', '192.0.2.1', 1])
    assert.equal((JSON.parse(JSON.stringify(event)) as { address: string }).address, '192.0.2.1')
    taken(second.setProtocol('/b'))
  })

  it('of a rate says how long to wait, or that waiting is in vain', () => {
    const { governor, clock } = rig({ rates: { ping: { node: { perSecond: 2, burst: 2 } } } })
    taken(governor.spend('ping', '192.0.2.1', 2))
    const soon = governor.spend('ping', '192.0.2.2')
    assert.ok(!soon.allow)
    assert.deepEqual([soon.denial.scope, soon.denial.scopeClass, soon.denial.retryAfterMs], ['system', 'system', 500])
    assert.match(soon.denial.message, /2 of a burst of 2 spent, 1 more asked/)
    const never = governor.spend('ping', '192.0.2.2', 3)
    assert.ok(!never.allow && never.denial.retryAfterMs === undefined)
    clock.pass(500)
    taken(governor.spend('ping', '192.0.2.2'))
    taken(governor.spend('no such kind', '192.0.2.2'))
    assert.throws(() => governor.spend('ping', '192.0.2.2', 0), MisuseError)
  })

  it('of a list, of a released handle and of a wrong state has a sentence too', () => {
    const { governor } = rig({ gate: { deny: ['192.0.2.9'] } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeer'))
    const again = connection.setPeer('QmPeer')
    connection.release()
    const gone = connection.setPeer('QmPeer')
    const messages = [governor.openConnection('192.0.2.9', 'inbound'), again, gone].map(each => (each.allow ? '' : each.denial.message))
    assert.deepEqual(messages, ['/ip4/192.0.2.9 is on the deny list.', 'conn-1 is not in a state that takes this.', 'conn-1 was released.'])
  })
})

describe('the door', () => {
  it('throws on what no correct caller passes', () => {
    const { governor } = rig()
    assert.throws(() => governor.openConnection('/ip4/192.0.2.1/tcp/1', 'sideways' as 'inbound'), MisuseError)
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    assert.throws(() => connection.setPeer(''), MisuseError)
    assert.throws(() => connection.setPeer('x'.repeat(2000)), MisuseError)
    assert.throws(() => connection.openStream('up' as 'inbound'), MisuseError)
    assert.throws(() => governor.ban('192.0.2.1', { forMs: 0 }), MisuseError)
    assert.throws(() => governor.ban('nobody at all'), MisuseError)
  })
})

describe('source verification', () => {
  it('is asked for once half the burst of new connections is spent, and of what does not parse', () => {
    const { governor } = rig({ gate: { allow: ['192.0.2.2'] } })
    const asked = [...Array(12)].map(() => governor.shouldVerifySource('/ip4/192.0.2.1/udp/1/quic-v1'))
    assert.deepEqual([asked.indexOf(true), asked.lastIndexOf(false)], [8, 7])
    assert.ok([...Array(12)].every(() => !governor.shouldVerifySource('/ip4/192.0.2.2/udp/1/quic-v1')))
    assert.equal(governor.shouldVerifySource('nonsense'), true)
    assert.equal(governor.shouldVerifySource('127.0.0.1'), false)
  })
})

describe('the limits of one connection', () => {
  it('hold its streams', () => {
    const { governor } = rig({ limits: { connection: { streams: 2, streamsInbound: 1 } } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    const first = taken(connection.openStream('inbound'))
    const refused = connection.openStream('inbound')
    assert.ok(!refused.allow)
    assert.deepEqual([refused.denial.rule, refused.denial.scope, refused.denial.resource], ['limit.connection', 'conn-1', 'streamsInbound'])
    const outbound = taken(connection.openStream('outbound'))
    const third = connection.openStream('outbound')
    assert.ok(!third.allow && third.denial.resource === 'streams')
    assert.deepEqual([connection.usage.streamsInbound, connection.usage.streamsOutbound], [1, 1])
    const seen = connection.streams
    assert.deepEqual([...seen], [outbound, first])
    assert.ok(seen.has(first) && seen.size === 2)
    assert.deepEqual(
      [...seen.entries()],
      [
        [outbound, outbound],
        [first, first],
      ],
    )
    const visited: unknown[] = []
    seen.forEach(stream => {
      visited.push(stream)
      stream.release()
    })
    assert.deepEqual(visited, [outbound, first])
    assert.deepEqual([...seen.keys(), seen.has(first)], [false])
    governor.setMode('observe')
    taken(connection.openStream('inbound'))
    const would = connection.openStream('inbound')
    assert.ok(would.allow && would.would?.rule === 'limit.connection')
  })
})

describe('streams opened before the peer is known', () => {
  it('move to the peer with their connection, or all stay', () => {
    const { governor } = rig({ limits: { peerDefault: { streams: 2, streamsOutbound: 2 } }, costs: { connection: 10, stream: 1 } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    const streams = ['outbound', 'outbound', 'outbound'].map(direction => taken(connection.openStream(direction as 'outbound')))
    const early = streams[0]?.setProtocol('/a')
    assert.ok(early !== undefined && !early.allow && early.denial.rule === 'handle.state')
    const refused = connection.setPeer('QmPeer')
    assert.ok(!refused.allow)
    assert.deepEqual(
      [refused.denial.resource, refused.denial.current, refused.denial.attempted, refused.denial.limit],
      ['streamsOutbound', 0, 3, 2],
    )
    streams[0]?.release()
    taken(connection.setPeer('QmPeer'))
    const peer = governor.view({ scope: 'peer', key: 'QmPeer' })
    assert.deepEqual([peer?.usage.streamsOutbound, peer?.usage.memory], [2, 12])
    connection[Symbol.dispose]()
    assert.equal(peer?.usage.memory, 0)
  })
})
