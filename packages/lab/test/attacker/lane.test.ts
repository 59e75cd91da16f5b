/** An attacker that is cut comes back, with a pause that is short and bounded; and what a session sees of a real node. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { AttackLane } from '../../src/attacker/lane.ts'
import { scenarioNamed } from '../../src/attacks/index.ts'
import { Troubles } from '../../src/harness/channel.ts'
import type { Announcement } from '../../src/harness/guard.ts'
import { seededRandom } from '../../src/harness/random.ts'
import { Session } from '../../src/wire/session.ts'

function laneOf(target: Announcement, onTurnedAway: () => void): AttackLane {
  return new AttackLane(0, {
    scenario: scenarioNamed('s10'),
    target,
    layout: 'one',
    random: seededRandom(3),
    troubles: new Troubles(),
    onTurnedAway,
  })
}

test('a lane whose connections are cut keeps coming back', async () => {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  let turnedAway = 0
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, serverPid: process.pid }
  const lane = laneOf(target, () => {
    turnedAway += 1
  })
  const run = lane.run()
  for (let waited = 0; turnedAway < 3 && waited < 100; waited++) await delay(50)
  lane.stop()
  await run
  server.close()
  assert.ok(turnedAway >= 3, `turned away ${turnedAway} times`)
  const { connections, cut, refused } = lane.report()
  assert.equal(cut + refused, turnedAway)
  assert.ok(connections <= turnedAway)
})

test('a lane never leaves loopback', async () => {
  const lane = laneOf({ host: '192.0.2.7', port: 4001, serverPid: process.pid }, () => {})
  await assert.rejects(lane.connect(), /not a loopback address/)
  await assert.rejects(lane.openSocket(), /not a loopback address/)
})

test('a session agrees with a real node and keeps count of what comes back', { timeout: 20_000 }, async t => {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() },
  })
  t.after(() => node.stop())
  const port = Number(node.getMultiaddrs()[0]?.toString().split('/')[4])
  const session = await Session.dial({ host: '127.0.0.1', port, localAddress: '127.66.0.9' })
  await session.settle()
  assert.equal(node.getConnections()[0]?.remoteAddr.toString().split('/')[2], '127.66.0.9')
  const stream = await session.openStream('/ipfs/ping/1.0.0')
  await session.send(stream, Buffer.alloc(32, 1))
  // Two multistream replies (20 and 18 bytes), then the echo.
  while (stream.receivedBytes < 20 + 18 + 32) await stream.changed()
  assert.equal(stream.receivedBytes, 20 + 18 + 32)
  assert.ok(session.sentBytes > 70)
  const unknown = await session.openStream('/nobody/speaks/this')
  while (unknown.receivedBytes < 20 + 4) await unknown.changed()
  await node.getConnections()[0]?.close()
  await session.closed
  assert.ok(session.cut)
})
