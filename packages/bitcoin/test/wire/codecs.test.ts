/** Codecs: known bytes, round trips, and payloads that no honest peer sends. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import * as wire from '../../src/index.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes))
const uint32 = fc.nat(0xffffffff)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

function good<T>(decoded: wire.Decoded<T>): T {
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.violation.rule)
  return decoded.value
}

/** fast-check's records have no prototype, views have other buffers: compare what is in them. */
function structured(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, field) => (typeof field === 'bigint' ? `${field}n` : field)))
}

function ruleOf(decoded: wire.Decoded<unknown>): string {
  return decoded.ok ? 'none' : decoded.violation.rule
}

describe('golden bytes', () => {
  const genesis: Record<wire.NetworkName, string> = {
    mainnet: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    testnet3: '000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943',
    testnet4: '00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043',
    signet: '00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6',
    regtest: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    simnet: '683e86bd5c6d110d91b94b97137ba6bfe02dbbdb8e3dff722a669b5d69d77af6',
  }
  for (const [name, text] of Object.entries(genesis)) {
    it(`${name}: the genesis header hashes to ${text.slice(0, 12)}…`, () => {
      const network = wire.NETWORKS[name as wire.NetworkName]
      assert.equal(wire.hashToText(network.genesisHash), text)
      assert.equal(wire.networkOfMagic(network.magicWord), network)
      assert.deepEqual(wire.encodeBlockHeader(good(wire.decodeBlockHeader(network.genesisHeader))), network.genesisHeader)
    })
  }

  it('verack of mainnet, as every implementation sends it', () => {
    assert.equal(wire.encodeMessage(wire.NETWORKS.mainnet, 'verack').toString('hex'), 'f9beb4d976657261636b000000000000000000005df6e0e2')
  })

  it('compact sizes', () => {
    const table: readonly (readonly [number | bigint, string])[] = [
      [0, '00'],
      [252, 'fc'],
      [253, 'fdfd00'],
      [65535, 'fdffff'],
      [65536, 'fe00000100'],
      [2n ** 32n, 'ff0000000001000000'],
    ]
    for (const [value, hex] of table) {
      assert.equal(wire.compactSize(value).toString('hex'), hex)
      assert.equal(new wire.Reader(Buffer.from(hex, 'hex')).compactSize64(), BigInt(value))
    }
    for (const hex of ['fd0100', 'fdfc00', 'feffff0000', 'ffffffffff00000000']) {
      const reader = new wire.Reader(Buffer.from(hex, 'hex'))
      reader.compactSize64()
      assert.equal(ruleOf(reader.finish(0)), 'compact-size', hex)
    }
    assert.throws(() => wire.compactSize(-1), RangeError)
  })

  it('a hash needs 64 digits', () => assert.throws(() => wire.hashFromText('12'), RangeError))
})

describe('round trips', () => {
  const item = fc.record({ type: uint32, hash })
  const gossip = fc.record({
    time: uint32,
    services: uint64,
    networkId: fc.nat(255),
    address: fc.uint8Array({ maxLength: 512 }).map(bytes => Buffer.from(bytes)),
    port: fc.nat(0xffff),
  })
  const trips: Record<string, () => void> = {
    inventory: () => roundTrip(fc.array(item), wire.encodeInventory, wire.decodeInventory),
    locator: () =>
      roundTrip(
        fc.record({ protocol: uint32, hashes: fc.array(hash, { maxLength: 101 }), stop: hash }),
        wire.encodeLocator,
        wire.decodeLocator,
      ),
    headers: () =>
      roundTrip(
        fc.array(fc.uint8Array({ minLength: 80, maxLength: 80 }).map(bytes => Buffer.from(bytes))),
        wire.encodeHeaders,
        wire.decodeHeaders,
      ),
    'block transactions request': () =>
      roundTrip(
        fc.record({ hash, indexes: fc.uniqueArray(fc.nat(65535)).map(list => list.sort((a, b) => a - b)) }),
        wire.encodeBlockTransactionsRequest,
        wire.decodeBlockTransactionsRequest,
      ),
    'filter range': () =>
      roundTrip(fc.record({ filterType: fc.nat(255), startHeight: uint32, stop: hash }), wire.encodeFilterRange, wire.decodeFilterRange),
    'filter checkpoint request': () =>
      roundTrip(fc.record({ filterType: fc.nat(255), stop: hash }), wire.encodeFilterCheckpointRequest, wire.decodeFilterCheckpointRequest),
    addr: () =>
      roundTrip(
        fc.array(gossip.map(entry => ({ ...entry, networkId: 2, address: Buffer.alloc(16, entry.port) }))),
        wire.encodeAddresses,
        wire.decodeAddresses,
      ),
    addrv2: () => roundTrip(fc.array(gossip), wire.encodeAddressesV2, wire.decodeAddressesV2),
    nonce: () => roundTrip(uint64, wire.encodeNonce, wire.decodeNonce),
    sendcmpct: () => roundTrip(fc.record({ highBandwidth: fc.boolean(), version: uint64 }), wire.encodeSendCompact, wire.decodeSendCompact),
    version: () =>
      roundTrip(
        fc.record({
          protocol: fc.integer(),
          services: uint64,
          time: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          receiver: fc.constant(wire.noAddress()),
          sender: fc.constant(Buffer.alloc(26, 9)),
          nonce: uint64,
          userAgent: fc.string({ maxLength: 256, unit: 'grapheme-ascii' }),
          startHeight: fc.integer(),
          relay: fc.boolean(),
        }),
        wire.encodeVersion,
        wire.decodeVersion,
      ),
  }
  for (const [name, trip] of Object.entries(trips)) it(name, trip)

  function roundTrip<T>(values: fc.Arbitrary<T>, encode: (value: T) => Buffer, decode: (payload: Buffer) => wire.Decoded<T>): void {
    fc.assert(
      fc.property(values, fc.nat(), (value, at) => {
        const payload = encode(value)
        assert.deepEqual(structured(good(decode(payload))), structured(value))
        const cutShort = decode(payload.subarray(0, at % payload.length))
        assert.ok(!cutShort.ok || decode === (wire.decodeVersion as unknown), 'a shortened payload must not pass')
      }),
    )
  }
})

