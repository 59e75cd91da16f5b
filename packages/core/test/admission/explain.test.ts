import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Explanation } from '@sluice/core'
import { EXPLAINED_DENIALS_MAX } from '../../src/explain.ts'
import { rig, taken } from '../helpers.ts'

const PEER = '12D3KooWPeerPeerPeerPeer'

function failing(explanation: Explanation): [string, string, string][] {
  return explanation.rules.filter(rule => !rule.passes).map(rule => [rule.rule, rule.scope, rule.policyPath])
}

describe('explain', () => {
  it('names every rule of an IP, with path and remedy where it does not pass', () => {
    const { governor, clock } = rig({ prefixes: { ipv4: { ip: { connections: 1, rate: { perSecond: 0.5, burst: 1 } } } } })
    taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    for (let n = 0; n < 25; n++) governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')
    const explanation = governor.explain('192.0.2.1')
    assert.equal(explanation.kind, 'ip')
    assert.deepEqual(failing(explanation), [
      ['rate.connection', '192.0.2.1', 'prefixes.ipv4.ip.rate'],
      ['limit.prefix', 'prefix:192.0.2.1/32', 'prefixes.ipv4.ip.connections'],
    ])
    for (const rule of explanation.rules) assert.equal(rule.passes, rule.remedy === undefined, rule.policyPath)
    assert.match(
      explanation.rules.find(rule => rule.rule === 'limit.prefix')?.remedy ?? '',
      /Raise prefixes\.ipv4\.ip\.connections to at least 2/,
    )
    assert.ok(explanation.rules.some(rule => rule.policyPath === 'limits.system.connectionsInbound' && rule.passes && rule.current === 1))
    assert.equal(explanation.denials.length, EXPLAINED_DENIALS_MAX)
    assert.ok((explanation.denials[0]?.id ?? 0) > (explanation.denials[1]?.id ?? 0))
    clock.pass(2000)
    assert.deepEqual(failing(governor.explain('/ip4/192.0.2.1/tcp/9')), [
      ['limit.prefix', 'prefix:192.0.2.1/32', 'prefixes.ipv4.ip.connections'],
    ])
  })

  it('explains a prefix, IPv6, a network, a relay and an exempt address', () => {
    const { governor } = rig({ prefixes: { networks: [{ network: '203.0.113.0/24', connections: 5 }] } })
    const paths = (subject: string): string[] =>
      governor
        .explain(subject)
        .rules.filter(rule => rule.rule === 'limit.prefix')
        .map(rule => rule.policyPath)
    assert.equal(governor.explain('198.51.100.0/24').kind, 'prefix')
    assert.ok(paths('198.51.100.0/24').includes('prefixes.ipv4./24.connections'))
    assert.ok(paths('2001:db8::1').includes('prefixes.ipv6./56.pending'))
    assert.ok(paths('203.0.113.7').includes('prefixes.networks[0].connections'))
    assert.ok(paths('/ip4/9.9.9.9/tcp/1/p2p/QmRelay/p2p-circuit').includes('prefixes.relay.connections'))
    assert.deepEqual(paths('127.0.0.1'), [])
    assert.equal(governor.explain('300.0.0.0/24').kind, 'unknown')
  })

  it('explains a peer: its scopes, sub-scopes, overrides and rates', () => {
    const { governor } = rig({
      limits: { peers: { [PEER]: { streams: 1 } } },
      rates: { ping: { peer: { perSecond: 1, burst: 1 } } },
    })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer(PEER))
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a'))
    taken(stream.setService('x'))
    taken(connection.spend('ping'))
    const explanation = governor.explain(PEER)
    assert.equal(explanation.kind, 'peer')
    const bad = failing(explanation)
    assert.ok(bad.some(([rule, , path]) => rule === 'limit.peer' && path === `limits.peers.${PEER}.streams`))
    assert.ok(bad.some(([rule, scope, path]) => rule === 'rate.ping' && scope === PEER && path === 'rates.ping.peer'))
    assert.ok(explanation.rules.some(rule => rule.scope === `protocol:/a.peer:${PEER}`))
    assert.ok(explanation.rules.some(rule => rule.scope === `service:x.peer:${PEER}`))
    // A peer's part of a protocol or service never holds connections: their limits there, 0 by default, are no news.
    const shared = explanation.rules.filter(rule => rule.scope.includes('.peer:'))
    assert.deepEqual([...new Set(shared.map(rule => rule.resource))].sort(), ['memory', 'streams', 'streamsInbound', 'streamsOutbound'])
    assert.deepEqual(
      shared.filter(rule => !rule.passes),
      [],
    )
    assert.equal(governor.explain('QmNobodyNobodyNobody').kind, 'unknown')
  })

  it('explains a decision by its id, and shows bans and deny entries', () => {
    const { governor } = rig({ gate: { deny: ['198.51.100.0/24'] } })
    const refused = governor.openConnection('/ip4/198.51.100.1/tcp/1', 'inbound')
    assert.ok(!refused.allow)
    const explanation = governor.explain(String(refused.denial.id))
    assert.equal(explanation.kind, 'decision')
    assert.equal(explanation.denials[0]?.message, refused.denial.message)
    assert.deepEqual(failing(explanation)[0]?.[0], 'gate.deny')
    const ban = governor.ban(PEER, { reason: 'rude' })
    const banned = governor.explain(PEER)
    assert.deepEqual([banned.kind, banned.bans], ['peer', [ban]])
    assert.deepEqual(failing(banned)[0]?.[0], 'gate.ban')
    assert.ok(governor.unban(PEER))
    assert.equal(governor.unban(PEER), false)
    assert.equal(governor.explain(PEER).kind, 'unknown')
  })
})
