/** The connection manager's allow list on plain js-libp2p and mended; raw connections are asked about without sockets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MultiaddrConnection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { AcceptingManager } from '../../src/fixes/allow-list.ts'
import { acceptingManager, mendAllowList, pendingCapIsLifted } from '../../src/fixes/allow-list.ts'

const LISTED = multiaddr('/ip4/192.0.2.7/tcp/1')
const STRANGER = multiaddr('/ip4/198.51.100.1/tcp/1')
const MEMORY = multiaddr('/memory/somewhere')

function from(remoteAddr: Multiaddr): MultiaddrConnection {
  return { remoteAddr } as MultiaddrConnection
}

async function manager(allow: string[], pendingMax: number): Promise<AcceptingManager> {
  let found: AcceptingManager | undefined
  const node = await createLibp2p({
    start: false,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { allow, maxIncomingPendingConnections: pendingMax, inboundConnectionThreshold: 1000 },
    services: {
      hold: (components: { connectionManager: object }) => {
        found = acceptingManager(components.connectionManager)
        return {}
      },
    },
  })
  await node.stop()
  assert.ok(found, 'the private fields have moved: see fixes/allow-list.ts')
  return found
}

const accepted = (held: AcceptingManager, address: Multiaddr, count: number): number =>
  Array.from({ length: count }, () => held.acceptIncomingConnection(from(address))).filter(Boolean).length

test('plain js-libp2p: listed pending connections lift the cap for strangers', async () => {
  const held = await manager(['/ip4/192.0.2.7/ipcidr/32'], 2)
  accepted(held, LISTED, 3)
  assert.equal(accepted(held, STRANGER, 10), 10, 'the defect is gone upstream: remove fixes/allow-list.ts')
  assert.equal(pendingCapIsLifted(held, from(STRANGER)), true)
})

test('plain js-libp2p: any entry lists every address without an IP', async () => {
  const held = await manager(['/ip4/192.0.2.7/ipcidr/32'], 2)
  assert.equal(accepted(held, MEMORY, 10), 10, 'the defect is gone upstream: remove fixes/allow-list.ts')
})

test('mended: listed connections pass, the cap stands for everybody else', async () => {
  const held = await manager(['/ip4/192.0.2.7/ipcidr/32'], 2)
  mendAllowList(held)
  assert.equal(accepted(held, LISTED, 3), 3)
  assert.equal(accepted(held, STRANGER, 10), 0)
  assert.equal(accepted(held, MEMORY, 10), 0)
  assert.equal(pendingCapIsLifted(held, from(STRANGER)), false)
  assert.equal(held.allow.length, 1)
})

test('mended: below the cap strangers are let in up to it', async () => {
  const held = await manager(['/ip4/192.0.2.7/ipcidr/32'], 3)
  mendAllowList(held)
  assert.equal(accepted(held, MEMORY, 10), 3)
})
