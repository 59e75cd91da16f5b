/**
 * From headers in any order to one chain: the branch with the most work from the genesis block. Stale blocks stay known by hash, so a peer that asks for one gets it, but they are
 * not offered. Blocks whose ancestors are missing belong to no chain and are counted as orphans.
 *
 * Nothing is validated beyond linkage and work: a node that syncs from here checks every block itself.
 */

import { BLOCK_HEADER_BYTES, decodeBlockHeader, hash256, type Network } from '../wire/index.ts'
import type { FoundBlock, StoredBlock } from './block-files.ts'

/** Blocks of one index, at about 500 bytes each. Mainnet reaches this around the year 2046. */
export const INDEX_BLOCKS_MAX = 2_000_000

export interface IndexedBlock {
  /** -1 while unknown, and for orphans. */
  readonly height: number
  readonly hash: Buffer
  readonly header: Buffer
  /** Absent for a genesis block that no file holds. */
  readonly stored: StoredBlock | undefined
}

interface Node extends IndexedBlock {
  height: number
  /** Sum of work from the genesis block to here. */
  work: bigint
  readonly order: number
}

/** Expected number of hashes for a target: 2^256 / (target + 1). Source: Bitcoin Core `src/chain.cpp`, GetBlockProof. Zero for a target that is negative, zero or too large. */
export function workOf(bits: number): bigint {
  const exponent = bits >>> 24
  const mantissa = BigInt(bits & 0x7fffff)
  if ((bits & 0x800000) !== 0 || mantissa === 0n || exponent > 34) return 0n
  const target = exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3))
  return target === 0n || target >= 1n << 256n ? 0n : (1n << 256n) / (target + 1n)
}

const keyOf = (hash: Buffer): string => hash.toString('latin1')

export class BlockIndex {
  readonly #nodes = new Map<string, Node>()
  readonly #active: Node[] = []
  /** Blocks not connected to the genesis block. */
  readonly orphans: number

  private constructor(nodes: Map<string, Node>, active: Node[], orphans: number) {
    this.#nodes = nodes
    this.#active = active
    this.orphans = orphans
  }

  /** @throws RangeError for more than 2,000,000 blocks */
  static async build(network: Network, blocks: AsyncIterable<FoundBlock> | Iterable<FoundBlock>): Promise<BlockIndex> {
    const nodes = new Map<string, Node>()
    const add = (header: Buffer, stored: StoredBlock | undefined): void => {
      const hash = hash256(header)
      const key = keyOf(hash)
      const known = nodes.get(key)
      if (known?.stored !== undefined) return
      if (nodes.size >= INDEX_BLOCKS_MAX) throw new RangeError(`More than ${INDEX_BLOCKS_MAX} blocks cannot be indexed.`)
      nodes.set(key, { hash, header, stored, height: -1, work: 0n, order: nodes.size })
    }
    add(network.genesisHeader, undefined)
    for await (const { header, file, offset, bytes } of blocks) add(header, { file, offset, bytes })
    const tip = connect(nodes, nodes.get(keyOf(network.genesisHash))!)
    const active: Node[] = []
    for (let node: Node | undefined = tip; node !== undefined; node = nodes.get(previousKey(node))) active[node.height] = node
    let orphans = 0
    for (const node of nodes.values()) if (node.height < 0) orphans++
    return new BlockIndex(nodes, active, orphans)
  }

  /** Best block: its height is 0 when there is only the genesis block. */
  get tip(): IndexedBlock {
    return this.#active.at(-1)!
  }

  /** Blocks known, stale ones and orphans included. */
  get size(): number {
    return this.#nodes.size
  }

  find(hash: Buffer): IndexedBlock | undefined {
    return this.#nodes.get(keyOf(hash))
  }

  /** The block of the best chain at this height. */
  at(height: number): IndexedBlock | undefined {
    return this.#active[height]
  }

  /** Height of the first locator hash that lies on the best chain; 0 when none does, as all chains share their genesis block. */
  forkHeight(locator: readonly Buffer[]): number {
    for (const hash of locator) {
      const node = this.#nodes.get(keyOf(hash))
      if (node !== undefined && this.#active[node.height] === node) return node.height
    }
    return 0
  }

  /** Up to `maximum` blocks of the best chain above the fork, through `stop` where it is among them. */
  after(locator: readonly Buffer[], stop: Buffer, maximum: number): readonly IndexedBlock[] {
    const from = this.forkHeight(locator) + 1
    const blocks = this.#active.slice(from, from + maximum)
    const end = blocks.findIndex(block => block.hash.equals(stop))
    return end < 0 ? blocks : blocks.slice(0, end + 1)
  }
}

function previousKey(node: Node): string {
  return node.header.toString('latin1', 4, 36)
}

/** Gives every block that hangs on the genesis block its height and work, level by level, and returns the one with the most work; the one stored first, of equals. */
function connect(nodes: ReadonlyMap<string, Node>, genesis: Node): Node {
  const children = new Map<string, Node[]>()
  for (const node of nodes.values()) {
    if (node === genesis) continue
    const siblings = children.get(previousKey(node))
    if (siblings === undefined) children.set(previousKey(node), [node])
    else siblings.push(node)
  }
  genesis.height = 0
  let best = genesis
  const open = [genesis]
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const child of children.get(keyOf(parent.hash)) ?? []) {
      child.height = parent.height + 1
      child.work = parent.work + workOf(bitsOf(child.header))
      if (child.work > best.work || (child.work === best.work && child.order < best.order)) best = child
      open.push(child)
    }
  }
  return best
}

function bitsOf(header: Buffer): number {
  const decoded = decodeBlockHeader(header.subarray(0, BLOCK_HEADER_BYTES))
  return decoded.ok ? decoded.value.bits : 0
}
