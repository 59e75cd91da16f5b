import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAddress, replay } from '@sluice/core'
import { rig, taken } from '../helpers.ts'

const PEER = '12D3KooWA'

describe('a connection', () => {
  it('is charged to its prefixes, transient and system, then to its peer and system', () => {
    const { governor } = rig({ costs: { connection: 1000, stream: 100 } })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/4001', 'inbound'))
    let { transient, system } = governor.resources()
    assert.equal(transient.usage.connectionsInbound, 1)
    assert.equal(system.usage.memory, 1000)
    assert.equal(governor.resources().prefixes.length, 3)
    taken(connection.setPeer(PEER))
    ;({ transient, system } = governor.resources())
    assert.equal(transient.usage.connectionsInbound, 0)
    assert.equal(transient.usage.memory, 0)
    assert.equal(system.usage.connectionsInbound, 1)
    assert.equal(system.usage.fileDescriptors, 1)
    assert.equal(governor.view({ scope: 'peer', key: PEER })?.usage.connectionsInbound, 1)
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a/1'))
    taken(stream.setService('a'))
    taken(stream.memory.reserve(500))
    assert.equal(governor.resources().system.usage.memory, 1600)
    assert.equal(connection.streams.size, 1)
    connection.release()
    connection.release()
    const after = governor.resources()
    for (const scope of [after.system, after.transient, ...after.peers, ...after.protocols, ...after.services]) {
      assert.deepEqual(Object.values(scope.usage), [0, 0, 0, 0, 0, 0, 0], scope.name)
    }
    assert.equal(stream.open, false)
    const refused = stream.memory.reserve(1)
    assert.ok(!refused.allow && refused.denial.rule === 'handle.released')
  })
})

describe('an address parsed before', () => {
  it('is charged, asked about and recorded as its text is', () => {
    const texts = ['/ip4/192.0.2.1/udp/4001/quic-v1', '[2001:db8::1]:4001', '/ip4/192.0.2.1/tcp/1/p2p/QmRelay/p2p-circuit', '/memory/1']
    const policy = {
      gate: { allow: ['192.0.2.1/32'] },
      prefixes: { ipv6: { ip: { connections: 1 } } },
      rates: { ping: { ip: { perSecond: 0, burst: 1 } } },
    }
    const run = (parse: boolean): unknown[] => {
      const { governor, inputs } = rig(policy, { recorded: true })
      const seen: unknown[] = []
      for (const text of [...texts, ...texts]) {
        const read = parseAddress(text)
        assert.ok(read.ok && read.source === text)
        const address = parse ? read : text
        const opened = governor.openConnection(address, 'inbound')
        seen.push(
          opened.allow
            ? [opened.handle.address, opened.handle.transport, opened.handle.usage]
            : { ...opened.denial, message: opened.denial.message },
        )
        seen.push(governor.isAllowed(address), governor.shouldVerifySource(address), governor.spend('ping', address).allow)
      }
      const replayed = replay(inputs).results.map(({ allow }) => allow)
      return [seen, inputs, replayed, governor.resources()]
    }
    assert.deepEqual(run(true), run(false))
  })
})
