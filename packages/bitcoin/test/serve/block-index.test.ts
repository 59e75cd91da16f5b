/** Files in every state a node leaves them in, and the one chain that comes out of them. */

import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NETWORKS } from '../../src/index.ts'
import { BlockFiles, type FoundBlock } from '../../src/serve/block-files.ts'
import { BlockIndex, workOf } from '../../src/serve/block-index.ts'
import { branch, chainFile, record, type TestBlock, temporaryDirectory } from './branch.ts'

const NETWORK = NETWORKS.regtest

function found(blocks: readonly TestBlock[]): FoundBlock[] {
  return blocks.map(block => ({ header: block.bytes.subarray(0, 80), file: 0, offset: 0, bytes: block.bytes.length }))
}

describe('index', () => {
  it('knows the work of a target', () => {
    assert.equal(workOf(0x207fffff), 2n)
    assert.equal(workOf(0x1d00ffff), 4295032833n)
    for (const none of [0, 0x20800001, 0xff7fffff, 0x01003456]) assert.equal(workOf(none), 0n)
  })

  it('finds the chain with the most work in any order of the blocks', async () => {
    const main = branch({ blocks: 12 })
    const stale = branch({ blocks: 5, from: main[5]!.hash, salt: 1 })
    const orphans = branch({ blocks: 20, from: Buffer.alloc(32, 9), salt: 2 })
    const all = [...main, ...stale, ...orphans]
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(all, { minLength: all.length }), async order => {
        const index = await BlockIndex.build(NETWORK, found(order))
        assert.deepEqual(index.tip.hash, main.at(-1)!.hash)
        assert.equal(index.tip.height, 12)
        assert.equal(index.orphans, 20)
        assert.equal(index.size, 38)
        assert.equal(index.find(stale[4]!.hash)?.height, 11)
        assert.equal(index.forkHeight([stale[4]!.hash, main[5]!.hash]), 6)
        assert.equal(index.forkHeight([orphans[0]!.hash]), 0)
      }),
      { numRuns: 30 },
    )
  })

  it('prefers work to length, and what was stored first among equals', async () => {
    const long = branch({ blocks: 10 })
    const heavy = branch({ blocks: 2, bits: 0x1f00ffff, salt: 1 })
    assert.deepEqual((await BlockIndex.build(NETWORK, found([...long, ...heavy]))).tip.hash, heavy[1]!.hash)
    const [a, b] = [branch({ blocks: 3 }), branch({ blocks: 3, salt: 1 })]
    assert.deepEqual((await BlockIndex.build(NETWORK, found([...a, ...b]))).tip.hash, a[2]!.hash)
    assert.deepEqual((await BlockIndex.build(NETWORK, found([...b, ...a]))).tip.hash, b[2]!.hash)
  })

  it('gives what comes after a locator, up to a maximum or a stop', async () => {
    const main = branch({ blocks: 30 })
    const index = await BlockIndex.build(NETWORK, found(main))
    const none = Buffer.alloc(32)
    assert.equal(index.after([], none, 2000).length, 30)
    assert.equal(index.after([main[9]!.hash], none, 5).at(-1)!.height, 15)
    assert.equal(index.after([main[9]!.hash], main[11]!.hash, 500).length, 2)
    assert.equal(index.after([main[29]!.hash], none, 500).length, 0)
    assert.equal((await BlockIndex.build(NETWORK, [])).tip.height, 0)
  })
})

describe('files', () => {
  const main = branch({ blocks: 6 })
  const scan = async (path: string): Promise<{ files: BlockFiles; blocks: FoundBlock[] }> => {
    const files = await BlockFiles.open(NETWORK, path)
    const blocks: FoundBlock[] = []
    for await (const block of files.scan()) blocks.push(block)
    return { files, blocks }
  }

  it('reads a chain file, and each block back', async t => {
    const { files, blocks } = await scan(chainFile(t, main))
    assert.equal(blocks.length, 6)
    for (const [i, block] of blocks.entries()) assert.deepEqual(await files.read(block), main[i]!.bytes)
    assert.deepEqual(files.unread, [])
  })

  it('reads obfuscated files with zeros after the last record', async t => {
    const directory = temporaryDirectory(t)
    const key = Buffer.from('1122334455667788', 'hex')
    writeFileSync(join(directory, 'xor.dat'), key)
    for (const [file, blocks] of [main.slice(3), main.slice(0, 3)].entries()) {
      const plain = Buffer.concat(blocks.map(record))
      const hidden = plain.map((byte, i) => byte ^ key[i % 8]!)
      writeFileSync(join(directory, `blk0000${file}.dat`), Buffer.concat([hidden, Buffer.alloc(1000)]))
    }
    writeFileSync(join(directory, 'rev00000.dat'), 'not ours')
    const { files, blocks } = await scan(directory)
    assert.deepEqual(files.unread, [])
    assert.deepEqual(await files.read(blocks[0]!), main[3]!.bytes)
    assert.deepEqual((await BlockIndex.build(NETWORK, blocks)).tip.hash, main[5]!.hash)
  })

  it('reports damage and reads what stands before it', async t => {
    for (const damage of [
      Buffer.from('garbage'),
      record(main[0]!).subarray(0, 100),
      Buffer.concat([NETWORK.magic, Buffer.alloc(200, 0xff)]),
    ]) {
      const path = chainFile(t, main.slice(0, 2))
      writeFileSync(path, damage, { flag: 'a' })
      const { files, blocks } = await scan(path)
      assert.equal(blocks.length, 2)
      assert.deepEqual(files.unread, [{ path, offset: 416, bytes: damage.length }])
    }
  })

  it('says when a file was changed under it', async t => {
    const path = chainFile(t, main)
    const { files, blocks } = await scan(path)
    truncateSync(path, 300)
    await assert.rejects(files.read(blocks[5]!), RangeError)
  })

  it('refuses a directory without blocks, and a key of another size', async t => {
    const directory = temporaryDirectory(t)
    await assert.rejects(BlockFiles.open(NETWORK, directory), /holds no blk/)
    writeFileSync(join(directory, 'blk00000.dat'), '')
    writeFileSync(join(directory, 'xor.dat'), 'short')
    await assert.rejects(BlockFiles.open(NETWORK, directory), /5 bytes, not 8/)
    await assert.rejects(BlockFiles.open(NETWORK, join(directory, 'gone')), { code: 'ENOENT' })
  })
})
