/**
 * The one bounded table of who is charged over time and by place: peer > IP > prefixes > node, each interned to a row number. Rooms keep columns over it (typed arrays, indexed by row) and are told when a
 * row comes, goes or the table grows, so that charging is array arithmetic: no allocation, no string, no hashing after the first lookup.
 *
 * Row 0 is the node. A row exists only together with its parents; only leaves go. When the table is full the least used leaf folds into its parent: its columns are folded by their rooms, its use is added, and
 * the row is given to the newcomer. Rows in use (pinned: something concurrent is counted there) never go. When every leaf is pinned a newcomer gets no row of its own and is charged to the
 * narrowest of its prefixes that has one, at worst to the node.
 */

import type { Address } from '../address.ts'
import { KeyIndex, type RowKeys } from './key-index.ts'
import {
  formatPlace,
  keyHigh,
  keyLow,
  LEVEL_COUNT,
  type Level,
  NETWORK,
  NODE,
  OTHER,
  PARENT_LEVEL,
  PEER,
  RELAY,
  V4_IP,
  V6_IP,
} from './levels.ts'
import { Recency, widen } from './recency.ts'

/** What a room keeps per row. */
export interface Column {
  /** The table has room for this many rows now; arrays must too. Called once at once on `attach`. */
  grow(capacity: number): void
  /** A row is given to a newcomer. */
  start(row: number, parent: number): void
  /** A row folds into its parent. */
  fold(row: number, parent: number): void
  /** Nothing would be lost if the row went now. */
  idle(row: number, nowMs: number): boolean
}

export interface PrincipalTableInit {
  /** Most rows, the node's own included. */
  readonly rowsMax: number
  /** Seeds the hash; any integer. @default 0 */
  readonly seed?: number
}

const CAPACITY_FIRST = 1024
const USES_MAX = 2 ** 31 - 1

/** Rows looked at by one call of `collect`, so that no call takes longer than a few milliseconds: most of it is letting go, when all of them are idle. */
export const COLLECT_ROWS_MAX = 2048

export class PrincipalTable implements RowKeys {
  readonly rowsMax: number
  levels: Uint8Array
  highs: Int32Array
  lows: Int32Array
  #parents: Int32Array
  #children: Int32Array
  #pins: Int32Array
  #uses: Int32Array
  readonly #index: KeyIndex
  /** Rows by name, for levels whose key is text. */
  readonly #named: readonly Map<string, number>[]
  readonly #names: Map<number, string> = new Map()
  readonly #recency: Recency
  readonly #columns: Column[] = []
  readonly #free: number[] = []
  #capacity: number
  #used: number
  /** Row the sweep looks at next; 0 when none is under way. */
  #hand: number

  constructor(init: PrincipalTableInit) {
    const capacity = Math.min(CAPACITY_FIRST, init.rowsMax)
    this.rowsMax = init.rowsMax
    this.levels = new Uint8Array(capacity)
    this.highs = new Int32Array(capacity)
    this.lows = new Int32Array(capacity)
    this.#parents = new Int32Array(capacity)
    this.#children = new Int32Array(capacity)
    this.#pins = new Int32Array(capacity)
    this.#uses = new Int32Array(capacity)
    this.#index = new KeyIndex(this, init.seed ?? 0)
    this.#named = Array.from({ length: LEVEL_COUNT }, () => new Map<string, number>())
    this.#recency = new Recency(capacity)
    this.#capacity = capacity
    this.#used = 1
    this.#hand = 0
    this.levels[0] = NODE
    this.#parents[0] = -1
  }

  /** Rows in use, the node's own included; at most `rowsMax`. */
  get size(): number {
    return this.#used - this.#free.length
  }

