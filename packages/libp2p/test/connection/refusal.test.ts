/**
 * What is refused costs nothing: no handshake inbound, no socket outbound; and the caller gets one typed error.
 */

import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import type { RefusedError } from '@sluice/libp2p'
import { addressOf, eventually, heldNothing, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'

test('a refused dial opens no socket and rejects with one typed error', async t => {
  noStrayErrors(t)
  let accepted = 0
  const server = net.createServer(socket => {
    accepted++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as net.AddressInfo
  const node = await protectedNode(t, { policy: { limits: { system: { connectionsOutbound: 'block' } } } })
  const dial = (...addresses: string[]): Promise<unknown> => node.dial(addresses.map(address => multiaddr(address)))
  const refused = (error: RefusedError): boolean => {
    assert.equal(error.code, 'ERR_SLUICE_REFUSED')
    assert.equal(error.denial.rule, 'limit.system')
    assert.equal(error.denial.limit, 0)
    return true
  }
  await assert.rejects(dial(`/ip4/127.0.0.1/tcp/${port}`), refused)
  await assert.rejects(dial(`/ip4/127.0.0.1/tcp/${port}`, `/ip4/127.0.0.2/tcp/${port}`), refused, 'all addresses refused: still one error')
  assert.equal(accepted, 0)
  await heldNothing(node)
})

test('a refused stream rejects with the same typed error, and its connection stays', async t => {
  const { node, peer } = await pair(t)
  const server = await plainNode(t)
  const connection = await node.dial(addressOf(server))
  node.services.sluice.setPolicy({ limits: { system: { streamsOutbound: 'block' } } })
  await assert.rejects(connection.newStream('/ipfs/ping/1.0.0'), (error: RefusedError) => {
    assert.equal(error.code, 'ERR_SLUICE_REFUSED')
    assert.equal(error.denial.resource, 'streamsOutbound')
    return true
  })
  await assert.rejects(node.dialProtocol(server.peerId, '/ipfs/ping/1.0.0'), { code: 'ERR_SLUICE_REFUSED' })
  assert.equal(connection.status, 'open')
  await peer.services.ping.ping(addressOf(node))
})

test('names of the connection manager are in force', async t => {
  const capped = await protectedNode(t, { options: { connectionManager: { maxConnections: 2 } } })
  const peers = await Promise.all([1, 2, 3].map(() => plainNode(t, { listen: false })))
  const dials = await Promise.allSettled(peers.map(peer => peer.services.ping.ping(addressOf(capped))))
  assert.equal(dials.filter(({ status }) => status === 'fulfilled').length, 2)
  assert.equal(capped.services.sluice.resources().system.usage.connectionsInbound, 2)

  const denying = await protectedNode(t, { options: { connectionManager: { deny: ['/ip4/127.0.0.0/ipcidr/8'] } } })
  await assert.rejects(peers[0]?.dial(addressOf(denying)) ?? Promise.resolve())
  assert.equal(denying.services.sluice.resources().denials[0]?.rule, 'gate.deny')
})

test('a dial that fails for another reason says that reason, and holds nothing', async t => {
  const node = await protectedNode(t)
  await assert.rejects(node.dial(multiaddr('/ip4/127.0.0.1/tcp/1')), /ECONNREFUSED/)
  await heldNothing(node)
})

test('a dial to a peer over its limit is refused before the socket', async t => {
  const server = await plainNode(t)
  const node = await protectedNode(t, { policy: { limits: { peers: { [server.peerId.toString()]: { connections: 'block' } } } } })
  await assert.rejects(node.dial(addressOf(server)), { code: 'ERR_SLUICE_REFUSED' })
  assert.equal(server.getConnections().length, 0)
  await heldNothing(node)
})

test('a refused inbound connection is aborted before the handshake', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: { limits: { system: { connectionsInbound: 1 } } } })
  await peer.services.ping.ping(addressOf(node))
  const socket = net.connect({ port: Number(/\/tcp\/(\d+)/.exec(addressOf(node).toString())?.[1]), host: '127.0.0.1' })
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('close', resolve))
  assert.equal(chunks.length, 0, 'not a byte was spent on it')
  const other = await plainNode(t, { listen: false })
  await assert.rejects(other.dial(addressOf(node)))
  assert.equal(node.services.sluice.resources().system.usage.connectionsInbound, 1)
  await peer.hangUp(node.peerId)
  await eventually(() => node.services.sluice.resources().system.usage.connectionsInbound === 0)
  await other.dial(addressOf(node))
})

test('a peer over its limit is refused after the handshake, on TCP and on QUIC', async t => {
  for (const transport of ['tcp', 'quic', 'ws', 'memory'] as const) {
    const peer = await plainNode(t, { transports: [transport], listen: false })
    const node = await protectedNode(t, {
      transports: [transport],
      policy: { limits: { peers: { [peer.peerId.toString()]: { connectionsInbound: 'block' } } } },
    })
    await peer.dial(addressOf(node)).then(
      connection => eventually(() => connection.status !== 'open'),
      () => {},
    )
    assert.equal(node.getConnections().length, 0)
    await heldNothing(node)
    assert.equal(node.services.sluice.resources().denials[0]?.rule, 'limit.peer', transport)
  }
})

test('handshakes have a rate, spent before any key is computed', async t => {
  const { node } = await pair(t, {
    policy: {
      prefixes: { loopback: 'public', ipv4: { ip: { rate: 'unlimited' } } },
      rates: { handshake: { ip: { perSecond: 0.001, burst: 2 } } },
    },
  })
  for (let index = 0; index < 2; index++) {
    const peer = await plainNode(t, { listen: false })
    await peer.services.ping.ping(addressOf(node))
  }
  const third = await plainNode(t, { listen: false })
  await assert.rejects(third.dial(addressOf(node)))
  assert.equal(node.services.sluice.resources().denials[0]?.rule, 'rate.handshake')
})
