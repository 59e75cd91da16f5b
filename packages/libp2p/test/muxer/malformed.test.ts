/**
 * Malformed muxer frames of every kind, random ones included: the connection ends or lives, the process goes on, and nothing is held.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { addressOf, eventually, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'
import { rawPeer } from './raw-peer.ts'
import { DATA, data, mplexMessage, PING, proposal, SYN, varint, WINDOW_UPDATE, yamuxFrame } from './wire.ts'

const seed = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
console.log(`seed ${seed}`)

const UNLIMITED = {
  prefixes: { loopback: 'exempt' as const },
}

const MALFORMED_YAMUX: Readonly<Record<string, Uint8Array>> = {
  'an unknown version': Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
  'an unknown type': yamuxFrame(9, 0, 1, 0),
  'DATA on the session': yamuxFrame(DATA, 0, 0, 1, Buffer.alloc(1)),
  'a window update on the session': yamuxFrame(WINDOW_UPDATE, 0, 0, 1),
  'a PING on a stream': yamuxFrame(PING, SYN, 5, 1),
  'a PING that is neither asked nor answered': yamuxFrame(PING, 0, 0, 1),
  'an answer to a PING nobody sent': yamuxFrame(PING, 2, 0, 4242),
  "a stream with an id of the other side's": yamuxFrame(WINDOW_UPDATE, SYN, 2, 0),
  'more data than its window': Buffer.concat([yamuxFrame(WINDOW_UPDATE, SYN, 1, 0), data(1, Buffer.alloc(300 * 1024))]),
  'a DATA frame longer than any window': yamuxFrame(DATA, SYN, 1, 0x7fffffff),
}

const MALFORMED_MPLEX: Readonly<Record<string, Uint8Array>> = {
  'an unknown type': mplexMessage(1, 7, Buffer.alloc(0)),
  'an endless varint': Buffer.alloc(64, 0xff),
  'a message of 1 GB': Buffer.concat([varint(2), varint(2 ** 30)]),
}

describe('malformed frames', () => {
  for (const [name, bytes] of Object.entries(MALFORMED_YAMUX)) {
    it(`yamux: ${name} ends the connection`, async t => {
      noStrayErrors(t)
      const node = await protectedNode(t)
      const peer = await rawPeer(t, addressOf(node))
      peer.send(bytes)
      await eventually(() => peer.cut)
    })
  }

  for (const [name, bytes] of Object.entries(MALFORMED_MPLEX)) {
    it(`mplex: ${name} ends the connection`, async t => {
      noStrayErrors(t)
      const node = await protectedNode(t, { muxers: ['mplex'] })
      const peer = await rawPeer(t, addressOf(node), '/mplex/6.7.0')
      peer.send(bytes)
      await eventually(() => peer.cut)
    })
  }

  it('yamux: random frames in random pieces never reach the process', async t => {
    noStrayErrors(t)
    const node = await protectedNode(t, { policy: UNLIMITED })
    await node.handle('/test/echo/1.0.0', async stream => {
      for await (const chunk of stream) stream.send(chunk)
    })
    const honest = await plainNode(t, { listen: false })
    const frame = fc
      .record({
        type: fc.oneof({ weight: 8, arbitrary: fc.nat(1) }, fc.nat(4)),
        flags: fc.constantFrom(0, 0, 1, 2, 4, 8, 3, 5, 12, 15),
        id: fc.constantFrom(0, 1, 1, 1, 3, 3, 5, 2, 2 ** 31 + 1),
        payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(proposal('/test/echo/1.0.0')), fc.constant(Buffer.alloc(5000))),
        delta: fc.constantFrom(0, 1, 65536, 0xffffffff),
      })
      .map(f => (f.type === 0 ? data(f.id, f.payload, f.flags) : yamuxFrame(f.type, f.flags, f.id, f.delta)))
    const session = fc.array(frame, { minLength: 1, maxLength: 30 })
    for (const frames of fc.sample(session, { seed, numRuns: 25 })) {
      const peer = await rawPeer(t, addressOf(node))
      for (const bytes of frames) {
        const middle = bytes.byteLength >> 1
        peer.send(bytes.subarray(0, middle))
        peer.send(bytes.subarray(middle))
      }
      await delay(2)
      peer.stream.abort(new Error('next'))
    }
    assert.ok((await honest.services.ping.ping(addressOf(node))) >= 0)
  })
})
