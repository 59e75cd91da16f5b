/**
 * Pausing a stream before it was accepted must not lose the acceptance: peers that wait for the ACK (go-yamux counts streams it has not seen acknowledged) would wait for ever.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { addressOf, eventually, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'
import { rawPeer } from './raw-peer.ts'
import { ACK, data, multistream, proposal, SYN, WINDOW_UPDATE, yamuxFrame } from './wire.ts'

describe('a stream paused before its ACK', () => {
  it('inbound: the ACK goes out first, and data flows after resume', async t => {
    noStrayErrors(t)
    const node = await protectedNode(t)
    const peer = await rawPeer(t, addressOf(node))
    await eventually(() => node.getConnections().length === 1)
    const [connection] = node.getConnections()
    assert.ok(connection)
    // Opens it, and says something on it that needs no answer.
    peer.send(yamuxFrame(WINDOW_UPDATE, SYN, 1, 0), yamuxFrame(WINDOW_UPDATE, 0, 1, 1))
    const theirs = (): Stream | undefined => connection.streams.find(stream => stream.direction === 'inbound')
    await eventually(() => theirs() !== undefined)
    const stream = theirs()
    assert.ok(stream)
    stream.pause()
    await eventually(() => peer.count(frame => frame.id === 1 && (frame.flags & ACK) !== 0) === 1)
    peer.send(data(1, proposal('/ipfs/ping/1.0.0')), data(1, Buffer.alloc(32, 7)))
    await delay(30)
    assert.equal(peer.received.get(1), undefined, 'nothing is answered while paused')
    stream.resume()
    await eventually(() => (peer.received.get(1) ?? 0) === proposal('/ipfs/ping/1.0.0').byteLength + 32)
  })

  it('outbound: the SYN goes out first', async t => {
    noStrayErrors(t)
    const node = await protectedNode(t)
    const peer = await rawPeer(t, addressOf(node))
    await eventually(() => node.getConnections().length === 1)
    const [connection] = node.getConnections()
    assert.ok(connection)
    const before = new Set(connection.streams)
    const opening = connection.newStream('/test/nothing/1.0.0').catch((error: Error) => error)
    const ours = (): Stream | undefined => connection.streams.find(stream => !before.has(stream))
    await eventually(() => ours() !== undefined)
    const stream = ours()
    assert.ok(stream)
    stream.pause()
    const id = Number(stream.id)
    await eventually(() => peer.count(frame => frame.id === id && (frame.flags & SYN) !== 0) === 1)
    stream.resume()
    peer.send(data(id, Buffer.concat([multistream('/multistream/1.0.0'), multistream('na')]), ACK))
    assert.ok((await opening) instanceof Error)
  })

  it('never lets a window outgrow the buffer behind it', async t => {
    noStrayErrors(t)
    const node = await protectedNode(t, { policy: { transports: { yamuxWindowBytesMax: '512KiB', yamuxFrameBytesMax: '512KiB' } } })
    let received = 0
    await node.handle('/test/sink/1.0.0', stream => {
      stream.addEventListener('message', event => {
        received += event.data.byteLength
      })
    })
    const peer = await plainNode(t, { listen: false })
    const stream = await peer.dialProtocol(addressOf(node), '/test/sink/1.0.0')
    const total = 24 * 1024 * 1024
    for (let sent = 0; sent < total; sent += 65_536) {
      if (!stream.send(Buffer.alloc(65_536))) await stream.onDrain()
    }
    await eventually(() => received === total)
    const windows = node.getConnections().flatMap(connection => connection.streams as unknown as { recvWindow: number }[])
    assert.ok(windows.length > 0)
    for (const { recvWindow } of windows) assert.ok(recvWindow <= 512 * 1024, `a window of ${recvWindow} bytes`)
  })
})
