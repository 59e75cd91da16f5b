/**
 * Handlers as applications write them, unchanged: those that read get every byte in order, those that do not are bounded, and nothing is held at the end.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { byteStream, lpStream, pipe } from '@libp2p/utils'
import type { PolicyInput } from '@sluice/core'
import { guardOf } from '../../src/stream/attach.ts'
import { UNREAD_HIGH_BYTES } from '../../src/stream/guard.ts'
import type { MuxerName, PlainNode, ProtectedNode } from '../helpers.ts'
import { addressOf, eventually, noStrayErrors, pair } from '../helpers.ts'

const PROTOCOL = '/test/consumer/1.0.0'
const WINDOW = 256 * 1024
/** What a sender may have sent before it must wait: what lies unread when windows are withheld, a window that has grown as far as it may, and the pieces that were read first. */
const BOUND = UNREAD_HIGH_BYTES + 1024 * 1024 + 128 * 1024
const SENT = 3 * 1024 * 1024
const PIECE = 16 * 1024

interface Scene {
  readonly node: ProtectedNode
  readonly peer: PlainNode
}

async function scene(t: TestContext, muxer: MuxerName, policy: PolicyInput = {}): Promise<Scene> {
  noStrayErrors(t)
  return pair(t, { muxers: [muxer], policy })
}

/** Writes `bytes` of a known pattern in pieces, each with its length when `prefixed`, and closes. Resolves with their digest. */
async function sendAll(stream: Stream, bytes: number, prefixed: boolean): Promise<string> {
  const hash = createHash('sha256')
  const lp = prefixed ? lpStream(stream) : byteStream(stream)
  for (let sent = 0; sent < bytes; sent += PIECE) {
    const piece = Buffer.alloc(PIECE, (sent / PIECE) % 251)
    hash.update(piece)
    await lp.write(piece)
  }
  lp.unwrap()
  await stream.close()
  return hash.digest('hex')
}

/** Writes until the other side stops taking it or the stream ends. @returns bytes given to the stream that have left it */
async function sendUntilStopped(stream: Stream, bytesMax: number): Promise<number> {
  let sent = 0
  try {
    while (sent < bytesMax && stream.status === 'open') {
      stream.send(Buffer.alloc(PIECE))
      sent += PIECE
      if (!stream.writableNeedsDrain) continue
      const before = stream.writeBufferLength
      await delay(150)
      if (stream.writeBufferLength === before && before > 0) break
    }
  } catch {
    // Reset while writing: an answer too.
  }
  return sent - stream.writeBufferLength
}

type Reader = (stream: Stream, seen: (chunk: Uint8Array) => void) => Promise<void>

const READERS: Readonly<Record<string, { prefixed: boolean; read: Reader }>> = {
  'for await': {
    prefixed: false,
    async read(stream, seen) {
      for await (const chunk of stream) seen(chunk.subarray())
    },
  },
  'a slow for await': {
    prefixed: false,
    async read(stream, seen) {
      let read = 0
      for await (const chunk of stream) {
        seen(chunk.subarray())
        if (read++ % 8 === 0) await delay(1)
      }
    },
  },
  byteStream: {
    prefixed: false,
    async read(stream, seen) {
      const bytes = byteStream(stream)
      for (let left = SENT; left > 0; left -= PIECE) seen((await bytes.read({ bytes: PIECE })).subarray())
    },
  },
  'a slow lpStream': {
    prefixed: true,
    async read(stream, seen) {
      const lp = lpStream(stream)
      for (let left = SENT; left > 0; left -= PIECE) {
        seen((await lp.read()).subarray())
        if (left % (PIECE * 16) === 0) await delay(1)
      }
    },
  },
  'message events': {
    prefixed: false,
    async read(stream, seen) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      stream.addEventListener('message', event => seen(event.data.subarray()))
      stream.addEventListener('remoteCloseWrite', () => resolve())
      stream.addEventListener('close', event => (event.error === undefined ? resolve() : reject(event.error)))
      await promise
    },
  },
  pipe: {
    prefixed: false,
    async read(stream, seen) {
      await pipe(stream, async source => {
        for await (const chunk of source) seen(chunk.subarray())
      })
    },
  },
  'message events, paused and resumed': {
    prefixed: false,
    async read(stream, seen) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      let left = SENT
      stream.addEventListener('message', event => {
        seen(event.data.subarray())
        left -= event.data.byteLength
        if (left <= 0) resolve()
        stream.pause()
        setTimeout(() => {
          if (stream.readStatus === 'paused') stream.resume()
        }, 1)
      })
      stream.addEventListener('close', event => (event.error === undefined ? resolve() : reject(event.error)))
      await promise
    },
  },
}

describe('a handler that reads', () => {
  for (const muxer of ['yamux', 'mplex'] as const) {
    for (const [name, { prefixed, read }] of Object.entries(READERS)) {
      it(`${muxer}: gets every byte by ${name}`, async t => {
        const { node, peer } = await scene(t, muxer)
        const hash = createHash('sha256')
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        await node.handle(PROTOCOL, async stream => {
          try {
            await read(stream, chunk => hash.update(chunk))
            await stream.close()
            resolve()
          } catch (error) {
            reject(error)
            throw error
          }
        })
        const stream = await peer.dialProtocol(addressOf(node), PROTOCOL)
        const [sent] = await Promise.all([sendAll(stream, SENT, prefixed), promise])
        assert.equal(hash.digest('hex'), sent)
      })
    }
  }
})

