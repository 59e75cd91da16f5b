/** The gateway between real sockets, in front of the block-serving peer. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { BulkDesk, GatewayClient, GatewayEnd, GatewayInit, Piece } from '../../src/gateway/index.ts'
import { type Gateway, openGateway } from '../../src/gateway/index.ts'
import * as wire from '../../src/index.ts'
import { Client, versionPayload } from '../client.ts'
import { branch, type Cleanup, chainFile } from '../serve/branch.ts'

const main = branch({ blocks: 30, bytes: 50_000 })
const wanted = main.map(block => ({ type: wire.MSG_BLOCK, hash: block.hash }))

/** Lets everything go, or holds it until told; writes down what it saw. */
class TestDesk implements BulkDesk {
  readonly waiting: { client: GatewayClient; go: () => void }[] = []
  readonly settled: number[] = []
  readonly asked: Piece[] = []
  sentBytes = 0
  left = 0
  holds = false

  ask(client: GatewayClient, piece: Piece, go: () => void): void {
    this.asked.push(piece)
    if (this.holds) this.waiting.push({ client, go })
    else go()
  }

  sent(_client: GatewayClient, _command: string, bytes: number): void {
    this.sentBytes += bytes
  }

  done(_client: GatewayClient, _piece: Piece, bytes: number): void {
    this.settled.push(bytes)
  }

  gone(): void {
    this.left++
  }
}

interface Stage {
  readonly gateway: Gateway
  readonly desk: TestDesk
  readonly ends: GatewayEnd[]
  readonly upstream: wire.BlockServer
}

async function stage(t: Cleanup, init: Partial<GatewayInit> = {}): Promise<Stage> {
  const upstream = await wire.serveBlocks({ network: 'regtest', path: chainFile(t, main) })
  const desk = new TestDesk()
  const ends: GatewayEnd[] = []
  const gateway = await openGateway({
    network: 'regtest',
    upstream: { host: upstream.host, port: upstream.port },
    desk,
    onEnd: end => ends.push(end),
    ...init,
  })
  t.after(async () => {
    await gateway.close()
    await upstream.close()
  })
  return { gateway, desk, ends, upstream }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await delay(5)
  assert.ok(condition(), 'it did not come to pass within two seconds')
}

