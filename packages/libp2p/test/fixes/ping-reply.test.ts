/** The answer to a ping that is longer than the ping, on plain js-libp2p and mended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { SURPLUS_BYTES_MAX } from '../../src/fixes/ping-reply.ts'
import { addressOf, eventually, plainNode, protectedNode } from '../helpers.ts'

/** Answers the first ping with itself and `surplus` bytes more, in one message. */
function talkative(surplus: number): (stream: Stream) => void {
  return stream => {
    stream.addEventListener('message', event => {
      const answer = new Uint8Array(event.data.byteLength + surplus)
      answer.set(event.data.subarray())
      stream.send(answer)
    })
  }
}

test('plain js-libp2p waits for ever for an answer of exactly 32 bytes', async t => {
  const server = await plainNode(t)
  const client = await plainNode(t, { listen: false })
  await server.handle('/ipfs/ping/1.0.0', talkative(1), { force: true })
  await client.dial(addressOf(server))
  await assert.rejects(
    client.services.ping.ping(server.peerId, { signal: AbortSignal.timeout(300) }),
    'the defect is gone upstream: remove fixes/ping-reply.ts',
  )
})

test('mended, the first 32 bytes are the answer', async t => {
  const server = await plainNode(t)
  const client = await protectedNode(t, { listen: false })
  await server.handle('/ipfs/ping/1.0.0', talkative(1), { force: true })
  await client.dial(addressOf(server))
  assert.ok((await client.services.ping.ping(server.peerId, { signal: AbortSignal.timeout(5_000) })) >= 0)
})

test('mended, an answer that goes on is reset', async t => {
  const server = await plainNode(t)
  const client = await protectedNode(t, { listen: false })
  let ended = false
  await server.handle(
    '/ipfs/ping/1.0.0',
    stream => {
      stream.addEventListener('close', event => {
        ended = event.error !== undefined
      })
      // Not one byte of it is a ping's answer until the surplus has been sent.
      stream.send(new Uint8Array(32 + SURPLUS_BYTES_MAX + 1))
    },
    { force: true },
  )
  const connection = await client.dial(addressOf(server))
  await assert.rejects(client.services.ping.ping(server.peerId, { signal: AbortSignal.timeout(1_000) }))
  await eventually(() => ended)
  assert.equal(connection.status, 'open')
})
