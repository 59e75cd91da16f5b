/**
 * Every transport, encrypter and muxer, in both dialling directions, against an unmodified js-libp2p peer: counted while open, traced from every object js-libp2p knows, nothing left after.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncrypterName, MuxerName, TransportName } from '../helpers.ts'
import { addressOf, eventually, heldNothing, noStrayErrors, pair, plainNode } from '../helpers.ts'

const ROWS: readonly (readonly [TransportName, EncrypterName, MuxerName])[] = [
  ['tcp', 'noise', 'yamux'],
  ['tcp', 'noise', 'mplex'],
  ['tcp', 'tls', 'yamux'],
  ['tcp', 'tls', 'mplex'],
  ['ws', 'noise', 'yamux'],
  ['ws', 'tls', 'mplex'],
  ['quic', 'noise', 'yamux'],
  ['memory', 'noise', 'yamux'],
]

for (const [transport, encrypter, muxer] of ROWS) {
  const with_ = { transports: [transport], encrypters: [encrypter], muxers: [muxer] }

  test(`${transport}, ${encrypter}, ${muxer}: inbound`, async t => {
    noStrayErrors(t)
    const { node, peer } = await pair(t, with_)
    await peer.services.ping.ping(addressOf(node))
    const { system, peers } = node.services.sluice.resources()
    assert.equal(system.usage.connectionsInbound, 1)
    assert.equal(system.usage.connectionsOutbound, 0)
    assert.equal(peers.filter(scope => scope.name.includes(peer.peerId.toString())).length, 1, 'charged to the peer')
    const [handle] = node.services.sluice.governor.connections()
    assert.equal(handle?.peer, peer.peerId.toString())
    assert.equal(handle?.transport, transport)
    assert.equal(node.services.sluice.pending, 0)
    await peer.hangUp(node.peerId)
    await heldNothing(node)
  })

  test(`${transport}, ${encrypter}, ${muxer}: outbound`, async t => {
    noStrayErrors(t)
    const { node } = await pair(t, with_)
    const server = await plainNode(t, with_)
    await node.services.ping.ping(addressOf(server))
    const { system } = node.services.sluice.resources()
    assert.equal(system.usage.connectionsOutbound, 1)
    assert.equal(system.usage.connectionsInbound, 0)
    await node.hangUp(server.peerId)
    await heldNothing(node)
  })
}

test('two protected nodes, many at once, and a peer that goes away', async t => {
  noStrayErrors(t)
  const { node } = await pair(t)
  const peers = await Promise.all(Array.from({ length: 8 }, () => plainNode(t, { listen: false })))
  await Promise.all(peers.map(peer => peer.services.ping.ping(addressOf(node))))
  assert.equal(node.services.sluice.resources().system.usage.connectionsInbound, 8)
  await Promise.all(peers.map(peer => peer.stop()))
  await eventually(() => node.services.sluice.resources().system.usage.connectionsInbound === 0)
})

test('a stopped node starts again', async t => {
  const { node, peer } = await pair(t)
  await peer.services.ping.ping(addressOf(node))
  await node.stop()
  await heldNothing(node)
  await eventually(() => peer.getConnections().length === 0)
  await node.start()
  await peer.services.ping.ping(addressOf(node))
  assert.equal(node.services.sluice.resources().system.usage.connectionsInbound, 1)
})
