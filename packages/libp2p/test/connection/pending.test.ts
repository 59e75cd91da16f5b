/**
 * Half-open connections: silent sockets wait in their own prefix's table, not in everybody's, and not for long.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Multiaddr } from '@multiformats/multiaddr'
import { addressOf, eventually, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'

function portOf(address: Multiaddr): number {
  return Number(address.getComponents().find(component => component.name === 'tcp')?.value)
}

/** A TCP connection that never says anything, from an address of its own choosing. */
async function silent(t: TestContext, port: number, from = '127.0.0.1'): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

const closed = (socket: net.Socket): Promise<void> => new Promise(resolve => socket.once('close', () => resolve()))

for (const transport of ['tcp', 'ws'] as const) {
  test(`${transport}: silent sockets are counted from accept, limited per address, and lock out nobody`, async t => {
    noStrayErrors(t)
    const { node, peer } = await pair(t, {
      transports: [transport],
      policy: {
        prefixes: {
          loopback: 'public',
          ipv4: {
            ip: { connections: 64, pending: 4, rate: 'unlimited' },
            '/24': { connections: 64, pending: 10 },
            '/16': { connections: 64 },
          },
        },
      },
    })
    const port = portOf(addressOf(node))
    const sockets = await Promise.all(Array.from({ length: 12 }, () => silent(t, port, '127.0.9.1')))
    for (const socket of sockets) {
      socket.resume()
    }
    const { sluice } = node.services
    await eventually(() => sockets.filter(socket => socket.closed).length === 8)
    assert.equal(sluice.pending, 4)
    assert.equal(sluice.resources().system.usage.connectionsInbound, 4)
    const denials = sluice.resources().denials.filter(each => each.rule === 'limit.prefix')
    assert.equal(
      denials.reduce((sum, each) => sum + each.count, 0),
      8,
    )
    assert.equal(denials[0]?.resource, 'connectionsPending')
    // Two dials in the middle of it, from another address.
    await peer.services.ping.ping(addressOf(node))
    const other = await plainNode(t, { transports: [transport], listen: false })
    await other.services.ping.ping(addressOf(node))
    for (const socket of sockets) {
      socket.destroy()
    }
    await eventually(() => sluice.pending === 0)
    assert.equal(sluice.resources().system.usage.connectionsInbound, 2)
  })

  test(`${transport}: a silent socket meets its deadline`, async t => {
    noStrayErrors(t)
    const node = await protectedNode(t, {
      transports: [transport],
      policy: { transports: { upgradeDeadlineMs: 600, upgradeDeadlineMinMs: 100 } },
    })
    const cuts = node.services.sluice.decisions()
    const startMs = Date.now()
    const socket = await silent(t, portOf(addressOf(node)))
    socket.resume()
    await closed(socket)
    const tookMs = Date.now() - startMs
    assert.ok(tookMs >= 550 && tookMs < 2_000, `closed after ${tookMs} ms`)
    const event = (await cuts.next()).value
    assert.equal(event?.type, 'cut')
    assert.equal(event.type === 'cut' && event.reason, 'upgrade-deadline')
    await eventually(() => node.services.sluice.resources().system.usage.connectionsInbound === 0)
  })
}

test('the deadline shrinks as the pending table fills', async t => {
  const node = await protectedNode(t, {
    policy: {
      limits: { transient: { connectionsInbound: 4, connections: 4 } },
      transports: { upgradeDeadlineMs: 60_000, upgradeDeadlineMinMs: 300 },
    },
  })
  const port = portOf(addressOf(node))
  const first = await silent(t, port)
  await delay(500)
  assert.equal(first.closed, false, 'alone it may take its time')
  const rest = await Promise.all(Array.from({ length: 3 }, () => silent(t, port)))
  for (const socket of [first, ...rest]) {
    socket.resume()
  }
  await Promise.race([closed(first), delay(3_000).then(() => assert.fail('the oldest is still waiting'))])
})

test('what waits for an upgrade in observe mode is reported once and left alone', async t => {
  const node = await protectedNode(t, {
    policy: { mode: 'observe', transports: { upgradeDeadlineMs: 200, upgradeDeadlineMinMs: 100 } },
  })
  const cuts = node.services.sluice.decisions()
  const socket = await silent(t, portOf(addressOf(node)))
  const event = (await cuts.next()).value
  assert.ok(event?.type === 'cut' && event.mode === 'observe')
  await delay(600)
  assert.equal(socket.closed, false)
  const next = await Promise.race([cuts.next(), delay(100).then(() => 'nothing more')])
  assert.equal(next, 'nothing more')
})

test('allow-listed sockets are exempt from pending limits without lifting them for others', async t => {
  const node = await protectedNode(t, {
    policy: {
      gate: { allow: ['127.0.7.1'] },
      prefixes: { loopback: 'public', ipv4: { ip: { connections: 64, pending: 2, rate: 'unlimited' } } },
    },
  })
  const port = portOf(addressOf(node))
  const allowed = await Promise.all(Array.from({ length: 10 }, () => silent(t, port, '127.0.7.1')))
  const others = await Promise.all(Array.from({ length: 10 }, () => silent(t, port, '127.0.8.1')))
  for (const socket of [...allowed, ...others]) {
    socket.resume()
  }
  await eventually(() => others.filter(socket => socket.closed).length === 8)
  assert.equal(allowed.filter(socket => socket.closed).length, 0)
  assert.equal(node.services.sluice.pending, 12)
})
