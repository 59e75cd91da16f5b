/** The block-serving peer over real sockets, on loopback. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import * as wire from '../../src/index.ts'
import { Client, versionPayload } from '../client.ts'
import { branch, type Cleanup, chainFile, type TestBlock } from './branch.ts'

const NONE = Buffer.alloc(32)

async function serve(t: Cleanup, blocks: readonly TestBlock[], init: Partial<wire.BlockServerInit> = {}): Promise<wire.BlockServer> {
  const server = await wire.serveBlocks({ network: 'regtest', path: chainFile(t, blocks), ...init })
  t.after(() => server.close())
  return server
}

async function greeted(server: wire.BlockServer): Promise<Client> {
  const client = new Client(server.port)
  await client.greet()
  return client
}

function inventoryOf(payload: Buffer): readonly wire.InventoryItem[] {
  const decoded = wire.decodeInventory(payload)
  assert.ok(decoded.ok)
  return decoded.value
}

describe('block server', () => {
  const main = branch({ blocks: 1200 })
  const stale = branch({ blocks: 2, from: main[3]!.hash, salt: 1 })

  it('listens on loopback, greets, and answers pings', async t => {
    const server = await serve(t, main.slice(0, 3))
    assert.equal(server.host, '127.0.0.1')
    assert.equal(server.tip.height, 3)
    const client = new Client(server.port)
    client.send('version', versionPayload())
    const version = wire.decodeVersion((await client.next('version')).payload)
    assert.ok(version.ok)
    assert.equal(version.value.startHeight, 3)
    assert.equal(version.value.services, 9n)
    client.send('verack')
    client.send('sendheaders')
    client.send('ping', wire.encodeNonce(77n))
    assert.deepEqual((await client.next('pong')).payload, wire.encodeNonce(77n))
  })

  it('serves headers after a locator, and one by its hash alone', async t => {
    const client = await greeted(await serve(t, [...main, ...stale]))
    const ask = async (hashes: readonly Buffer[], stop: Buffer): Promise<readonly Buffer[]> => {
      client.send('getheaders', wire.encodeLocator({ protocol: 70016, hashes, stop }))
      const headers = wire.decodeHeaders((await client.next('headers')).payload)
      assert.ok(headers.ok)
      return headers.value
    }
    assert.equal((await ask([wire.NETWORKS.regtest.genesisHash], NONE)).length, 1200)
    assert.deepEqual((await ask([main[99]!.hash], main[101]!.hash)).map(wire.hash256), [main[100]!.hash, main[101]!.hash])
    assert.deepEqual((await ask([], stale[1]!.hash)).map(wire.hash256), [stale[1]!.hash])
    assert.equal((await ask([], NONE)).length, 0)
    assert.equal((await ask([main[1199]!.hash], NONE)).length, 0)
  })

  it('offers 500 blocks at a time, and announces the tip when the last of them is fetched', async t => {
    const client = await greeted(await serve(t, main))
    let at = wire.NETWORKS.regtest.genesisHash
    const sizes: number[] = []
    for (;;) {
      client.send('getblocks', wire.encodeLocator({ protocol: 70016, hashes: [at], stop: NONE }))
      const items = inventoryOf((await client.next('inv')).payload)
      sizes.push(items.length)
      at = items.at(-1)!.hash
      if (items.length < 500) break
      client.send('getdata', wire.encodeInventory(items.slice(-1)))
      await client.next('block')
      assert.deepEqual(inventoryOf((await client.next('inv')).payload)[0]!.hash, main[1199]!.hash)
    }
    assert.deepEqual(sizes, [500, 500, 200])
    assert.deepEqual(at, main[1199]!.hash)
  })

  it('answers every form of asking for a block with the block, stale ones too, and the rest with notfound', async t => {
    const client = await greeted(await serve(t, [...main, ...stale]))
    const types = [wire.MSG_BLOCK, wire.MSG_FILTERED_BLOCK, wire.MSG_CMPCT_BLOCK]
    const items = types.flatMap(type => [type, type | wire.MSG_WITNESS_FLAG]).map(type => ({ type, hash: stale[0]!.hash }))
    const missing = [
      { type: wire.MSG_TX, hash: main[0]!.hash },
      { type: wire.MSG_BLOCK, hash: Buffer.alloc(32, 1) },
      { type: 0xffffffff, hash: main[0]!.hash },
      { type: wire.MSG_BLOCK, hash: wire.NETWORKS.regtest.genesisHash },
    ]
    client.send('getdata', wire.encodeInventory([...missing, ...items]))
    for (const _ of items) assert.deepEqual((await client.next()).payload, stale[0]!.bytes)
    const { command, payload } = await client.next()
    assert.equal(command, 'notfound')
    assert.deepEqual(inventoryOf(payload), missing)
  })

  const badPing = Buffer.concat([wire.encodeHeader(wire.NETWORKS.regtest, 'ping', 8, 1), Buffer.alloc(8)])
  const hello = wire.encodeMessage(wire.NETWORKS.regtest, 'version', versionPayload())
  const faults: readonly (readonly [string, Buffer, string])[] = [
    ['nonsense', Buffer.alloc(64, 7), 'magic'],
    ['a request before version', wire.encodeMessage(wire.NETWORKS.regtest, 'getdata', wire.encodeInventory([])), 'handshake'],
    ['a second version', Buffer.concat([hello, hello]), 'handshake'],
    ['a wrong checksum', badPing, 'checksum'],
    ['a cut locator', Buffer.concat([hello, wire.encodeMessage(wire.NETWORKS.regtest, 'getheaders', Buffer.alloc(30))]), 'truncated'],
  ]
  for (const [name, bytes, expected] of faults) {
    it(`closes on ${name}`, async t => {
      const ended = Promise.withResolvers<wire.PeerEnd | Error>()
      const server = await serve(t, main.slice(0, 2), { onEnd: ended.resolve })
      const client = new Client(server.port)
      client.socket.write(bytes)
      await client.closed()
      const end = await ended.promise
      assert.equal(typeof end === 'object' && 'rule' in end ? end.rule : end, expected)
    })
  }

  it('closes who never sends a version, and who comes beyond the maximum', async t => {
    const server = await serve(t, main.slice(0, 2), { handshakeTimeoutMs: 30, connectionsMax: 1 })
    const silent = new Client(server.port)
    await Promise.all([silent.closed(), new Client(server.port).closed()])
    assert.equal(silent.bytesRead, 0)
  })

  it('holds one block for a client that reads none, however much it asks for', async t => {
    const big = branch({ blocks: 4, bytes: 1_000_000 })
    let served = -1
    const ended = Promise.withResolvers<void>()
    const server = await serve(t, big, {
      onEnd: (_, blocks) => {
        served = blocks
        ended.resolve()
      },
    })
    const client = await greeted(server)
    client.socket.pause()
    const item = { type: wire.MSG_BLOCK, hash: big[0]!.hash }
    for (let i = 0; i < 10; i++) client.send('getdata', wire.encodeInventory(Array.from({ length: 100 }, () => item)))
    await delay(300)
    client.socket.destroy()
    await ended.promise
    assert.ok(served >= 1 && served < 40, `${served} of 1000 blocks were written to a client that reads nothing`)
  })

  it('ends every connection when it closes, once and again', async t => {
    const server = await serve(t, main.slice(0, 2))
    const client = await greeted(server)
    assert.equal(server.connections, 1)
    await server.close()
    await server.close()
    await client.closed()
  })
})
