/** Every table of the engine stays under its cap, whoever comes. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAddress } from '@sluice/core'
import { DENIALS_KEPT_MAX, DenialLog, DenialRecord, RATE_KINDS_COUNTED_MAX } from '../../src/admission/denials.ts'
import { Graph, IDLE_PEERS_MAX, OVERFLOW_KEY, PROTOCOLS_MAX, SERVICES_MAX } from '../../src/resources/graph.ts'
import { IDLE_PATHS_MAX, PrefixScopes } from '../../src/resources/prefixes.ts'
import { rig, taken } from '../helpers.ts'

describe('the table of', () => {
  it('peers drops idle ones at once past its cap', () => {
    const { governor } = rig()
    const { policy } = governor
    const graph = new Graph(policy.limits)
    graph.peer('QmBusy').connectionsInbound = 1
    for (let n = 0; n < 3 * IDLE_PEERS_MAX; n++) graph.peer(`Qm${n}`)
    assert.ok(graph.peers.size <= IDLE_PEERS_MAX + 1)
    assert.ok(graph.peers.has('QmBusy'))
  })

  it('peers stays bounded under connections that come and go with new ids', () => {
    const { governor } = rig()
    for (let n = 0; n < 2 * IDLE_PEERS_MAX + 10; n++) {
      const connection = taken(governor.openConnection('/ip4/127.0.0.1/tcp/1', 'inbound'))
      taken(connection.setPeer(`Qm${n}`))
      connection.release()
    }
    assert.ok(governor.resources().counts.peers <= IDLE_PEERS_MAX + 1)
  })

  it('protocols shares one scope past its cap, and takes names again once others are idle', () => {
    const { governor } = rig()
    const graph = new Graph(governor.policy.limits)
    for (let n = 0; n < PROTOCOLS_MAX - 1; n++) graph.protocol(`/p/${n}`).streamsInbound = 1
    graph.protocol('/last').streamsInbound = 1
    assert.equal(graph.protocol('/more').key, OVERFLOW_KEY)
    assert.equal(graph.protocol('/and/more').key, OVERFLOW_KEY)
    assert.ok(graph.protocols.size <= PROTOCOLS_MAX + 1)
    graph.protocol('/last').streamsInbound = 0
    graph.protocol('/p/0').streamsInbound = 0
    assert.equal(graph.protocol('/fresh').key, '/fresh')
  })

  it('services shares one scope past its cap', () => {
    const { governor } = rig()
    const graph = new Graph(governor.policy.limits)
    for (let n = 0; n < SERVICES_MAX + 5; n++) graph.service(`s${n}`)
    assert.equal(graph.service('one more').key, OVERFLOW_KEY)
    assert.equal(graph.services.size, SERVICES_MAX + 1)
  })

  it('prefix paths sweeps those without a connection', () => {
    const { governor } = rig()
    const prefixes = new PrefixScopes(governor.policy.prefixes)
    for (let n = 0; n < 3 * IDLE_PATHS_MAX; n++) {
      const address = parseAddress(n % 3 === 0 ? `2a01:${(n >> 8).toString(16)}:${(n & 255).toString(16)}::1` : `9.${n >> 8}.${n & 255}.1`)
      assert.ok(address.ok)
      const path = prefixes.path(address)
      prefixes.enter(path)
      prefixes.leave(path, true)
      const relay = parseAddress(`/ip4/9.9.9.9/tcp/1/p2p/Relay${n}/p2p-circuit`)
      assert.ok(relay.ok)
      prefixes.path(relay)
    }
    assert.ok(prefixes.size <= IDLE_PATHS_MAX + 1)
    prefixes.sweep()
    assert.deepEqual([prefixes.size, [...prefixes.scopes()].length], [0, 0])
  })

  it('denials is a ring', () => {
    const log = new DenialLog()
    const where = { name: 'somewhere' }
    for (let n = 0; n < DENIALS_KEPT_MAX + 10; n++) {
      const denial = new DenialRecord(log.nextId, n < 600 ? `rate.kind-${n}` : 'limit.system', where, 'system', 'rate', undefined, 1, 1, 1)
      log.add(denial, 0, 10, false, undefined, n)
    }
    assert.equal(log.find(5), undefined)
    assert.equal(log.find(11)?.denial.id, 11)
    assert.equal(log.find(DENIALS_KEPT_MAX + 11), undefined)
    assert.equal(log.recent(() => true, 5000).length, DENIALS_KEPT_MAX)
    const counts = log.counts()
    assert.ok(counts.length <= RATE_KINDS_COUNTED_MAX + 1)
    assert.equal(
      counts.reduce((sum, each) => sum + each.count, 0),
      DENIALS_KEPT_MAX + 10,
    )
  })
})

describe('the report', () => {
  it('lists the fullest peers and prefixes only', () => {
    const { governor } = rig({ prefixes: { ipv4: { '/24': { rate: 'unlimited' } } } })
    for (let n = 1; n <= 6; n++) {
      for (let k = 0; k <= (n === 3 ? 1 : 0); k++)
        taken(taken(governor.openConnection(`/ip4/192.0.${n}.1/tcp/1`, 'inbound')).setPeer(`Qm${n}`))
    }
    const { peers, prefixes, counts } = governor.resources(2)
    assert.deepEqual([peers[0]?.name, peers.length, prefixes.length, counts.peers], ['peer:Qm3', 2, 2, 6])
    assert.equal(prefixes[0]?.name, 'prefix:192.0.3.1/32')
    assert.deepEqual([...governor.connections()].length, 7)
  })
})
