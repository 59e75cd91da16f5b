/** What a protected node keeps about others, through the peer store its own components use. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2pOptions } from 'libp2p'
import {
  ADDRESSES_MAX,
  METADATA_ENTRIES_MAX,
  PEER_BYTES_MAX,
  PROTOCOLS_MAX,
  SIGNED_RECORD_BYTES_MAX,
  VERSION_BYTES_MAX,
} from '../../src/work/bounds.ts'
import { STRANGERS_MIN } from '../../src/work/strangers.ts'
import { addressOf, eventually, nodeOptions, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'

async function someone(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
}

const many = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))

test('merges without end stay within the bounds', async t => {
  const node = await protectedNode(t, { listen: false })
  const id = await someone()
  for (let round = 0; round < 4; round++) {
    await node.peerStore.merge(id, {
      multiaddrs: many(ADDRESSES_MAX, index => multiaddr(`/ip4/192.0.2.${round}/tcp/${index + 1}`)),
      protocols: many(PROTOCOLS_MAX, index => `/p/${round}/${index}`),
      metadata: Object.fromEntries(many(METADATA_ENTRIES_MAX, index => [`k${round}.${index}`, new Uint8Array(8)])),
    })
  }
  const stored = await node.peerStore.get(id)
  assert.equal(stored.addresses.length, ADDRESSES_MAX)
  assert.equal(stored.protocols.length, PROTOCOLS_MAX)
  assert.equal(stored.metadata.size, METADATA_ENTRIES_MAX)
})

test('under observe nothing is cut and nobody removed', async t => {
  const node = await protectedNode(t, { listen: false, policy: { mode: 'observe', memory: '64MB' } })
  const id = await someone()
  await node.peerStore.merge(id, { protocols: many(PROTOCOLS_MAX + 1, index => `/p/${index}`) })
  assert.equal((await node.peerStore.get(id)).protocols.length, PROTOCOLS_MAX + 1)
  for (let index = 0; index < STRANGERS_MIN + 5; index++)
    await node.peerStore.merge(await someone(), { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  assert.equal((await node.peerStore.all()).length, STRANGERS_MIN + 6)
})

test('what is said about ourselves is not bounded', async t => {
  const node = await protectedNode(t, { listen: false })
  await node.peerStore.patch(node.peerId, { protocols: many(PROTOCOLS_MAX + 5, index => `/mine/${index}`) })
  assert.equal((await node.peerStore.get(node.peerId)).protocols.length, PROTOCOLS_MAX + 5)
})

test('a signed record over the bound is not even opened', async t => {
  const node = await protectedNode(t, { listen: false })
  assert.equal(await node.peerStore.consumePeerRecord(new Uint8Array(SIGNED_RECORD_BYTES_MAX + 1)), false)
  await assert.rejects(node.peerStore.consumePeerRecord(new Uint8Array(SIGNED_RECORD_BYTES_MAX)))
})

test('strangers are bounded in number; tagged and connected peers stay', async t => {
  const { node, peer } = await pair(t, { policy: { memory: '64MB' } })
  await peer.dial(addressOf(node))
  await eventually(() => node.peerStore.has(peer.peerId))
  const friend = await someone()
  await node.peerStore.merge(friend, { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')], tags: { friend: { value: 50 } } })
  const max = Math.max(STRANGERS_MIN, Math.floor(64_000_000 / 8 / PEER_BYTES_MAX))
  const strangers: PeerId[] = []
  for (let index = 0; index < max + 20; index++) {
    const id = await someone()
    strangers.push(id)
    await node.peerStore.merge(id, { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  }
  const stored = await node.peerStore.all()
  assert.equal(stored.length, max + 2)
  assert.equal(await node.peerStore.has(friend), true)
  assert.equal(await node.peerStore.has(peer.peerId), true)
  assert.equal(await node.peerStore.has(strangers[0] as PeerId), false)
  assert.equal(await node.peerStore.has(strangers.at(-1) as PeerId), true)
  await peer.stop()
  await eventually(async () => (await node.peerStore.all()).length === max + 1)
  assert.equal(await node.peerStore.has(strangers[20] as PeerId), false, 'the peer that left took the place of the oldest stranger')
})

test('what an earlier run left in a persistent store counts too', async t => {
  const earlier = await plainNode(t, { listen: false })
  const max = Math.max(STRANGERS_MIN, Math.floor(64_000_000 / 8 / PEER_BYTES_MAX))
  for (let index = 0; index < max + 10; index++)
    await earlier.peerStore.merge(await someone(), { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  const { datastore } = (earlier as unknown as { components: { datastore: NonNullable<Libp2pOptions['datastore']> } }).components
  const node = await protectedNode(t, {
    listen: false,
    policy: { memory: '64MB' },
    options: { ...nodeOptions({ listen: false }), datastore },
  })
  const friend = await someone()
  await node.peerStore.merge(friend, { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  await eventually(async () => (await node.peerStore.all()).length === max)
  assert.equal(await node.peerStore.has(friend), true)
})

test('repeated protocol writes about a connected peer are answered without touching the datastore', async t => {
  const { node, peer } = await pair(t, { policy: { rates: { 'peer-store-write': { connection: 'unlimited' } } } })
  await peer.dial(addressOf(node))
  await eventually(async () => (await node.peerStore.get(peer.peerId).catch(() => undefined))?.metadata.has('AgentVersion') === true)
  const id = peer.peerId
  const { datastore } = (node as unknown as { components: { datastore: { put(key: unknown, value: unknown): unknown } } }).components
  let writes = 0
  const put = datastore.put.bind(datastore)
  datastore.put = (key, value) => {
    writes++
    return put(key, value)
  }
  await node.peerStore.patch(id, { protocols: ['/a', '/b'] })
  await node.peerStore.merge(id, { protocols: ['/a'] })
  assert.deepEqual((await node.peerStore.merge(id, { protocols: ['/b'] })).protocols, ['/a', '/b'])
  assert.equal(writes, 1)
  await node.peerStore.merge(id, { protocols: ['/c'] })
  assert.deepEqual((await node.peerStore.get(id)).protocols, ['/a', '/b', '/c'])
  await node.peerStore.delete(id)
  await node.peerStore.merge(id, { protocols: ['/a'] })
  assert.deepEqual((await node.peerStore.get(id)).protocols, ['/a'])
  assert.equal(writes, 3)
})

test('over their rate, writes about a connected peer are dropped and what is stored comes back', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t, { policy: { rates: { 'peer-store-write': { connection: { perSecond: 0.001, burst: 4 } } } } })
  const connection: Connection = await peer.dial(addressOf(node))
  await eventually(async () => (await node.peerStore.all()).length === 1)
  for (let index = 0; index < 8; index++)
    await node.peerStore.merge(peer.peerId, { multiaddrs: [multiaddr(`/ip4/192.0.2.1/tcp/${index + 1}`)] })
  const stored = await node.peerStore.get(peer.peerId)
  assert.equal(
    stored.addresses.some(({ multiaddr: address }) => address.toString() === '/ip4/192.0.2.1/tcp/8'),
    false,
  )
  assert.equal(connection.status, 'open')
  assert.ok(node.services.sluice.resources().denials.some(denial => denial.rule === 'rate.peer-store-write'))
  await node.peerStore.merge(peer.peerId, { tags: { mine: { value: 1 } } })
  assert.equal((await node.peerStore.get(peer.peerId)).tags.has('mine'), true, 'our own tags are never refused')
})

test('a long agent string is cut before it is stored', async t => {
  const node = await protectedNode(t)
  const peer = await plainNode(t, { listen: false, options: { nodeInfo: { userAgent: 'x'.repeat(4_000) } } })
  await peer.dial(addressOf(node))
  await eventually(async () => (await node.peerStore.get(peer.peerId).catch(() => undefined))?.metadata.has('AgentVersion') === true)
  assert.equal((await node.peerStore.get(peer.peerId)).metadata.get('AgentVersion')?.byteLength, VERSION_BYTES_MAX)
})
