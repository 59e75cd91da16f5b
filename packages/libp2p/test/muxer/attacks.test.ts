/**
 * What a peer that writes its own yamux frames may try: each is cut or bounded while an honest peer on the same node goes on, and nothing is held when it is gone.
 */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { PolicyInput } from '@sluice/core'
import type { ProtectedNode } from '../helpers.ts'
import { addressOf, eventually, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'
import type { RawPeer } from './raw-peer.ts'
import { rawPeer } from './raw-peer.ts'
import { ACK, DATA, data, FIN, GO_AWAY, multistream, PING, proposal, RST, SYN, WINDOW_UPDATE, yamuxFrame } from './wire.ts'

const ECHO = '/test/echo/1.0.0'

interface Scene {
  readonly node: ProtectedNode
  readonly attacker: RawPeer
  /** A ping of an honest peer over its own connection. */
  ping(): Promise<number>
}

async function scene(t: TestContext, policy: PolicyInput = {}): Promise<Scene> {
  noStrayErrors(t)
  const node = await protectedNode(t, { policy })
  const honest = await plainNode(t, { listen: false })
  await honest.dial(addressOf(node))
  const attacker = await rawPeer(t, addressOf(node))
  await eventually(() => node.getConnections().length === 2)
  return { node, attacker, ping: () => honest.services.ping.ping(addressOf(node)) }
}

function streamsInbound(node: ProtectedNode): number {
  return node.services.sluice.resources().system.usage.streamsInbound
}

describe('a peer that writes its own yamux frames', () => {
  it('is cut at the header of a DATA frame of 4 GB for a stream that does not exist', async t => {
    const { attacker, ping } = await scene(t)
    attacker.send(yamuxFrame(DATA, 0, 99, 0xffffffff))
    await eventually(() => attacker.cut)
    await ping()
  })

  it('gets no more un-negotiated streams than the policy says, and is cut when it goes on', async t => {
    const { node, attacker, ping } = await scene(t, { transports: { negotiatingStreamsMax: 20 } })
    const before = streamsInbound(node)
    attacker.send(...Array.from({ length: 50 }, (_, at) => yamuxFrame(WINDOW_UPDATE, SYN, 1 + 2 * at, 0)))
    await eventually(() => attacker.count(frame => (frame.flags & RST) !== 0) === 30)
    assert.equal(streamsInbound(node) - before, 20)
    attacker.send(...Array.from({ length: 1000 }, (_, at) => yamuxFrame(WINDOW_UPDATE, SYN, 1001 + 2 * at, 0)))
    await eventually(() => attacker.cut)
    await ping()
  })

  it('is cut before a stream is looked at when it opens more in a row than could be admitted and refused', async t => {
    const { node, attacker, ping } = await scene(t)
    const before = streamsInbound(node)
    attacker.send(...Array.from({ length: 1000 }, (_, at) => yamuxFrame(WINDOW_UPDATE, SYN, 1 + 2 * at, 0)))
    await eventually(() => attacker.cut)
    assert.equal(
      attacker.count(frame => (frame.flags & RST) !== 0 && frame.id % 2 === 1),
      0,
    )
    await eventually(() => streamsInbound(node) <= before)
    await ping()
  })

  it('makes the node hold no stream object for a stream it says nothing on', async t => {
    const { node, attacker } = await scene(t)
    const before = streamsInbound(node)
    attacker.send(...Array.from({ length: 100 }, (_, at) => yamuxFrame(WINDOW_UPDATE, SYN, 1 + 2 * at, 0)))
    await eventually(() => streamsInbound(node) - before === 100)
    assert.equal(
      node
        .getConnections()
        .flatMap(connection => connection.streams)
        .filter(stream => stream.direction === 'inbound').length,
      0,
    )
    attacker.send(data(1, proposal('/ipfs/ping/1.0.0')), data(1, Buffer.alloc(32)))
    await eventually(() => attacker.received.get(1) === proposal('/ipfs/ping/1.0.0').byteLength + 32)
    attacker.send(...Array.from({ length: 100 }, (_, at) => yamuxFrame(WINDOW_UPDATE, RST, 1 + 2 * at, 0)))
    await eventually(() => streamsInbound(node) === before)
  })

  it('is cut when it opens and resets streams in a flood', async t => {
    const { attacker, ping } = await scene(t)
    for (let round = 0; round < 40 && !attacker.cut; round++) {
      const frames: Buffer[] = []
      for (let at = 0; at < 200; at++) {
        const id = 1 + 2 * (round * 200 + at)
        frames.push(yamuxFrame(WINDOW_UPDATE, SYN, id, 0), yamuxFrame(WINDOW_UPDATE, RST, id, 0))
      }
      attacker.send(...frames)
      await delay(1)
    }
    await eventually(() => attacker.cut)
    await ping()
  })

  it('is cut when it floods PING frames', async t => {
    const { attacker, ping } = await scene(t)
    attacker.send(...Array.from({ length: 2000 }, (_, at) => yamuxFrame(PING, SYN, 0, at)))
    await eventually(() => attacker.cut)
    await ping()
  })

  it('may ping at a modest rate', async t => {
    const { attacker } = await scene(t)
    for (let at = 0; at < 10; at++) attacker.send(yamuxFrame(PING, SYN, 0, at))
    await eventually(() => attacker.count(frame => frame.type === PING && (frame.flags & ACK) !== 0) >= 10)
    assert.equal(attacker.cut, false)
  })

  it('is answered a bounded number of multistream messages, then the stream is reset', async t => {
    const { attacker, ping } = await scene(t, { transports: { negotiationMessagesMax: 8 } })
    const flood = Buffer.concat([multistream('/multistream/1.0.0'), ...Array.from({ length: 500 }, () => multistream('ls'))])
    attacker.send(data(1, flood, SYN))
    await eventually(() => attacker.count(frame => frame.id === 1 && (frame.flags & RST) !== 0) === 1)
    assert.ok(attacker.count(frame => frame.id === 1 && frame.type === DATA) <= 8)
    await ping()
  })

  it('may send data right behind its proposal, more than the negotiation may take', async t => {
    const { node, attacker } = await scene(t)
    let received = 0
    await node.handle(ECHO, async stream => {
      for await (const chunk of stream) received += chunk.byteLength
    })
    attacker.send(data(1, proposal(ECHO), SYN), data(1, Buffer.alloc(60_000)), data(1, Buffer.alloc(60_000)), yamuxFrame(DATA, FIN, 1, 0))
    await eventually(() => received === 120_000)
  })

  it('is cut when it negotiates and resets in a flood', async t => {
    const { node, attacker, ping } = await scene(t)
    await node.handle(ECHO, () => {})
    for (let round = 0; round < 100 && !attacker.cut; round++) {
      const frames: Buffer[] = []
      for (let at = 0; at < 20; at++) {
        const id = 1 + 2 * (round * 20 + at)
        frames.push(data(id, proposal(ECHO), SYN))
      }
      attacker.send(...frames)
      await delay(2)
      attacker.send(...Array.from({ length: 20 }, (_, at) => yamuxFrame(WINDOW_UPDATE, RST, 1 + 2 * (round * 20 + at), 0)))
    }
    await eventually(() => attacker.cut)
    await ping()
  })

  it('is cut when it says GO_AWAY and stays', async t => {
    const { attacker } = await scene(t)
    attacker.send(yamuxFrame(GO_AWAY, 0, 0, 0))
    await eventually(() => attacker.cut, 8_000)
  })

  it('is cut when it never reads what it makes the node answer', async t => {
    const { attacker, ping } = await scene(t, {
      transports: { streamWriteBytesMax: '64KiB' },
      rates: { ping: { connection: 'unlimited', peer: 'unlimited' } },
    })
    attacker.stream.pause()
    for (let round = 0; round < 4000 && !attacker.cut; round++) {
      attacker.send(...Array.from({ length: 500 }, (_, at) => yamuxFrame(PING, SYN, 0, at)))
      await attacker.flushed()
      if (round % 20 === 0) await delay(1)
    }
    assert.ok(attacker.cut)
    await ping()
  })

  it('leaves nothing behind when it resets its streams at every step', async t => {
    const { node, attacker } = await scene(t, { rates: { 'stream-reset': { connection: 'unlimited', peer: 'unlimited' } } })
    await node.handle(ECHO, async stream => {
      for await (const chunk of stream) stream.send(chunk)
    })
    const whole = Buffer.concat([proposal(ECHO), Buffer.alloc(2000, 1)])
    let id = 1
    for (let cut = 0; cut < whole.byteLength; cut += 9) {
      attacker.send(data(id, whole.subarray(0, cut), SYN), yamuxFrame(WINDOW_UPDATE, RST, id, 0))
      id += 2
      if (id % 40 === 1) await delay(1)
    }
    await eventually(() => streamsInbound(node) === 0)
    assert.equal(attacker.cut, false)
  })
})