  attach(column: Column): void {
    this.#columns.push(column)
    column.grow(this.#capacity)
    column.start(0, -1)
    for (let row = 1; row < this.#used; row++) if (this.isLive(row)) column.start(row, this.parent(row))
  }

  detach(column: Column): void {
    const at = this.#columns.indexOf(column)
    if (at >= 0) this.#columns.splice(at, 1)
  }

  /** Row above; -1 above the node. */
  parent(row: number): number {
    return this.#parents[row] ?? -1
  }

  level(row: number): Level {
    return this.levels[row] ?? NODE
  }

  /** True for a row that stands for somebody now. */
  isLive(row: number): boolean {
    return row === 0 || (row > 0 && row < this.#used && this.#parents[row] !== -1)
  }

  /** Times this row was looked up, and what folded into it. */
  uses(row: number): number {
    return this.#uses[row] ?? 0
  }

  isPinned(row: number): boolean {
    return (this.#pins[row] ?? 0) > 0
  }

  /** Keeps a row, and with it those above, until as many `unpin`. The node needs none. */
  pin(row: number): void {
    if (row === 0) return
    this.#pins[row] = (this.#pins[row] ?? 0) + 1
    this.#recency.remove(row)
  }

  unpin(row: number): void {
    const pins = this.#pins[row] ?? 0
    if (row === 0 || pins === 0) return
    this.#pins[row] = pins - 1
    if (pins === 1 && this.#children[row] === 0) this.#recency.add(row, this.#uses[row] ?? 0)
  }

  /**
   * The row of an address's IP (of its relay, of its kind), made when there is none; when none can be made, the narrowest above it.
   * @param hint where it may be: a row that stands for this IP is taken without looking it up. @default 0, no hint
   */
  place(address: Address, hint = 0): number {
    if (address.kind === 'ip4') return this.#ip(V4_IP, address.a, 0, hint)
    if (address.kind === 'ip6') return this.#ip(V6_IP, address.a, address.b, hint)
    return this.named(address.kind === 'relay' ? RELAY : OTHER, address.scope, NODE)
  }

  /** The row of an address, or the narrowest above it that exists. Makes none, counts no use. */
  find(address: Address): number {
    if (address.kind === 'relay' || address.kind === 'other')
      return Math.max(0, this.findNamed(address.kind === 'relay' ? RELAY : OTHER, address.scope))
    const isIp4 = address.kind === 'ip4'
    for (let level = isIp4 ? V4_IP : V6_IP; level !== NODE; level = PARENT_LEVEL[level] ?? NODE) {
      const row = this.#index.find(level, keyHigh(level, address.a), keyLow(level, isIp4 ? 0 : address.b))
      if (row >= 0) return row
    }
    return 0
  }

  /** The row of exactly this level and words, or -1. */
  findPlace(level: Level, a: number, b: number): number {
    return this.#index.find(level, keyHigh(level, a), keyLow(level, b))
  }

  /** The row of a peer. @param place row of the address it came from, into which it folds */
  peer(peer: string, place: number): number {
    return this.named(PEER, peer, place)
  }

  /** The row of something known by text (peer, relay, other, network), made when there is none; `parent` when none can be made. */
  named(level: Level, name: string, parent: number): number {
    const row = this.#named[level]?.get(name) ?? -1
    if (row >= 0) {
      this.#touch(row)
      return row
    }
    const made = this.#make(level, 0, 0, parent)
    if (made < 0) return parent
    this.#named[level]?.set(name, made)
    this.#names.set(made, name)
    return made
  }

  /** The row of a name, or -1. */
  findNamed(level: Level, name: string): number {
    return this.#named[level]?.get(name) ?? -1
  }

  /** Text for people: `192.0.2.0/24`, `relay:…`, a peer id; `node` for row 0. Allocates. */
  name(row: number): string {
    const level = this.level(row)
    if (level === NODE) return 'node'
    if (level < RELAY) return formatPlace(level, this.highs[row] ?? 0, this.lows[row] ?? 0)
    const name = this.#names.get(row) ?? ''
    if (level === PEER || level === NETWORK) return name
    return level === RELAY ? `relay:${name}` : `other:${name}`
  }

  /** A sweep has begun and not looked at every row yet: `collect` wants to be called again. */
  get isSweeping(): boolean {
    return this.#hand > 0
  }

  /**
   * Lets go of idle rows, a bounded number per call; the next call goes on where this one stopped, and starts over when all have been looked at. From the newest row down, since a parent is older than its
   * children and can only go after them. Returns how many went.
   */
  collect(nowMs: number): number {
    let gone = 0
    if (this.#hand === 0) this.#hand = this.#used - 1
    const last = Math.max(0, this.#hand - COLLECT_ROWS_MAX)
    while (this.#hand > last) {
      const row = this.#hand--
      if (this.#recency.has(row) && this.#columns.every(column => column.idle(row, nowMs))) {
        this.#fold(row)
        this.#free.push(row)
        gone++
      }
    }
    return gone
  }

  #ip(level: Level, a: number, b: number, hint: number): number {
    const isHit = this.highs[hint] === a && this.lows[hint] === b && this.levels[hint] === level && this.isLive(hint)
    const row = isHit ? hint : this.#index.find(level, a, b)
    if (row >= 0) {
      this.#touch(row)
      return row
    }
    return this.#build(level, a, b)
  }

  /** Finds or makes the row and those above it, widest first. */
  #build(level: Level, a: number, b: number): number {
    if (level === NODE) return 0
    const high = keyHigh(level, a)
    const low = keyLow(level, b)
    const row = this.#index.find(level, high, low)
    if (row >= 0) return row
    const above = PARENT_LEVEL[level] ?? NODE
    const parent = this.#build(above, a, b)
    if (this.level(parent) !== above) return parent
    const made = this.#make(level, high, low, parent)
    if (made < 0) return parent
    this.#index.add(made)
    return made
  }

  #touch(row: number): void {
    const uses = this.#uses[row] ?? 0
    if (uses < USES_MAX) this.#uses[row] = uses + 1
    if (this.#recency.has(row)) {
      this.#recency.remove(row)
      this.#recency.add(row, uses + 1)
    }
  }

  /** A row with this key under `parent`, which is kept meanwhile; -1 when the table is full and all of it in use. */
  #make(level: Level, high: number, low: number, parent: number): number {
    this.#children[parent] = (this.#children[parent] ?? 0) + 1
    this.#recency.remove(parent)
    const row = this.#take()
    if (row < 0) {
      this.#orphan(parent)
      return -1
    }
    this.levels[row] = level
    this.highs[row] = high
    this.lows[row] = low
    this.#parents[row] = parent
    this.#children[row] = 0
    this.#pins[row] = 0
    this.#uses[row] = 1
    this.#recency.add(row, 1)
    for (const column of this.#columns) column.start(row, parent)
    return row
  }

  /** A child of `row` is no more. */
  #orphan(row: number): void {
    if (row < 0) return
    const children = (this.#children[row] ?? 0) - 1
    this.#children[row] = children
    if (children === 0 && row !== 0 && this.#pins[row] === 0) this.#recency.add(row, this.#uses[row] ?? 0)
  }

  #take(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#used < this.rowsMax) {
      if (this.#used === this.#capacity) this.#grow()
      return this.#used++
    }
    const row = this.#recency.first()
    if (row < 0) return -1
    this.#fold(row)
    return row
  }

  #fold(row: number): void {
    const parent = this.parent(row)
    const level = this.level(row)
    for (const column of this.#columns) column.fold(row, parent)
    this.#uses[parent] = Math.min(USES_MAX, (this.#uses[parent] ?? 0) + (this.#uses[row] ?? 0))
    if (level < RELAY) this.#index.remove(row)
    else {
      this.#named[level]?.delete(this.#names.get(row) ?? '')
      this.#names.delete(row)
    }
    this.#recency.remove(row)
    this.#parents[row] = -1
    this.#orphan(parent)
  }

  #grow(): void {
    const capacity = Math.min(this.rowsMax, 2 * this.#capacity)
    this.levels = widen(this.levels, new Uint8Array(capacity))
    this.highs = widen(this.highs, new Int32Array(capacity))
    this.lows = widen(this.lows, new Int32Array(capacity))
    this.#parents = widen(this.#parents, new Int32Array(capacity))
    this.#children = widen(this.#children, new Int32Array(capacity))
    this.#pins = widen(this.#pins, new Int32Array(capacity))
    this.#uses = widen(this.#uses, new Int32Array(capacity))
    this.#recency.grow(capacity)
    this.#capacity = capacity
    for (const column of this.#columns) column.grow(capacity)
  }
}
