/** Exchanges, pushes, pings and reservations are charged, on real nodes over loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { identify, identifyPush } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { INSISTENCE_MAX } from '../../src/work/charge.ts'
import { addressOf, eventually, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'

/** Opens a stream and waits until the other side has ended it, one way or the other. */
async function exchange(connection: Connection, protocol: string): Promise<Stream['status']> {
  const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(5_000) })
  stream.addEventListener('message', () => {})
  if (stream.status === 'open' && stream.remoteWriteStatus !== 'closed') {
    await Promise.race([once(stream as unknown as EventTarget, 'close'), once(stream as unknown as EventTarget, 'remoteCloseWrite')])
  }
  const { status } = stream
  stream.abort(new Error('done'))
  return status
}

test('identify exchanges past the rate are reset, the connection of a moderate peer stays', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: { rates: { identify: { connection: { perSecond: 0.001, burst: 3 } } } } })
  const connection = await peer.dial(addressOf(node))
  await eventually(() => connection.streams.length === 0)
  const ends: string[] = []
  for (let index = 0; index < 4; index++) ends.push(await exchange(connection, '/ipfs/id/1.0.0'))
  // One of the three went to the exchange that opened the connection.
  assert.deepEqual(ends, ['open', 'open', 'reset', 'reset'])
  assert.equal(connection.status, 'open')
  assert.ok(node.services.sluice.resources().denials.some(denial => denial.rule === 'rate.identify' && denial.count === 2))
})

test('a peer that insists is cut, with the denial as the reason', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: { rates: { identify: { connection: { perSecond: 0.001, burst: 1 } } } } })
  const connection = await peer.dial(addressOf(node))
  let asked = 0
  while (connection.status === 'open' && asked < INSISTENCE_MAX * 2) {
    asked++
    await exchange(connection, '/ipfs/id/1.0.0').catch(() => {})
  }
  await eventually(() => connection.status !== 'open')
  assert.ok(asked > INSISTENCE_MAX, `cut after ${asked}`)
})

test('identify pushes are charged', async t => {
  noStrayErrors(t)
  const services = { identify: identify(), identifyPush: identifyPush(), ping: ping() }
  const node = await protectedNode(t, {
    options: { services },
    policy: { rates: { 'identify-push': { connection: { perSecond: 0.001, burst: 1 } } } },
  })
  const peer = await plainNode(t, { listen: false })
  const connection = await peer.dial(addressOf(node))
  for (let index = 0; index < 2; index++) {
    const stream = await connection.newStream('/ipfs/id/push/1.0.0')
    await stream.close().catch(() => {})
  }
  await eventually(() => node.services.sluice.resources().denials.some(denial => denial.rule === 'rate.identify-push'))
})

/** Sends one ping of 32 bytes and waits for its answer, at most `ms`. */
async function pinged(stream: Stream, ms: number): Promise<boolean> {
  const answer = once(stream as unknown as EventTarget, 'message', { signal: AbortSignal.timeout(ms) }).then(
    () => true,
    () => false,
  )
  stream.send(new Uint8Array(32))
  return answer
}

const FIVE_PINGS = { rates: { ping: { connection: { perSecond: 0.001, burst: 5 }, peer: 'unlimited' } } } as const

test('pings past the rate wait; those within it are answered', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: FIVE_PINGS })
  const connection = await peer.dial(addressOf(node))
  const stream = await connection.newStream('/ipfs/ping/1.0.0')
  assert.equal(await pinged(stream, 5_000), true)
  let answered = 1
  while (answered < 10 && (await pinged(stream, 1_000))) answered++
  // The muxer's own keep-alive ping is one of the five.
  assert.ok(answered >= 3 && answered <= 5, `${answered} answered`)
  assert.ok(node.services.sluice.resources().denials.some(denial => denial.rule === 'rate.ping'))
  assert.equal(connection.status, 'open')
  assert.equal(stream.status, 'open')
  stream.abort(new Error('done'))
})

test('a peer that keeps sending pings without waiting for answers is cut', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: FIVE_PINGS })
  const connection = await peer.dial(addressOf(node))
  const stream = await connection.newStream('/ipfs/ping/1.0.0')
  for (let index = 0; index < 100 && stream.status === 'open'; index++) stream.send(new Uint8Array(32))
  await eventually(() => connection.status !== 'open')
})

test('an honest ping is untouched', async t => {
  const { node, peer } = await pair(t)
  await peer.dial(addressOf(node))
  for (let index = 0; index < 10; index++) assert.ok((await peer.services.ping.ping(node.peerId)) >= 0)
})

test('relay reservations are charged, after the user has been asked', async t => {
  const asked: string[] = []
  const options = {
    services: { ping: ping(), identify: identify(), relay: circuitRelayServer() },
    connectionGater: {
      denyInboundRelayReservation: (peer: { toString(): string }) => {
        asked.push(peer.toString())
        return asked.length === 1
      },
    },
  }
  const node = await protectedNode(t, { options, policy: { rates: { 'relay-reservation': { peer: { perSecond: 0.001, burst: 1 } } } } })
  const peer = await plainNode(t, { listen: false })
  const connection = await peer.dial(addressOf(node))
  const replies: number[] = []
  for (let index = 0; index < 3; index++) {
    const stream = await connection.newStream('/libp2p/circuit/relay/0.2.0/hop')
    const reply = once(stream as unknown as EventTarget, 'message')
    // HopMessage { type: RESERVE }, length-prefixed.
    stream.send(new Uint8Array([2, 8, 0]))
    const [event] = (await reply) as [{ data: { subarray(): Uint8Array } }]
    // The status is the last field of a refusal: field 5, a varint.
    const bytes = event.data.subarray()
    replies.push(bytes.indexOf(0x28) === -1 ? 0 : bytes.byteLength)
    stream.abort(new Error('done'))
  }
  assert.equal(asked.length, 3)
  assert.ok(replies[1] !== replies[0], 'the second is granted')
  assert.equal(replies[2], replies[0], 'the third is refused like the one the user refused')
  assert.ok(node.services.sluice.resources().denials.some(denial => denial.rule === 'rate.relay-reservation'))
})
