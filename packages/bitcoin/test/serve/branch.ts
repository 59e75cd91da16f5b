/** Small linked blocks for tests of the index and the server: real headers over filler that is no transaction, since neither looks inside. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeBlockHeader, hash256, NETWORKS, u32 } from '../../src/index.ts'

export interface TestBlock {
  readonly hash: Buffer
  readonly bytes: Buffer
}

export interface BranchInit {
  readonly blocks: number
  readonly from?: Buffer
  readonly bits?: number
  readonly salt?: number
  readonly bytes?: number
}

export function branch({ blocks, from = NETWORKS.regtest.genesisHash, bits = 0x207fffff, salt = 0, bytes = 200 }: BranchInit): TestBlock[] {
  const made: TestBlock[] = []
  for (let i = 0; i < blocks; i++) {
    const previous = made.at(-1)?.hash ?? from
    const header = encodeBlockHeader({ version: 4, previous, merkleRoot: Buffer.alloc(32, salt), time: i, bits, nonce: i })
    made.push({ hash: hash256(header), bytes: Buffer.concat([header, Buffer.alloc(bytes - 80, i + 1)]) })
  }
  return made
}

export function record(block: TestBlock): Buffer {
  return Buffer.concat([NETWORKS.regtest.magic, u32(block.bytes.length), block.bytes])
}

export interface Cleanup {
  after(done: () => void | Promise<void>): void
}

export function temporaryDirectory(t: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), 'blocks-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

/** A chain file in a directory of its own. */
export function chainFile(t: Cleanup, blocks: readonly TestBlock[]): string {
  const path = join(temporaryDirectory(t), 'chain.dat')
  writeFileSync(path, Buffer.concat(blocks.map(record)))
  return path
}
