/** A chain of the maker, left on disk as a node would leave it, served to a client that ends at the pinned tip. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import * as bitcoin from '@sluice/bitcoin'
import { growChain } from '../../src/chain/chain.ts'
import { outOfOrder, writeBlockDirectory } from '../../src/chain/files.ts'

const NETWORK = bitcoin.NETWORKS.regtest

/** Sends requests at once and returns the hashes of all blocks that come back. */
function fetchBlocks(port: number, hashes: readonly Buffer[]): Promise<string[]> {
  const blocks: string[] = []
  const collector = new bitcoin.Collector()
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const framer = new bitcoin.Framer(NETWORK, {
      header: () => {},
      payload: slice => collector.add(slice),
      end: header => {
        const payload = collector.take()
        if (header.command === 'block') blocks.push(bitcoin.hashToText(bitcoin.blockHash(payload)))
        if (blocks.length === hashes.length) socket.destroy()
      },
    })
    socket.on('data', chunk => framer.push(chunk))
    socket.once('error', reject)
    socket.once('close', () => resolve(blocks))
    const version = { protocol: 70016, services: 0n, time: 0n, nonce: 0n, userAgent: '', startHeight: 0, relay: false }
    const hello = bitcoin.encodeVersion({ ...version, receiver: bitcoin.noAddress(), sender: bitcoin.noAddress() })
    const items = hashes.map(hash => ({ type: bitcoin.MSG_CMPCT_BLOCK, hash }))
    socket.write(bitcoin.encodeMessage(NETWORK, 'version', hello))
    socket.write(bitcoin.encodeMessage(NETWORK, 'getdata', bitcoin.encodeInventory(items)))
  })
}

it('serves an obfuscated, shuffled directory with a stale branch as one chain', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'chain-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const main = [...growChain({ blocks: 40, blockBytes: 50_000 })]
  const stale = [...growChain({ blocks: 3, blockBytes: 50_000, salt: 'stale', from: main[19]! })]
  const blocks = outOfOrder([...main, ...stale], 1)
  const files = writeBlockDirectory(directory, {
    blocks,
    xorKey: Buffer.from('f00dfacecafebabe', 'hex'),
    fileBytesMax: 700_000,
    paddingBytes: 4096,
  })
  assert.equal(files, 4)
  const server = await bitcoin.serveBlocks({ network: 'regtest', path: directory })
  t.after(() => server.close())
  assert.deepEqual(server.unread, [])
  assert.equal(server.blocks, 44)
  assert.deepEqual(server.tip.hash, main[39]!.hash)
  const served = await fetchBlocks(
    server.port,
    main.map(block => block.hash),
  )
  assert.deepEqual(
    served,
    main.map(block => bitcoin.hashToText(block.hash)),
  )
})
