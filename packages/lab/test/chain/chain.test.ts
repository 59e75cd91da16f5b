/** The chain maker keeps regtest's rules, and makes the same chain every time: its tips are pinned. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { decodeBlockHead, hash256, hashToText, NETWORKS } from '@sluice/bitcoin'
import { BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, heightPush, makeBlock } from '../../src/chain/block.ts'
import { growChain, REGTEST_GENESIS } from '../../src/chain/chain.ts'
import { outOfOrder, writeBlockDirectory, writeChainFile } from '../../src/chain/files.ts'

/** 200 blocks of 999,000 bytes, 7200 s apart. */
const LONG_TIP = '19e696a04219c9c7738cdb3accf0df748a1464dab81d585411e5d5c2022411a8'
/** 12 blocks of 1000 bytes, 600 s apart. */
const SHORT_TIP = '2f4db76a831fd1ece43ad096992c61dc474fb17b8bac1a0a8bb657c9bb3669a7'

function temporary(t: { after(done: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'chain-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

describe('blocks', () => {
  it('push heights as BIP 34 wants them', () => {
    const table: readonly (readonly [number, string])[] = [
      [1, '51'],
      [16, '60'],
      [17, '0111'],
      [127, '017f'],
      [128, '028000'],
      [256, '020001'],
      [32768, '03008000'],
    ]
    for (const [height, hex] of table) assert.equal(heightPush(height).toString('hex'), hex)
  })

  it('have the size asked for, hash below the target, and a merkle root that is their transaction', () => {
    for (const bytes of [BLOCK_BYTES_MIN, 1000, 65_000, 70_000, BLOCK_BYTES_MAX]) {
      const block = makeBlock({ height: 300, previous: REGTEST_GENESIS.hash, time: 1, bytes, salt: 'x' })
      assert.equal(block.bytes.length, bytes)
      const head = decodeBlockHead(block.bytes)
      assert.ok(head.ok)
      assert.equal(head.value.transactionCount, 1)
      assert.deepEqual(head.value.header.merkleRoot, hash256(block.bytes.subarray(81)))
      assert.ok(BigInt(`0x${hashToText(block.hash)}`) <= 0x7fffffn << 232n)
    }
  })

  it('refuse sizes and salts that no valid block has', () => {
    const init = { height: 1, previous: REGTEST_GENESIS.hash, time: 1, bytes: 1000, salt: '' }
    assert.throws(() => makeBlock({ ...init, bytes: BLOCK_BYTES_MAX + 1 }), RangeError)
    assert.throws(() => makeBlock({ ...init, bytes: BLOCK_BYTES_MIN - 1 }), RangeError)
    assert.throws(() => makeBlock({ ...init, salt: 'x'.repeat(101) }), RangeError)
  })
})

describe('chains', () => {
  it('of 12 small blocks end in the pinned tip, each block on the one before', () => {
    let previous = REGTEST_GENESIS.hash
    for (const block of growChain({ blocks: 12, blockBytes: 1000, spacingSeconds: 600 })) {
      assert.deepEqual(block.bytes.subarray(4, 36), previous)
      previous = block.hash
    }
    assert.equal(hashToText(previous), SHORT_TIP)
  })

  it('of 200 full blocks end in the pinned tip', () => {
    let last: { height: number; hash: Buffer } = REGTEST_GENESIS
    for (const block of growChain({ blocks: 200 })) last = block
    assert.equal(last.height, 200)
    assert.equal(hashToText(last.hash), LONG_TIP)
  })

  it('part where their salt does', () => {
    const [main] = growChain({ blocks: 1, blockBytes: 1000 })
    const [stale] = growChain({ blocks: 1, blockBytes: 1000, salt: 'stale' })
    assert.notDeepEqual(main!.hash, stale!.hash)
    assert.deepEqual(main!.bytes.subarray(68, 72), stale!.bytes.subarray(68, 72))
  })
})

describe('files', () => {
  it('a chain file holds magic, length, block', t => {
    const path = join(temporary(t), 'chain.dat')
    const tip = writeChainFile(path, { blocks: 3, blockBytes: 1000, spacingSeconds: 600 })
    const bytes = readFileSync(path)
    assert.equal(bytes.length, 3 * 1008)
    assert.deepEqual(bytes.subarray(2016, 2020), NETWORKS.regtest.magic)
    assert.equal(bytes.readUInt32LE(2020), 1000)
    assert.deepEqual(hash256(bytes.subarray(2024, 2104)), tip.hash)
    assert.throws(() => writeChainFile(path, { blocks: 0 }), RangeError)
  })

  it('a block directory is cut, obfuscated by offset, and padded in plain zeros', t => {
    const directory = temporary(t)
    const key = Buffer.from('0102030405060708', 'hex')
    const blocks = [...growChain({ blocks: 5, blockBytes: 1001 })]
    assert.equal(writeBlockDirectory(directory, { blocks, xorKey: key, fileBytesMax: 2100, paddingBytes: 50 }), 3)
    assert.deepEqual(readdirSync(directory).sort(), ['blk00000.dat', 'blk00001.dat', 'blk00002.dat', 'xor.dat'])
    const file = readFileSync(join(directory, 'blk00000.dat'))
    assert.equal(statSync(join(directory, 'blk00000.dat')).size, 2 * 1009 + 50)
    assert.deepEqual(file.subarray(2018), Buffer.alloc(50))
    const plain = file.map((byte, index) => byte ^ key[index % 8]!)
    assert.deepEqual(Buffer.from(plain.subarray(1009 + 8, 1009 + 1009)), blocks[1]!.bytes)
    assert.throws(() => writeBlockDirectory(directory, { blocks, xorKey: Buffer.alloc(7) }), RangeError)
  })

  it('shuffling keeps every item and depends on the seed alone', () => {
    const items = Array.from({ length: 50 }, (_, index) => index)
    const shuffled = outOfOrder(items, 7)
    assert.notDeepEqual(shuffled, items)
    assert.deepEqual(outOfOrder(items, 7), shuffled)
    assert.deepEqual(
      [...shuffled].sort((a, b) => a - b),
      items,
    )
  })
})