const DECODERS: readonly ((payload: Buffer) => wire.Decoded<unknown>)[] = [
  wire.decodeAddresses,
  wire.decodeAddressesV2,
  wire.decodeBlockHead,
  wire.decodeBlockTransactionsHead,
  wire.decodeBlockTransactionsRequest,
  wire.decodeCompactBlockHead,
  wire.decodeFilterCheckpointHead,
  wire.decodeFilterCheckpointRequest,
  wire.decodeFilterHead,
  wire.decodeFilterHeadersHead,
  wire.decodeFilterRange,
  wire.decodeHeaders,
  wire.decodeInventory,
  wire.decodeLocator,
  wire.decodeMerkleBlock,
  wire.decodeNonce,
  wire.decodeSendCompact,
  wire.decodeVersion,
]

describe('bad payloads', () => {
  const many = (count: number, bytesEach: number): Buffer => Buffer.concat([wire.compactSize(count), Buffer.alloc(count * bytesEach)])
  it('more elements than allowed', () => {
    assert.equal(ruleOf(wire.decodeInventory(many(50_001, 36))), 'count')
    assert.equal(ruleOf(wire.decodeHeaders(many(2001, 81))), 'count')
    assert.equal(ruleOf(wire.decodeAddresses(many(1001, 30))), 'count')
    assert.equal(ruleOf(wire.decodeLocator(Buffer.concat([Buffer.alloc(4), many(102, 32), Buffer.alloc(32)]))), 'count')
    assert.equal(good(wire.decodeInventory(many(50_000, 36))).length, 50_000)
  })
  it('a count without its elements', () => {
    assert.equal(ruleOf(wire.decodeInventory(wire.compactSize(50_000))), 'truncated')
    assert.equal(ruleOf(wire.decodeInventory(Buffer.from('ffffffffffffffffff', 'hex'))), 'count')
  })
  it('bytes after the end', () => assert.equal(ruleOf(wire.decodeNonce(Buffer.alloc(9))), 'trailing'))
  it('headers that carry transactions', () => {
    assert.equal(ruleOf(wire.decodeHeaders(Buffer.concat([Buffer.from([1]), Buffer.alloc(80), Buffer.from([1])]))), 'value')
  })
  it('indexes beyond a block', () => {
    const payload = Buffer.concat([Buffer.alloc(32), Buffer.from([2]), wire.compactSize(65535), wire.compactSize(0)])
    assert.equal(ruleOf(wire.decodeBlockTransactionsRequest(payload)), 'value')
  })
  it('a checksum that does not fit', () => {
    const header = wire.readFrameHeader(wire.NETWORKS.regtest, wire.encodeMessage(wire.NETWORKS.regtest, 'ping', Buffer.alloc(8)), 0, 0)
    assert.ok(!('rule' in header))
    assert.equal(wire.verifyChecksum(header, Buffer.alloc(8)), undefined)
    assert.equal(wire.verifyChecksum(header, Buffer.alloc(8, 1))?.rule, 'checksum')
  })
  it('noise never throws, and a fault lies inside the payload', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(...DECODERS), (noise, decode) => {
        const decoded = decode(Buffer.from(noise))
        if (!decoded.ok) assert.ok(decoded.violation.position <= noise.length)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('heads of replies', () => {
  const genesis = wire.NETWORKS.regtest
  it('block, compact block, merkle block', () => {
    const block = Buffer.concat([genesis.genesisHeader, wire.compactSize(3), Buffer.alloc(50)])
    assert.deepEqual(good(wire.decodeBlockHead(block)).hash, genesis.genesisHash)
    assert.equal(good(wire.decodeBlockHead(block)).transactionCount, 3)
    const compact = Buffer.concat([genesis.genesisHeader, Buffer.alloc(8), many(2, 6), wire.compactSize(1), Buffer.alloc(60)])
    assert.deepEqual(good(wire.decodeCompactBlockHead(compact)), {
      hash: genesis.genesisHash,
      nonce: 0n,
      shortIdCount: 2,
      prefilledCount: 1,
    })
    const merkle = Buffer.concat([genesis.genesisHeader, wire.u32(9), many(2, 32), many(1, 1)])
    assert.equal(good(wire.decodeMerkleBlock(merkle)).hashes.length, 2)
  })
  it('filters', () => {
    const stop = Buffer.alloc(32, 5)
    assert.equal(good(wire.decodeFilterHead(Buffer.concat([Buffer.from([0]), stop, many(20, 1)]))).filterBytes, 20)
    assert.equal(good(wire.decodeFilterHeadersHead(Buffer.concat([Buffer.from([0]), stop, stop, many(7, 32)]))).count, 7)
    assert.equal(good(wire.decodeFilterCheckpointHead(Buffer.concat([Buffer.from([0]), stop, many(4, 32)]))).count, 4)
    assert.equal(good(wire.decodeBlockTransactionsHead(Buffer.concat([stop, wire.compactSize(2)]))).transactionCount, 2)
  })
  function many(count: number, bytesEach: number): Buffer {
    return Buffer.concat([wire.compactSize(count), Buffer.alloc(count * bytesEach)])
  }
})
