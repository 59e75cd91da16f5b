import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { Actions } from '../../src/interop/actions.ts'
import { startNode } from '../../src/interop/options.ts'
import { chunks, countBytes, pattern, patternDigest, RESPONDERS } from '../../src/interop/protocols.ts'

const TEST_PROTOCOL = '/sluice/interop/test/1.0.0'

describe('the pattern', () => {
  it('is as long as asked, and byte i is (i mod 65521) * 31 mod 256', () => {
    const bytes = Buffer.concat([...pattern(65_521 * 2 + 5)])
    assert.equal(bytes.length, 65_521 * 2 + 5)
    for (const index of [0, 1, 255, 65_520, 65_521, 131_042, 131_046]) assert.equal(bytes[index], ((index % 65_521) * 31) & 255)
  })

  it('is empty for no bytes', () => {
    assert.deepEqual([...pattern(0)], [])
  })

  it('digests as its bytes do', () => {
    assert.deepEqual(
      patternDigest(100_000),
      createHash('sha256')
        .update(Buffer.concat([...pattern(100_000)]))
        .digest(),
    )
  })

  it('counts in 8 bytes, big endian', () => {
    assert.equal(Buffer.from(countBytes(268_435_456)).toString('hex'), '0000000010000000')
  })
})

describe('two plain nodes', () => {
  it('answer streams and move bytes both ways', async t => {
    const server = await startNode({ transports: ['tcp'] })
    t.after(() => server.stop())
    for (const [protocol, respond] of Object.entries(RESPONDERS)) await server.handle(protocol, respond)
    const client = await startNode({ transports: ['tcp'] })
    const actions = new Actions(client, { transports: ['tcp'] })
    t.after(() => actions.stop())
    const address = multiaddr(String(server.getMultiaddrs()[0]))
    await actions.connect(address)
    assert.match((await actions.identify()).agent, /js-libp2p/)
    assert.equal((await actions.ping(3)).count, 3)
    assert.equal((await actions.streams(20, 4)).answered, 20)
    assert.equal((await actions.send(300_001)).bytes, 300_001)
    assert.equal((await actions.receive(300_001)).bytes, 300_001)
    assert.equal((await actions.exchange(300_001)).bytes, 600_002)
    await actions.disconnect()
    assert.equal((await actions.connections(address, 6, 2)).answered, 6)
  })

  it('tell of a peer that answers something else', async t => {
    const server = await startNode({ transports: ['tcp'] })
    t.after(() => server.stop())
    for (const protocol of Object.keys(RESPONDERS)) {
      await server.handle(protocol, async stream => {
        stream.send(new Uint8Array(40))
        await stream.close()
      })
    }
    const actions = new Actions(await startNode({ transports: ['tcp'] }), { transports: ['tcp'] })
    t.after(() => actions.stop())
    await actions.connect(multiaddr(String(server.getMultiaddrs()[0])))
    assert.match((await actions.streams(2, 1)).firstError!, /echo answered 40 bytes/)
    await assert.rejects(actions.send(1000), /count or SHA-256 differs/)
    await assert.rejects(actions.receive(1000), /received 40 of 1000 bytes/)
  })

  it('read a request whose end came before anybody read', async t => {
    const server = await startNode({ transports: ['tcp'] })
    t.after(() => server.stop())
    const read = Promise.withResolvers<string>()
    await server.handle(TEST_PROTOCOL, async stream => {
      while (stream.remoteWriteStatus === 'writable') await new Promise(resolve => setTimeout(resolve, 5))
      const parts: Uint8Array[] = []
      for await (const chunk of chunks(stream)) parts.push(chunk)
      read.resolve(Buffer.concat(parts).toString())
    })
    const client = await startNode({ transports: ['tcp'] })
    t.after(() => client.stop())
    const stream = await client.dialProtocol(multiaddr(String(server.getMultiaddrs()[0])), TEST_PROTOCOL)
    stream.send(Buffer.from('all of it'))
    await stream.close()
    assert.equal(await read.promise, 'all of it')
  })
})
