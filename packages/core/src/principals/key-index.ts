/**
 * From (level, two words) to a row: open addressing with linear probing over one Int32Array, at most half full, deletion by shifting back (no tombstones, so lookups never slow down with age).
 * A Map would need a key of one value, so a string or a bigint per lookup; this allocates nothing.
 *
 * The hash is seeded, so that nobody who picks his addresses can pick his collisions. The keys themselves live in columns of the owner.
 */

/** Where the keys of rows are. The arrays are replaced when the owner grows; read through this each time. */
export interface RowKeys {
  readonly levels: Uint8Array
  readonly highs: Int32Array
  readonly lows: Int32Array
}

const SLOTS_MIN = 64

export class KeyIndex {
  readonly #keys: RowKeys
  readonly #seed: number
  /** Row + 1; 0 is empty. */
  #slots: Int32Array
  #mask: number
  #size: number

  /** @param seed any integer; the same one gives the same layout */
  constructor(keys: RowKeys, seed: number) {
    this.#keys = keys
    this.#seed = seed | 0
    this.#slots = new Int32Array(SLOTS_MIN)
    this.#mask = SLOTS_MIN - 1
    this.#size = 0
  }

  /** MurmurHash3's finalizer over the three parts. */
  #hash(level: number, high: number, low: number): number {
    let h = Math.imul(high ^ this.#seed, 0x9e3779b1) ^ Math.imul(low + level, 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13) ^ Math.imul(low ^ this.#seed, 0xc2b2ae35), 0xc2b2ae35)
    return h ^ (h >>> 16)
  }

  /** The row, or -1. */
  find(level: number, high: number, low: number): number {
    const { levels, highs, lows } = this.#keys
    const slots = this.#slots
    const mask = this.#mask
    for (let i = this.#hash(level, high, low) & mask; ; i = (i + 1) & mask) {
      const row = (slots[i] ?? 0) - 1
      if (row < 0) return -1
      if (highs[row] === high && lows[row] === low && levels[row] === level) return row
    }
  }

  /** Adds a row whose key is in the columns and not yet here. */
  add(row: number): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow()
    this.#place(row)
    this.#size++
  }

  /** Removes a row whose key is still in the columns. */
  remove(row: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = this.#home(row)
    while (slots[hole] !== row + 1) {
      if (slots[hole] === 0) return
      hole = (hole + 1) & mask
    }
    for (let i = (hole + 1) & mask; ; i = (i + 1) & mask) {
      const value = slots[i] ?? 0
      if (value === 0) break
      const home = this.#home(value - 1)
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots[hole] = value
        hole = i
      }
    }
    slots[hole] = 0
    this.#size--
  }

  #home(row: number): number {
    const { levels, highs, lows } = this.#keys
    return this.#hash(levels[row] ?? 0, highs[row] ?? 0, lows[row] ?? 0) & this.#mask
  }

  #place(row: number): void {
    const slots = this.#slots
    let i = this.#home(row)
    while (slots[i] !== 0) i = (i + 1) & this.#mask
    slots[i] = row + 1
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Int32Array(2 * before.length)
    this.#mask = this.#slots.length - 1
    for (const value of before) if (value !== 0) this.#place(value - 1)
  }
}
