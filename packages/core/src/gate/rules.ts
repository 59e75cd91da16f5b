/**
 * A changeable set of gate entries that answers "which entry names this address and peer?" in a few probes: networks by hash per length, bare peers and relays by name.
 * Entries with a port or a peer hang off their network and are compared one by one; their number per network is bounded.
 */

import type { Address } from '../address.ts'
import type { GateEntry } from './entries.ts'
import { PrefixTable } from './prefixes.ts'

/** Entries on one network that differ by port or peer. More than this on one address is a list of ports, not of strangers. */
export const ENTRIES_PER_NETWORK_MAX = 1024

/** Entries of one network. */
interface Cell {
  /** The entry without port and peer. */
  plain: GateEntry | undefined
  readonly narrow: GateEntry[]
}

export class GateRules {
  readonly #entries: Map<string, GateEntry> = new Map()
  readonly #networks: PrefixTable
  readonly #cells: (Cell | undefined)[] = []
  readonly #free: number[] = []
  /** `/p2p/ID`, by id. */
  readonly #peers: Map<string, GateEntry> = new Map()
  /** `/p2p/ID/p2p-circuit`, with or without a peer behind it, by the relay's id. */
  readonly #relays: Map<string, Cell> = new Map()

  /** @param seed of the hash; any integer. @default 0 */
  constructor(seed = 0) {
    this.#networks = new PrefixTable(seed)
  }

  get size(): number {
    return this.#entries.size
  }

  entries(): IterableIterator<GateEntry> {
    return this.#entries.values()
  }

  /** By canonical text. */
  get(text: string): GateEntry | undefined {
    return this.#entries.get(text)
  }

  /** False when it is there already, or when its network has `ENTRIES_PER_NETWORK_MAX` narrower ones. */
  add(entry: GateEntry): boolean {
    if (this.#entries.has(entry.text)) return false
    if (entry.version === 0 && entry.relay === undefined) this.#peers.set(entry.peer ?? '', entry)
    else if (!put(this.#cellFor(entry), entry)) return false
    this.#entries.set(entry.text, entry)
    return true
  }

  /** By canonical text. True when there was one. */
  delete(text: string): boolean {
    const entry = this.#entries.get(text)
    if (entry === undefined) return false
    this.#entries.delete(text)
    if (entry.version === 0 && entry.relay === undefined) this.#peers.delete(entry.peer ?? '')
    else this.#take(entry)
    return true
  }

  /**
   * The entry that names this address and peer, the most specific network first; undefined when none does. Entries with a peer count only when `peer` is that one.
   * @param anyPeer entries with a peer count whatever the peer, for a connection whose peer is not known yet. @default false
   */
  match(address: Address | undefined, peer: string | undefined, anyPeer = false): GateEntry | undefined {
    if (peer !== undefined && this.#peers.size > 0) {
      const entry = this.#peers.get(peer)
      if (entry !== undefined) return entry
    }
    if (address === undefined) return undefined
    if (address.kind === 'relay') {
      const cell = this.#relays.size === 0 ? undefined : this.#relays.get(address.scope)
      return cell === undefined ? undefined : find(cell, -1, peer, anyPeer)
    }
    if (address.kind === 'other' || this.#networks.size === 0) return undefined
    return this.#matchNetwork(address, peer, anyPeer)
  }

  #matchNetwork(address: Address, peer: string | undefined, anyPeer: boolean): GateEntry | undefined {
    const version = address.kind === 'ip4' ? 4 : 6
    const probes = this.#networks.probes(version)
    for (let i = 0; i < probes; i++) {
      const value = this.#networks.probe(version, address.a, address.b, address.c, address.d, i)
      const cell = value < 0 ? undefined : this.#cells[value]
      const entry = cell === undefined ? undefined : find(cell, address.port, peer, anyPeer)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #cellFor(entry: GateEntry): Cell {
    if (entry.relay !== undefined) {
      const known = this.#relays.get(entry.relay)
      if (known !== undefined) return known
      const cell: Cell = { plain: undefined, narrow: [] }
      this.#relays.set(entry.relay, cell)
      return cell
    }
    const key = networkOf(entry)
    const known = this.#cells[this.#networks.get(key)]
    if (known !== undefined) return known
    const cell: Cell = { plain: undefined, narrow: [] }
    const at = this.#free.pop() ?? this.#cells.length
    this.#cells[at] = cell
    this.#networks.set(key, at)
    return cell
  }

  #take(entry: GateEntry): void {
    const at = entry.relay === undefined ? this.#networks.get(networkOf(entry)) : -1
    const cell = entry.relay === undefined ? this.#cells[at] : this.#relays.get(entry.relay)
    if (cell === undefined) return
    if (cell.plain?.text === entry.text) cell.plain = undefined
    else {
      const place = cell.narrow.findIndex(one => one.text === entry.text)
      if (place >= 0) cell.narrow.splice(place, 1)
    }
    if (cell.plain !== undefined || cell.narrow.length > 0) return
    if (entry.relay !== undefined) {
      this.#relays.delete(entry.relay)
      return
    }
    this.#networks.delete(networkOf(entry))
    this.#cells[at] = undefined
    this.#free.push(at)
  }
}

function networkOf(entry: GateEntry): { version: 4 | 6; a: number; b: number; c: number; d: number; length: number } {
  const { a, b, c, d, length } = entry
  return { version: entry.version === 4 ? 4 : 6, a, b, c, d, length }
}

function put(cell: Cell, entry: GateEntry): boolean {
  if (entry.port < 0 && entry.peer === undefined) {
    cell.plain = entry
    return true
  }
  if (cell.narrow.length >= ENTRIES_PER_NETWORK_MAX) return false
  cell.narrow.push(entry)
  return true
}

function find(cell: Cell, port: number, peer: string | undefined, anyPeer: boolean): GateEntry | undefined {
  if (cell.plain !== undefined) return cell.plain
  for (const entry of cell.narrow) {
    if (entry.port >= 0 && entry.port !== port) continue
    if (entry.peer === undefined || entry.peer === peer || (anyPeer && peer === undefined)) return entry
  }
  return undefined
}
