/**
 * A connection through a relay is counted on the relay, the server behind it and the client, each in its own place; and it ends everywhere when it ends.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { PeerId } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import type { NodeOptions } from '../helpers.ts'
import { addressOf, eventually, heldNothing, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'

const relayed = (listen: readonly string[]): NodeOptions => ({
  options: { transports: [tcp(), circuitRelayTransport()], addresses: { listen: [...listen] } },
})

const relay: NodeOptions = {
  options: { services: { ping: ping(), identify: identify(), relay: circuitRelayServer() } } as NodeOptions['options'] & {},
}

test('relay, server and client, all protected', async t => {
  noStrayErrors(t)
  const middle = await protectedNode(t, relay)
  const server = await protectedNode(t, relayed([`${addressOf(middle)}/p2p-circuit`]))
  await eventually(() => server.getMultiaddrs().some(address => address.toString().includes('p2p-circuit')))
  const client = await protectedNode(t, relayed([]))
  const [address] = server.getMultiaddrs()
  assert.ok(address)
  const connection = await client.dial(address)
  assert.match(connection.remoteAddr.toString(), /p2p-circuit/)

  await eventually(() => [...server.services.sluice.governor.connections()].some(handle => handle.peer === client.peerId.toString()))
  const [inbound] = [...server.services.sluice.governor.connections()].filter(handle => handle.transport === 'circuit')
  assert.equal(inbound?.direction, 'inbound')
  assert.equal(inbound.peer, client.peerId.toString())
  assert.match(inbound.address, /^relay:/)
  const [outbound] = [...client.services.sluice.governor.connections()].filter(handle => handle.transport === 'circuit')
  assert.equal(outbound?.direction, 'outbound')
  assert.equal(outbound.peer, server.peerId.toString())
  assert.equal(middle.services.sluice.resources().system.usage.connectionsInbound, 2)

  await connection.close()
  await eventually(() => [...server.services.sluice.governor.connections()].every(handle => handle.transport !== 'circuit'))
  for (const node of [client, server, middle]) {
    await node.stop()
    await heldNothing(node)
  }
})

test('circuits through a relay are charged to who opens them, after the user has been asked', async t => {
  noStrayErrors(t)
  const asked: string[] = []
  const middle = await protectedNode(t, {
    options: {
      ...relay.options,
      connectionGater: {
        denyOutboundRelayedConnection: (source: PeerId, destination: PeerId) => {
          asked.push(`${source} ${destination}`)
          return asked.length === 1
        },
      },
    },
    policy: { rates: { 'relay-circuit': { peer: { perSecond: 0.001, burst: 2 } } } },
  })
  const server = await plainNode(t, relayed([`${addressOf(middle)}/p2p-circuit`]))
  await eventually(() => server.getMultiaddrs().some(address => address.toString().includes('p2p-circuit')))
  const client = await plainNode(t, relayed([]))
  const [address] = server.getMultiaddrs()
  assert.ok(address)
  const refused = (): number =>
    middle.services.sluice.resources().denials.reduce((sum, { rule, count }) => sum + (rule === 'rate.relay-circuit' ? count : 0), 0)
  const open = async (from: typeof client): Promise<void> => {
    const connection = await from.dial(address)
    await connection.close()
    await eventually(() => from.getConnections(server.peerId).length === 0)
  }

  await assert.rejects(open(client), 'the user refuses')
  assert.equal(refused(), 0, 'which costs nothing')
  await open(client)
  await open(client)
  await assert.rejects(open(client), 'the burst is spent')
  assert.equal(refused(), 1)
  const other = await plainNode(t, relayed([]))
  await open(other)
  assert.deepEqual(asked, [...Array(4).fill(`${client.peerId} ${server.peerId}`), `${other.peerId} ${server.peerId}`])
})

test('a plain client and a plain relay reach a protected server', async t => {
  noStrayErrors(t)
  const middle = await plainNode(t, relay)
  const server = await protectedNode(t, relayed([`${addressOf(middle)}/p2p-circuit`]))
  await eventually(() => server.getMultiaddrs().some(address => address.toString().includes('p2p-circuit')))
  const client = await plainNode(t, relayed([]))
  const [address] = server.getMultiaddrs()
  assert.ok(address)
  const connection = await client.dial(address)
  assert.equal(connection.status, 'open')
  const usage = server.services.sluice.resources().system.usage
  assert.deepEqual([usage.connectionsInbound, usage.connectionsOutbound], [1, 1])
})