describe('gateway', () => {
  it('passes a whole sync through, one block at a time, and settles each to its bytes', async t => {
    const { gateway, desk } = await stage(t)
    const client = new Client(gateway.port)
    await client.greet()
    client.send('getheaders', wire.encodeLocator({ protocol: 1, hashes: [wire.NETWORKS.regtest.genesisHash], stop: Buffer.alloc(32) }))
    await client.next('headers')
    client.send('getdata', wire.encodeInventory(wanted))
    for (const block of main) assert.deepEqual((await client.next('block')).payload, block.bytes)
    client.send('ping', wire.encodeNonce(5n))
    assert.deepEqual((await client.next()).payload, wire.encodeNonce(5n), 'the pongs of the gateway are not the client’s')
    await until(() => desk.settled.length === 31)
    assert.deepEqual(desk.settled, [24 + 1 + 30 * 81, ...main.map(() => 24 + 50_000)])
    assert.equal(desk.sentBytes, 24 + 1 + 30 * 81 + 30 * 50_024)
    assert.equal(gateway.heldBytes, 0)
  })

  it('holds requests, not replies; what is small still passes', async t => {
    const { gateway, desk, upstream } = await stage(t)
    desk.holds = true
    const client = new Client(gateway.port)
    await client.greet()
    const before = client.bytesRead
    client.send('getdata', wire.encodeInventory(wanted))
    await until(() => desk.waiting.length === 1)
    client.send('ping', wire.encodeNonce(6n))
    await client.next('pong')
    assert.equal(client.bytesRead - before, 32)
    assert.equal(gateway.heldBytes, 30 * 36)
    desk.waiting[0]!.go()
    desk.waiting[0]!.go()
    assert.deepEqual((await client.next('block')).payload, main[0]!.bytes)
    await until(() => desk.waiting.length === 2)
    assert.deepEqual(desk.settled, [50_024])
    desk.waiting[1]!.client.close('budget')
    await client.closed()
    assert.equal(desk.left, 1)
    assert.equal(gateway.heldBytes, 0)
    await until(() => upstream.connections === 0)
  })

  it('completes a request that is answered by nothing', async t => {
    const { gateway, desk } = await stage(t)
    const client = new Client(gateway.port)
    await client.greet()
    client.send('mempool')
    await until(() => desk.settled.length === 1)
    assert.deepEqual(desk.settled, [0])
  })

  it('closes a BIP 324 opening without a byte, and without troubling the upstream', async t => {
    const { gateway, ends, upstream } = await stage(t)
    const client = new Client(gateway.port)
    client.socket.write(Buffer.alloc(23, 0x5a))
    await delay(20)
    assert.equal(client.socket.closed, false)
    client.socket.write(Buffer.alloc(41, 0x5a))
    await client.closed()
    assert.equal(client.bytesRead, 0)
    assert.deepEqual(ends, ['opening'])
    assert.equal(upstream.connections, 0)
  })

  it('puts its own messages only between two of the client’s', async t => {
    const { gateway, desk } = await stage(t)
    desk.holds = true
    const client = new Client(gateway.port)
    await client.greet()
    client.send('getdata', wire.encodeInventory(wanted.slice(0, 1)))
    await until(() => desk.waiting.length === 1)
    const transaction = wire.encodeMessage(wire.NETWORKS.regtest, 'tx', Buffer.alloc(1000))
    client.socket.write(transaction.subarray(0, 500))
    await delay(20)
    desk.waiting[0]!.go()
    await delay(20)
    client.socket.write(transaction.subarray(500))
    assert.deepEqual((await client.next('block')).payload, main[0]!.bytes)
  })

  it('gives a place back, and refuses more connections of one IP than it may have', async t => {
    const { gateway, desk, ends } = await stage(t, { connectionsPerIpMax: 2 })
    desk.holds = true
    const clients = [new Client(gateway.port), new Client(gateway.port)]
    for (const client of clients) {
      await client.greet()
      client.send('getdata', wire.encodeInventory(wanted.slice(0, 1)))
      await until(() => desk.waiting.length === clients.indexOf(client) + 1)
    }
    const who = desk.waiting.map(({ client }) => `${client.ip} ${client.place} ${client.userAgent}`)
    assert.deepEqual(who.sort(), ['127.0.0.1 0 /test/', '127.0.0.1 1 /test/'])
    await new Client(gateway.port).closed()
    assert.deepEqual(ends, ['refused'])
    clients[0]!.socket.destroy()
    await until(() => desk.left === 1)
    const again = new Client(gateway.port)
    await again.greet()
    again.send('getdata', wire.encodeInventory(wanted.slice(0, 1)))
    await until(() => desk.waiting.length === 3)
    assert.equal(desk.waiting[2]!.client.place, desk.waiting[0]!.client.place)
  })

  const hello = wire.encodeMessage(wire.NETWORKS.regtest, 'version', versionPayload())
  const verack = wire.encodeMessage(wire.NETWORKS.regtest, 'verack')
  const bad: readonly (readonly [string, Buffer, string])[] = [
    ['a message before version', wire.encodeMessage(wire.NETWORKS.regtest, 'ping', Buffer.alloc(8)), 'handshake'],
    ['a second version', Buffer.concat([hello, hello]), 'handshake'],
    ['a request before verack', Buffer.concat([hello, wire.encodeMessage(wire.NETWORKS.regtest, 'mempool')]), 'handshake'],
    ['a cut getdata', Buffer.concat([hello, verack, wire.encodeMessage(wire.NETWORKS.regtest, 'getdata', Buffer.from([2]))]), 'truncated'],
    ['a spoilt checksum', Buffer.concat([hello, verack, wire.encodeHeader(wire.NETWORKS.regtest, 'mempool', 0, 1)]), 'checksum'],
    ['nonsense after the handshake', Buffer.concat([hello, verack, Buffer.alloc(24, 1)]), 'magic'],
  ]
  for (const [name, bytes, expected] of bad) {
    it(`closes on ${name}`, async t => {
      const { gateway, ends, desk, upstream } = await stage(t)
      const client = new Client(gateway.port)
      client.socket.write(bytes)
      await client.closed()
      await until(() => ends.length === 1)
      const [end] = ends
      assert.equal(typeof end === 'object' && 'rule' in end ? end.rule : end, expected)
      assert.equal(desk.asked.length, 0)
      await until(() => upstream.connections === 0)
    })
  }

  it('closes who never finishes the handshake', async t => {
    const { gateway, ends } = await stage(t, { handshakeTimeoutMs: 50 })
    const silent = new Client(gateway.port)
    const half = new Client(gateway.port)
    half.send('version', versionPayload())
    await Promise.all([silent.closed(), half.closed()])
    await until(() => ends.length === 2)
    assert.deepEqual(ends, ['handshake', 'handshake'])
  })

  it('closes the client whose requests no longer fit, and keeps the account straight', async t => {
    const { gateway, desk, ends } = await stage(t, { heldBytesMax: 2000 })
    desk.holds = true
    const client = new Client(gateway.port)
    await client.greet()
    client.send('getdata', wire.encodeInventory(wanted))
    client.send('getdata', wire.encodeInventory(wanted))
    await client.closed()
    assert.deepEqual(ends, ['memory'])
    assert.equal(gateway.heldBytes, 0)
  })

  it('ends cleanly when the upstream goes, in flight or before it answers', async t => {
    const { gateway, desk, ends, upstream } = await stage(t)
    desk.holds = true
    const client = new Client(gateway.port)
    await client.greet()
    client.send('getdata', wire.encodeInventory(wanted))
    await until(() => desk.waiting.length === 1)
    await upstream.close()
    await client.closed()
    const late = new Client(gateway.port)
    late.send('version', versionPayload())
    await late.closed()
    await until(() => ends.length === 2)
    assert.deepEqual(ends, ['upstream', 'upstream'])
    assert.equal(desk.left, 2)
    assert.equal(gateway.heldBytes, 0)
  })

  it('reads no further from the upstream than a client that reads nothing lets it', async t => {
    const { gateway, desk } = await stage(t)
    const client = new Client(gateway.port)
    await client.greet()
    client.socket.pause()
    const many = Array.from({ length: 2000 }, () => wanted[0]!)
    client.send('getdata', wire.encodeInventory(many))
    await delay(300)
    assert.ok(desk.sentBytes < 20_000_000, `${desk.sentBytes} of 100,000,000 bytes went to a client that reads nothing`)
    client.socket.destroy()
    await until(() => desk.left === 1)
  })
})
