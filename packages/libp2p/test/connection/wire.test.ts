/**
 * Observing changes nothing on the wire: the same exchange with a plain node and with one protected in `observe` passes the same messages, of the same sizes, in the same order, both ways.
 * The content differs from run to run (keys), so sizes are what can be compared; they are taken on the raw sockets by a proxy.
 */

import assert from 'node:assert/strict'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import type { EncrypterName, MuxerName, NodeOptions } from '../helpers.ts'
import { addressOf, eventually, plainNode, protectedNode } from '../helpers.ts'

interface Traffic {
  readonly toNode: number
  readonly fromNode: number
}

/** Total bytes each way. TCP may merge or split what was written, so chunks are no measure; noise, yamux and mplex add a header to every message, so one message more or less shows. */
async function traffic(t: TestContext, address: string, talk: (address: string) => Promise<void>): Promise<Traffic> {
  let toNode = 0
  let fromNode = 0
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const proxy = net.createServer(peer => {
    const node = net.connect(port, '127.0.0.1')
    peer.on('data', chunk => {
      toNode += chunk.length
      node.write(chunk)
    })
    node.on('data', chunk => {
      fromNode += chunk.length
      peer.write(chunk)
    })
    peer.on('close', () => node.destroy())
    node.on('close', () => peer.destroy())
    peer.on('error', () => {})
    node.on('error', () => {})
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  await talk(`/ip4/127.0.0.1/tcp/${(proxy.address() as net.AddressInfo).port}`)
  let before = -1
  await eventually(async () => {
    const now = toNode + fromNode
    const still = now === before
    before = now
    await new Promise(resolve => setTimeout(resolve, 150))
    return still
  })
  return { toNode, fromNode }
}

const keys = await Promise.all([1, 2].map(seed => generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))))

for (const [encrypter, muxer] of [
  ['noise', 'yamux'],
  ['noise', 'mplex'],
] as readonly (readonly [EncrypterName, MuxerName])[]) {
  test(`${encrypter}, ${muxer}: observe changes no byte on the wire`, async t => {
    const measure = async (make: typeof plainNode | typeof protectedNode): Promise<Traffic> => {
      const kind: NodeOptions = { encrypters: [encrypter], muxers: [muxer] }
      const services = { services: {} } as object
      const node = await make(t, {
        ...kind,
        ...(make === protectedNode && { policy: { mode: 'observe' } }),
        options: { privateKey: keys[0], ...services },
      } as NodeOptions)
      await node.handle('/echo/1', async stream => {
        for await (const chunk of stream) {
          if (!stream.send(chunk)) {
            await stream.onDrain()
          }
        }
        await stream.close()
      })
      const peer = await plainNode(t, { ...kind, listen: false, options: { privateKey: keys[1], ...services } as never })
      const measured = await traffic(t, addressOf(node).toString(), async address => {
        for (let index = 0; index < 5; index++) {
          const stream = await peer.dialProtocol(multiaddr(address), '/echo/1')
          let received = 0
          stream.addEventListener('message', event => {
            received += event.data.byteLength
          })
          stream.send(new Uint8Array(1_000 * (index + 1)))
          await eventually(() => received === 1_000 * (index + 1))
          await stream.close()
        }
      })
      await peer.stop()
      await node.stop()
      return measured
    }
    const plain = await measure(plainNode)
    assert.ok(plain.toNode > 15_000 && plain.fromNode > 15_000)
    assert.deepEqual(await measure(plainNode), plain, 'the measure is repeatable')
    assert.deepEqual(await measure(protectedNode), plain)
  })
}