const NON_READERS: Readonly<Record<string, (stream: Stream) => void>> = {
  'no listener at all': () => {},
  'a for await that never comes back': stream => {
    void (async () => {
      for await (const _ of stream) await new Promise(() => {})
    })().catch(() => {})
  },
  'a byteStream that reads once': stream => {
    void byteStream(stream)
      .read({ bytes: 1 })
      .catch(() => {})
  },
  'an lpStream that is never read': stream => {
    lpStream(stream)
  },
  'a paused stream': stream => stream.pause(),
}

describe('a handler that does not read', () => {
  for (const [name, hold] of Object.entries(NON_READERS)) {
    it(`yamux: ${name} makes the sender wait`, async t => {
      const { node, peer } = await scene(t, 'yamux')
      const accepted = Promise.withResolvers<Stream>()
      await node.handle(PROTOCOL, stream => {
        hold(stream)
        accepted.resolve(stream)
      })
      const stream = await peer.dialProtocol(addressOf(node), PROTOCOL)
      const held = await accepted.promise
      const left = await sendUntilStopped(stream, 16 * 1024 * 1024)
      assert.ok(left <= BOUND, `${left} bytes left the sender`)
      assert.equal(held.status, 'open')
      const charged = guardOf(held)?.chargedBytes ?? 0
      assert.ok(charged >= WINDOW / 2 && charged <= BOUND, `${charged} bytes are charged`)
      assert.ok(node.services.sluice.resources().system.usage.memory >= charged)
      stream.abort(new Error('enough'))
      await eventually(() => guardOf(held)?.ended === true)
      assert.equal(guardOf(held)?.chargedBytes, 0)
    })

    it(`mplex: ${name} costs the sender its stream at the cap`, async t => {
      const { node, peer } = await scene(t, 'mplex', {
        transports: { streamReadBytesMax: '1MiB', yamuxWindowBytesMax: '1MiB', yamuxFrameBytesMax: '1MiB' },
      })
      const accepted = Promise.withResolvers<Stream>()
      await node.handle(PROTOCOL, stream => {
        hold(stream)
        accepted.resolve(stream)
      })
      const stream = await peer.dialProtocol(addressOf(node), PROTOCOL)
      const held = await accepted.promise
      await sendUntilStopped(stream, 16 * 1024 * 1024)
      await eventually(() => held.status === 'aborted')
      await eventually(() => stream.status === 'reset')
      assert.ok((await peer.services.ping.ping(addressOf(node))) >= 0, 'the connection lives')
    })
  }
})

const ECHOES: Readonly<Record<string, (stream: Stream) => void>> = {
  'events, ignoring what send() says': stream => {
    stream.addEventListener('message', (event: StreamMessageEvent) => stream.send(event.data))
  },
  'for await, ignoring what send() says': stream => {
    void (async () => {
      for await (const chunk of stream) stream.send(chunk)
    })().catch(() => {})
  },
}

describe('a handler that answers a peer who does not read', () => {
  for (const [name, echo] of Object.entries(ECHOES)) {
    it(`yamux: ${name}: the sender waits`, async t => {
      const { node, peer } = await scene(t, 'yamux')
      const accepted = Promise.withResolvers<Stream>()
      await node.handle(PROTOCOL, stream => {
        echo(stream)
        accepted.resolve(stream)
      })
      const stream = await peer.dialProtocol(addressOf(node), PROTOCOL)
      stream.pause()
      const held = await accepted.promise
      const left = await sendUntilStopped(stream, 32 * 1024 * 1024)
      assert.ok(left <= 4 * 1024 * 1024, `${left} bytes left the sender`)
      assert.ok(held.writeBufferLength <= 2 * 1024 * 1024, `${held.writeBufferLength} bytes unsent`)
      assert.equal(held.status, 'open')
      // It reads after all: everything comes back.
      let back = 0
      stream.addEventListener('message', event => {
        back += event.data.byteLength
      })
      stream.resume()
      await eventually(() => back >= left)
    })
  }

  it('mplex: is reset when more is unsent than the policy says', async t => {
    const { node, peer } = await scene(t, 'mplex', { transports: { streamWriteBytesMax: '1MiB' } })
    const accepted = Promise.withResolvers<Stream>()
    await node.handle(PROTOCOL, stream => {
      accepted.resolve(stream)
    })
    await peer.dialProtocol(addressOf(node), PROTOCOL)
    const held = await accepted.promise
    const [connection] = peer.getConnections()
    assert.ok(connection)
    // A handler that writes without looking, in one turn of the loop.
    for (let sent = 0; sent < 64 * 1024 * 1024 && held.status === 'open'; sent += 1024 * 1024) held.send(Buffer.alloc(1024 * 1024))
    assert.equal(held.status, 'aborted')
  })
})
