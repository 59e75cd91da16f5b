/**
 * Finds the blocks in a node's files without reading them: of each record only magic, length and header are read, 88 bytes. Records are (magic 4, length 4, block), one after
 * another; `xor.dat`, where present, holds 8 bytes that every byte is XORed with, by its offset in its file. Files are opened for one read and closed: nothing is held.
 *
 * A file ends, for us, at the first record that does not open with the magic: zeros allocated ahead, or damage. What is left over is reported, not searched.
 * Source: Bitcoin Core `src/node/blockstorage.cpp`; obfuscation since v28.
 */

import { open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BLOCK_HEADER_BYTES, MESSAGE_BYTES_MAX, type Network } from '../wire/index.ts'

const RECORD_HEAD_BYTES = 8
const XOR_KEY_BYTES = 8
/** Files of one directory: 100,000 of 128 MiB would be 13 TB. */
export const BLOCK_FILES_MAX = 100_000

export interface StoredBlock {
  /** Index into the list of files. */
  readonly file: number
  /** Where the block itself begins, after magic and length. */
  readonly offset: number
  readonly bytes: number
}

export interface FoundBlock extends StoredBlock {
  /** 80 bytes. */
  readonly header: Buffer
}

/** Bytes of a file that are no record and not all zero. */
export interface UnreadTail {
  readonly path: string
  readonly offset: number
  readonly bytes: number
}

export class BlockFiles {
  readonly #network: Network
  readonly #paths: readonly string[]
  readonly #key: Buffer | undefined
  readonly unread: UnreadTail[] = []

  private constructor(network: Network, paths: readonly string[], key: Buffer | undefined) {
    this.#network = network
    this.#paths = paths
    this.#key = key
  }

  /**
   * @param path a `blocks` directory with `blk*.dat`, or one file of records; `xor.dat` beside them is used
   * @throws RangeError when a directory holds no block file, or `xor.dat` has not 8 bytes; what the file system says otherwise
   */
  static async open(network: Network, path: string): Promise<BlockFiles> {
    const isDirectory = (await stat(path)).isDirectory()
    const directory = isDirectory ? path : dirname(path)
    const paths = isDirectory
      ? (await readdir(path))
          .filter(name => /^blk\d+\.dat$/.test(name))
          .sort()
          .map(name => join(path, name))
      : [path]
    if (paths.length === 0) throw new RangeError(`${path} holds no blk*.dat file.`)
    if (paths.length > BLOCK_FILES_MAX) throw new RangeError(`${path} holds ${paths.length} block files; ${BLOCK_FILES_MAX} is the most.`)
    const key = await readFile(join(directory, 'xor.dat')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (key !== undefined && key.length !== XOR_KEY_BYTES)
      throw new RangeError(`${join(directory, 'xor.dat')} has ${key.length} bytes, not ${XOR_KEY_BYTES}.`)
    return new BlockFiles(network, paths, key)
  }

  /** Every record, file by file in stored order. */
  async *scan(): AsyncGenerator<FoundBlock> {
    for (const file of this.#paths.keys()) yield* this.#scanFile(file)
  }

  async *#scanFile(file: number): AsyncGenerator<FoundBlock> {
    const path = this.#paths[file]!
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const head = Buffer.alloc(RECORD_HEAD_BYTES + BLOCK_HEADER_BYTES)
      let offset = 0
      while (offset < size) {
        const { bytesRead } = await handle.read(head, 0, head.length, offset)
        const raw = head.subarray(0, bytesRead)
        const zeros = raw.every(byte => byte === 0)
        this.#deobfuscate(raw, offset)
        const bytes = bytesRead === head.length && raw.readUInt32LE(0) === this.#network.magicWord ? raw.readUInt32LE(4) : 0
        if (bytes < BLOCK_HEADER_BYTES || bytes > MESSAGE_BYTES_MAX || offset + RECORD_HEAD_BYTES + bytes > size) {
          if (!zeros) this.unread.push({ path, offset, bytes: size - offset })
          return
        }
        yield { file, offset: offset + RECORD_HEAD_BYTES, bytes, header: Buffer.from(raw.subarray(RECORD_HEAD_BYTES)) }
        offset += RECORD_HEAD_BYTES + bytes
      }
    } finally {
      await handle.close()
    }
  }

  /** The block's bytes. @throws RangeError when the file has become shorter since it was scanned */
  async read(block: StoredBlock): Promise<Buffer> {
    const path = this.#paths[block.file]!
    const handle = await open(path, 'r')
    try {
      const bytes = Buffer.allocUnsafe(block.bytes)
      const { bytesRead } = await handle.read(bytes, 0, block.bytes, block.offset)
      if (bytesRead !== block.bytes)
        throw new RangeError(`${path} ends inside the block at ${block.offset}: it was changed since it was indexed.`)
      this.#deobfuscate(bytes, block.offset)
      return bytes
    } finally {
      await handle.close()
    }
  }

  #deobfuscate(bytes: Buffer, offset: number): void {
    const key = this.#key
    if (key === undefined) return
    for (let i = 0; i < bytes.length; i++) bytes[i]! ^= key[(offset + i) % XOR_KEY_BYTES]!
  }
}
