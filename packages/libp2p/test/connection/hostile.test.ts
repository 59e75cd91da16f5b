/**
 * Whatever a peer does while a connection is made or afterwards: nothing is held when it is gone, nothing reaches the process as an uncaught exception or unhandled rejection,
 * and the next honest peer is served.
 */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { LINGER_MS } from '../../src/connection/socket.ts'
import type { ProtectedNode } from '../helpers.ts'
import { addressOf, eventually, heldNothing, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'
import type { CuttingProxyInit } from './cutting-proxy.ts'
import { cuttingProxy } from './cutting-proxy.ts'

const portOf = (node: ProtectedNode): number => Number(/\/tcp\/(\d+)/.exec(addressOf(node).toString())?.[1])

const closed = (socket: net.Socket): Promise<void> => new Promise(resolve => socket.once('close', () => resolve()))

/** Offsets through a whole upgrade (about 1 KiB with noise, 4 KiB with TLS), dense where the negotiation is. */
const OFFSETS = [0, 1, 20, 21, 28, 60, 61, 160, 250, 333, 500, 640, 800, 1_300, 2_200, 4_500]

for (const [transport, encrypter] of [
  ['tcp', 'noise'],
  ['tcp', 'tls'],
  ['ws', 'noise'],
] as const) {
  for (const ending of ['reset', 'end', 'garbage'] as const) {
    test(`${transport}, ${encrypter}: a peer that ${ending}s at each step of the upgrade`, async t => {
      noStrayErrors(t)
      const kind = { transports: [transport], encrypters: [encrypter] }
      const node = await protectedNode(t, { ...kind, policy: { transports: { upgradeDeadlineMs: 700, upgradeDeadlineMinMs: 700 } } })
      const peer = await plainNode(t, { ...kind, listen: false })
      for (const watch of ['to-node', 'from-node'] as const) {
        for (const batch of [OFFSETS]) {
          await Promise.all(
            batch.map(async afterBytes => {
              const init: CuttingProxyInit = { to: portOf(node), watch, afterBytes, ending, seed: afterBytes + 7 }
              const proxy = await cuttingProxy(t, init)
              const address = multiaddr(`/ip4/127.0.0.1/tcp/${proxy.port}${transport === 'ws' ? '/ws' : ''}`)
              await peer.services.ping.ping(address, { signal: AbortSignal.timeout(1_000) }).catch(() => {})
              // Closed, not aborted: js-libp2p's WebSockets do not end when they are aborted.
              await peer.hangUp(node.peerId).catch(() => {})
            }),
          )
        }
      }
      await eventually(() => node.getConnections().length === 0)
      await heldNothing(node)
      assert.equal(node.services.sluice.pending, 0)
      await peer.services.ping.ping(addressOf(node))
    })
  }
}

test('sockets that talk nonsense from the first byte', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t, {
    transports: ['tcp', 'ws'],
    policy: { transports: { upgradeDeadlineMs: 500, upgradeDeadlineMinMs: 500 } },
  })
  const ports = node.getMultiaddrs().map(address => Number(/\/tcp\/(\d+)/.exec(address.toString())?.[1]))
  const upgrade = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`
  const says: readonly (readonly (string | Buffer)[])[] = [
    [Buffer.alloc(70_000, 0xff)],
    [Buffer.alloc(70_000)],
    ['\x13/multistream/1.0.0\n', '\x03ls\n'.repeat(30_000)],
    ['\x13/multistream/1.0.0\n', '\x07/noise\n', Buffer.from([0xff, 0xff]), Buffer.alloc(70_000, 1)],
    ['\x13/multistream/1.0.0\n', '\x0b/tls/1.0.0\n', Buffer.alloc(70_000, 0x16)],
    ['GET / HTTP/1.1\r\n', `X: ${'y'.repeat(40_000)}\r\n`],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [upgrade, Buffer.from([0xff, 0xff, 0xff, 0xff])],
    [upgrade, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe])],
    [upgrade, Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    [upgrade, Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(100_000)],
    [upgrade.replace('AAAA', '!!!!')],
  ]
  for (const port of ports) {
    await Promise.all(
      says.map(async words => {
        const socket = net.connect(port, '127.0.0.1')
        socket.on('error', () => {})
        socket.resume()
        await once(socket, 'connect')
        for (const word of words) {
          socket.write(word)
          await delay(20)
        }
        await Promise.race([closed(socket), delay(1_500)])
        socket.destroy()
      }),
    )
  }
  await heldNothing(node)
  const peer = await plainNode(t, { listen: false })
  await peer.services.ping.ping(addressOf(node))
})

test('a negotiation that never gets to the point is cut', async t => {
  const node = await protectedNode(t)
  const cuts = node.services.sluice.decisions()
  const socket = net.connect(portOf(node), '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  socket.write(`\x13/multistream/1.0.0\n${'\x03ls\n'.repeat(10_000)}`)
  await closed(socket)
  const event = (await cuts.next()).value
  assert.ok(event?.type === 'cut')
  assert.equal(event.reason, 'negotiation-bytes')
  await heldNothing(node)
})

test('handlers that throw leave nothing behind', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t)
  await node.handle('/throws/1', () => {
    throw new Error('at once')
  })
  await node.handle('/rejects/1', async () => {
    await delay(1)
    throw new Error('later')
  })
  const peer = await plainNode(t, { listen: false })
  for (const protocol of ['/throws/1', '/rejects/1']) {
    const stream = await peer.dialProtocol(addressOf(node), protocol)
    await eventually(() => stream.status !== 'open')
  }
  await peer.hangUp(node.peerId)
  await heldNothing(node)
})

test('a node that is stopped while attacked', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t, { transports: ['tcp', 'ws'] })
  const ports = node.getMultiaddrs().map(address => Number(/\/tcp\/(\d+)/.exec(address.toString())?.[1]))
  const peers = await Promise.all(Array.from({ length: 4 }, () => plainNode(t, { transports: ['tcp', 'ws'], listen: false })))
  const addresses = node.getMultiaddrs()
  let attacking = true
  const silent = async (): Promise<void> => {
    while (attacking) {
      const socket = net.connect(ports[Math.random() < 0.5 ? 0 : 1] ?? 0, '127.0.0.1')
      socket.on('error', () => {})
      socket.write('\x13/multistream/1.0.0\n')
      await delay(1)
      if (Math.random() < 0.5) {
        socket.resetAndDestroy()
      } else {
        setTimeout(() => socket.destroy(), 200)
      }
    }
  }
  const talking = peers.map(async (peer, index) => {
    while (attacking) {
      await peer.services.ping.ping(addresses[index % 2] ?? addressOf(node), { signal: AbortSignal.timeout(500) }).catch(() => {})
      await peer.hangUp(node.peerId).catch(() => {})
    }
  })
  const attack = [silent(), silent(), silent(), ...talking]
  await delay(300)
  await node.stop()
  attacking = false
  await Promise.all(attack)
  await heldNothing(node)
})

test('a peer that says goodbye but takes nothing stays charged until its socket is gone', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t, { muxers: ['mplex'] })
  await node.handle('/flood/1', stream => {
    stream.send(new Uint8Array(15_000_000))
  })
  const proxy = await cuttingProxy(t, { to: portOf(node), watch: 'from-node', afterBytes: 100_000, ending: 'deaf' })
  const peer = await plainNode(t, { muxers: ['mplex'], listen: false })
  const stream = await peer.dialProtocol(multiaddr(`/ip4/127.0.0.1/tcp/${proxy.port}`), '/flood/1')
  await eventually(() => proxy.passed > 100_000)
  await eventually(() => node.getConnections().length === 0, 3_000)
  const inbound = (): number => node.services.sluice.resources().system.usage.connectionsInbound
  assert.equal(inbound(), 1, 'js-libp2p calls it closed, its socket still holds what was written')
  await eventually(() => inbound() === 0, LINGER_MS + 2_000)
  stream.abort(new Error('done'))
})

test('QUIC: datagrams of nonsense, and a peer that vanishes', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t, { transports: ['quic'] })
  const port = Number(/\/udp\/(\d+)/.exec(addressOf(node).toString())?.[1])
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  for (let index = 0; index < 200; index++) {
    const datagram = Buffer.alloc(1 + ((index * 61) % 1_400), index)
    datagram[0] = index % 2 === 0 ? 0xc0 | (index % 16) : 0x40 | (index % 64)
    socket.send(datagram, port, '127.0.0.1')
  }
  for (let index = 0; index < 5; index++) {
    const peer = await plainNode(t, { transports: ['quic'], listen: false })
    const connection = await peer.dial(addressOf(node))
    connection.abort(new Error('gone'))
  }
  await eventually(() => node.getConnections().length === 0)
  await heldNothing(node)
  const peer = await plainNode(t, { transports: ['quic'], listen: false })
  await peer.services.ping.ping(addressOf(node))
})
